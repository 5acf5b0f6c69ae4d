//! Platform events during the fold: records of Ray's autoscaler and of Kubernetes, kept as sent.

use crate::base::stored_json;
use crate::base::time::Nanos;
use std::collections::BTreeSet;

/// Maximum number of platform events kept, equal to that of Ray's dashboard.
const MAX: usize = 10_000;

/// Newest platform events of a session.
#[derive(Debug, Default)]
pub(super) struct PlatformEvents {
    records: BTreeSet<(Nanos, Box<str>)>,
    /// Size of all records, in bytes.
    bytes: usize,
}

impl PlatformEvents {
    /// Adds a record as strict JSON, so that answers can contain it unchanged. The error describes the problem.
    pub(super) fn add(&mut self, at: Nanos, record: &str) -> Result<(), &'static str> {
        let record = stored_json::object(record).ok_or("not a JSON object")?;
        self.insert(at, record.into());
        Ok(())
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (at, record) in other.records {
            self.insert(at, record);
        }
    }

    /// Returns the records, oldest first.
    pub(super) fn finish(self) -> Vec<Box<str>> {
        self.records.into_iter().map(|(_, record)| record).collect()
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.bytes + self.records.len() * 2 * size_of::<(Nanos, Box<str>)>()
    }

    fn insert(&mut self, at: Nanos, record: Box<str>) {
        let bytes = record.len();
        if self.records.insert((at, record)) {
            self.bytes += bytes;
        }
        if self.records.len() > MAX
            && let Some((_, oldest)) = self.records.pop_first()
        {
            self.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_distinct_records_as_strict_json() {
        let mut events = PlatformEvents::default();
        events.add(2, r#"{"platformEvent": {"usage": NaN}}"#).unwrap();
        events.add(1, r#"{"platformEvent": {}}"#).unwrap();
        events.add(1, r#"{"platformEvent": {}}"#).unwrap();
        assert!(events.add(3, "[1]").is_err());
        let held = events.weight();
        let mut other = PlatformEvents::default();
        other.add(1, r#"{"platformEvent": {}}"#).unwrap();
        events.merge(other);
        assert_eq!(events.weight(), held);
        let records = events.finish();
        assert_eq!(*records[0], *r#"{"platformEvent": {}}"#);
        assert_eq!(*records[1], *r#"{"platformEvent": {"usage": null}}"#);
    }

    #[test]
    fn keeps_newest_records_and_counts_their_bytes() {
        let mut events = PlatformEvents::default();
        for (at, number) in (0..).zip(0..MAX + 5) {
            events.add(at, &format!(r#"{{"at": "{number:08}"}}"#)).unwrap();
        }
        assert_eq!(events.bytes, MAX * r#"{"at": "00000000"}"#.len());
        assert_eq!(*events.finish()[0], *r#"{"at": "00000005"}"#);
    }
}
