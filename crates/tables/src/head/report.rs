//! `completeness.json` of a head: the counts and gaps of the build, which later readers cannot make again.

use crate::error::Error;
use ray_history_core::event::EventKind;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::completeness::Completeness;
use ray_history_core::snapshot::gap::{Code, Gap, Weight};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The report of a build.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    completeness: Completeness,
    /// Hashes of the names of files with problems, which the report of the API does not show.
    problem_files: [u64; 3],
    gaps: Vec<StoredGap>,
    /// Records that were read of each node, for the proof by manifests.
    pub(super) records_by_node: BTreeMap<String, u64>,
    /// Ray's version and commit, which may come from a log that is not kept.
    pub(super) ray: (String, String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredGap {
    code: Code,
    weight: Weight,
    message: String,
    missing: Option<u64>,
    of: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    event_types: Vec<String>,
    advice: Option<String>,
}

impl Report {
    pub(super) fn of(snapshot: &Snapshot, records_by_node: &BTreeMap<String, u64>) -> Self {
        let completeness = snapshot.completeness.clone();
        let problem_files = problems(&mut completeness.clone()).map(|files| *files);
        let gap = |gap: &Gap| {
            let Gap { code, weight, message, missing, of, event_types, advice } = gap.clone();
            let event_types = event_types.into_iter().map(str::to_owned).collect();
            StoredGap { code, weight, message, missing, of, event_types, advice }
        };
        let monitor = &snapshot.facts.monitor;
        Self {
            completeness,
            problem_files,
            gaps: snapshot.gaps.iter().map(gap).collect(),
            records_by_node: records_by_node.clone(),
            ray: (monitor.ray_version().to_owned(), monitor.ray_commit().to_owned()),
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|error| Error::malformed("completeness.json", error))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|error| Error::malformed("completeness.json", error))
    }

    /// Returns the counts and the gaps.
    pub(super) fn into_parts(self) -> (Completeness, Vec<Gap>) {
        let mut completeness = self.completeness;
        for (files, stored) in problems(&mut completeness).into_iter().zip(self.problem_files) {
            *files = stored;
        }
        let gap = |stored: StoredGap| {
            let StoredGap { code, weight, message, missing, of, event_types, advice } = stored;
            let names = EventKind::ALL.map(EventKind::name);
            let event_types =
                names.into_iter().filter(|name| event_types.iter().any(|stored| stored == name)).collect();
            Gap { code, weight, message, missing, of, event_types, advice }
        };
        (completeness, self.gaps.into_iter().map(gap).collect())
    }
}

fn problems(completeness: &mut Completeness) -> [&mut u64; 3] {
    let Completeness { unreadable_files, damaged_records, skewed_events, .. } = completeness;
    [&mut unreadable_files.files, &mut damaged_records.files, &mut skewed_events.files]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_gaps_come_back() {
        let mut snapshot = Snapshot::default();
        snapshot.completeness.events.add(EventKind::TaskProfile);
        snapshot.completeness.add_damaged("a", 3, "cut");
        snapshot.completeness.count_unknown_field("TaskDefinition", "new");
        snapshot.completeness.nodes_without_logs.push("aa".to_owned());
        let mut gap = Gap::new(Code::TaskEvents, Weight::Kind, "none").missing(3).of(7).advice("export them");
        gap.event_types = vec![EventKind::TaskDefinition.name(), EventKind::TaskLifecycle.name()];
        snapshot.gaps = vec![gap];
        let records = BTreeMap::from([("aa".to_owned(), 7)]);
        let bytes = Report::of(&snapshot, &records).to_bytes().unwrap();
        let report = Report::read(&bytes).unwrap();
        assert_eq!(report.records_by_node, records);
        assert_eq!(report.into_parts(), (snapshot.completeness, snapshot.gaps));
        for cut in 0..bytes.len() {
            assert!(Report::read(&bytes[..cut]).is_err());
        }
    }
}
