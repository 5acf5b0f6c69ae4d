//! `logs/events/event_*.log`: the rows of the events page.
//!
//! JSON lines of Ray's own event framework, in two shapes: C++ sources (GCS, RAYLET, `CORE_WORKER_<pid>`) and Python
//! sources (JOBS, AUTOSCALER, SERVE). Rows are kept as written, once per `event_id`.

use super::damage::{Damage, LineCheck};
use crate::base::stored_json;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The number of rows kept, the newest: the same as in the dashboard's memory (`RAY_DASHBOARD_MAX_EVENTS_TO_CACHE`).
const MAX_ROWS: usize = 10_000;
/// The longest line that is an event (Ray's own limit is 100 kB).
const MAX_LINE: usize = 1 << 20;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventRow {
    /// The time it was written, in Unix seconds.
    pub at_s: i64,
    /// Its id.
    pub id: Box<str>,
    /// The job it concerns; empty for none.
    pub job: Box<str>,
    /// The line as written, made strict JSON.
    pub json: Box<str>,
}

/// The key of a row: its time and id.
pub type EventKey = (i64, Box<str>);

/// The rows of all event files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventFacts {
    rows: BTreeMap<EventKey, EventRow>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    event_id: Cow<'a, str>,
    #[serde(default)]
    timestamp: serde_json::Value,
    #[serde(borrow, default)]
    custom_fields: Option<Fields<'a>>,
}

#[derive(Deserialize, Default)]
struct Fields<'a> {
    #[serde(borrow, default)]
    job_id: Option<Cow<'a, str>>,
}

impl EventFacts {
    /// Reads one file.
    pub fn read(&mut self, node: &str, path: &str, bytes: &[u8], damage: &mut Damage) {
        let mut check = LineCheck::default();
        for (at, line) in LineCheck::lines(bytes) {
            match row(&line) {
                Some(row) => self.add(row),
                None => check.count_damaged(at),
            }
        }
        damage.add(node, path, check.damaged());
    }

    fn add(&mut self, row: EventRow) {
        let known = self.rows.entry((row.at_s, row.id.clone())).or_insert_with(|| row.clone());
        if *known < row {
            *known = row;
        }
        if self.rows.len() > MAX_ROWS {
            self.rows.pop_first();
        }
    }

    /// Returns all rows, oldest first.
    pub fn rows(&self) -> impl Iterator<Item = &EventRow> {
        self.rows.values()
    }

    /// Returns the keys of all rows, oldest first.
    pub fn keys(&self) -> impl Iterator<Item = &EventKey> {
        self.rows.keys()
    }

    /// Returns the row of a key.
    pub fn row(&self, key: &EventKey) -> Option<&EventRow> {
        self.rows.get(key)
    }

    /// Merges the facts of another reader.
    pub fn merge(&mut self, other: Self) {
        for row in other.rows.into_values() {
            self.add(row);
        }
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.rows
            .values()
            .map(|row| row.json.len() + 2 * row.id.len() + row.job.len() + size_of::<EventRow>() + 64)
            .sum()
    }
}

fn row(text: &str) -> Option<EventRow> {
    if text.len() > MAX_LINE {
        return None;
    }
    let text = &*stored_json::strict(text.as_bytes())?;
    let line: Line = stored_json::read_borrowed(text)?;
    let at_s = line.timestamp.as_i64().or_else(|| line.timestamp.as_str()?.parse().ok())?;
    let job = line.custom_fields.and_then(|fields| fields.job_id).unwrap_or_default();
    Some(EventRow { at_s, id: (*line.event_id).into(), job: (*job).into(), json: text.trim().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_rows_once_and_counts_damaged_lines() {
        let cpp = r#"{"event_id":"a","timestamp":7,"custom_fields":{"job_id":"02000000"}}"#;
        let python = r#"{"event_id": "b", "timestamp": "6", "custom_fields": {"submission_id": "x"}}"#;
        let text = format!("{cpp}\n{python}\n{{half");
        let (mut facts, mut damage) = (EventFacts::default(), Damage::default());
        facts.read("n", "p", text.as_bytes(), &mut damage);
        facts.read("n", "p", text.as_bytes(), &mut damage);
        let rows: Vec<_> = facts.rows().map(|row| (&*row.id, &*row.job)).collect();
        assert_eq!(rows, [("b", ""), ("a", "02000000")]);
        assert_eq!(damage.files().map(|(_, _, d)| (d.lines, d.first)).collect::<Vec<_>>(), [(1, 3)]);
    }
}
