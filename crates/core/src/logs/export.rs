//! `logs/export_events/event_EXPORT_*.log`: the rows of Ray's Python processes, the latest of each id.
//!
//! Written if `RAY_enable_export_api_write` (or `…_config`) is set, one JSON line per change:
//! `{"event_id", "timestamp": seconds, "source_type", "event_data": {snake_case, 64-bit numbers as strings}}`.
//!
//! | `source_type` | `Export` | id in `event_data` |
//! |---|---|---|
//! | `EXPORT_SUBMISSION_JOB` | `SubmissionJob` | `submission_job_id` |
//! | `EXPORT_DATASET_METADATA` | `Dataset` | `dataset_id` |
//! | `EXPORT_DATASET_OPERATOR_SCHEMA` | `OperatorSchema` | `operator_uuid` |
//! | `EXPORT_TRAIN_RUN` | `TrainRun` | `id` (run) |
//! | `EXPORT_TRAIN_RUN_ATTEMPT` | `TrainRunAttempt` | `attempt_id` |
//!
//! Each row is `event_data`, verbatim. Later lines replace earlier ones of the same id; "later" is by timestamp, then
//! rotation, then line, because many changes share a second.
//! The files of Ray's C++ processes (`EXPORT_ACTOR`, `EXPORT_NODE`, `EXPORT_DRIVER_JOB`, `EXPORT_TASK_<pid>`) are not
//! read: they are empty if Ray sends the events that this project reads.

use super::damage::{Damage, LineCheck};
use crate::base::stored_json;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Export {
    /// Submissions (`ExportSubmissionJobEventData`).
    SubmissionJob,
    /// Datasets with their operators (`ExportDatasetMetadata`).
    Dataset,
    /// The schema of an operator's output.
    OperatorSchema,
    /// Train runs (`ExportTrainRunEventData`); ids inside are base64.
    TrainRun,
    /// Attempts of train runs (`ExportTrainRunAttemptEventData`); ids inside are base64.
    TrainRunAttempt,
}

impl Export {
    fn of(source_type: &str) -> Option<Self> {
        Some(match source_type {
            "EXPORT_SUBMISSION_JOB" => Self::SubmissionJob,
            "EXPORT_DATASET_METADATA" => Self::Dataset,
            "EXPORT_DATASET_OPERATOR_SCHEMA" => Self::OperatorSchema,
            "EXPORT_TRAIN_RUN" => Self::TrainRun,
            "EXPORT_TRAIN_RUN_ATTEMPT" => Self::TrainRunAttempt,
            _ => return None,
        })
    }
}

/// Returns `true` if a file of this name contains such rows.
pub(super) fn is_wanted(name: &str) -> bool {
    let Some(kind) = name.strip_prefix("event_EXPORT_").and_then(|name| name.strip_suffix(".log")) else {
        return false;
    };
    kind == "SUBMISSION_JOB" || kind == "TRAIN_STATE" || kind == "DATASET_METADATA" || kind == "DATASET_OPERATOR_SCHEMA"
}

/// The latest row of one id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The time it was written, in Unix seconds.
    pub at_s: i64,
    /// The rotation of its file, which counts down from the oldest file to the current one, 0.
    rotation: std::cmp::Reverse<u32>,
    line: u64,
    /// `event_data`, verbatim.
    pub json: Box<str>,
}

/// The rows of all files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exports {
    rows: BTreeMap<(Export, Box<str>), Row>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    timestamp: i64,
    #[serde(borrow, default)]
    source_type: Cow<'a, str>,
    #[serde(borrow)]
    event_data: &'a RawValue,
}

#[derive(Deserialize)]
struct Ids<'a> {
    #[serde(borrow, default)]
    submission_job_id: Cow<'a, str>,
    #[serde(borrow, default)]
    dataset_id: Cow<'a, str>,
    #[serde(borrow, default)]
    operator_uuid: Cow<'a, str>,
    #[serde(borrow, default)]
    attempt_id: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
}

impl Exports {
    /// Reads one file; `rotation` is 0 for the current one.
    pub(super) fn read(&mut self, node: &str, path: &str, rotation: u32, bytes: &[u8], damage: &mut Damage) {
        let mut check = LineCheck::default();
        for (at, line) in LineCheck::lines(bytes) {
            if self.read_line(&line, rotation, at).is_none() {
                check.count_damaged(at);
            }
        }
        damage.add(node, path, check.damaged());
    }

    fn read_line(&mut self, text: &str, rotation: u32, line: u64) -> Option<()> {
        let text = &*stored_json::strict(text.as_bytes())?;
        let parsed: Line = stored_json::read_borrowed(text)?;
        let Some(kind) = Export::of(&parsed.source_type) else { return Some(()) };
        let json = parsed.event_data.get();
        let ids: Ids = stored_json::read_borrowed(json)?;
        let id = match kind {
            Export::SubmissionJob => ids.submission_job_id,
            Export::Dataset => ids.dataset_id,
            Export::OperatorSchema => ids.operator_uuid,
            Export::TrainRun => ids.id,
            Export::TrainRunAttempt => ids.attempt_id,
        };
        let rotation = std::cmp::Reverse(rotation);
        self.add((kind, (*id).into()), Row { at_s: parsed.timestamp, rotation, line, json: json.into() });
        Some(())
    }

    fn add(&mut self, key: (Export, Box<str>), row: Row) {
        match self.rows.get_mut(&key) {
            Some(known) if *known >= row => {}
            Some(known) => *known = row,
            None => {
                self.rows.insert(key, row);
            }
        }
    }

    /// Returns the latest row of every id of a kind, in the order of ids.
    pub fn rows(&self, kind: Export) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().filter(move |((known, _), _)| *known == kind).map(|((_, id), row)| (&**id, row))
    }

    /// Returns the latest row of one id.
    pub fn get(&self, kind: Export, id: &str) -> Option<&Row> {
        self.rows.get(&(kind, id.into()))
    }

    /// Merges the facts of another reader.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, row) in other.rows {
            self.add(key, row);
        }
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.rows.iter().map(|((_, id), row)| id.len() + row.json.len() + size_of::<Row>() + 40).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_row_wins_in_any_order_of_files() {
        let line = |at: i64, status: &str| {
            format!(
                r#"{{"event_id": "x", "timestamp": {at}, "source_type": "EXPORT_SUBMISSION_JOB", "event_data": {{"submission_job_id": "a", "status": "{status}"}}}}"#
            )
        };
        let old = line(5, "PENDING") + "\n" + &line(6, "RUNNING") + "\n";
        let new = line(6, "SUCCEEDED") + "\n{\"half";
        for files in [[(1, &old), (0, &new)], [(0, &new), (1, &old)]] {
            let (mut exports, mut damage) = (Exports::default(), Damage::default());
            for (rotation, text) in files {
                exports.read("n", "p", rotation, text.as_bytes(), &mut damage);
            }
            let rows: Vec<_> = exports.rows(Export::SubmissionJob).map(|(id, row)| (id, &*row.json)).collect();
            assert_eq!(rows, [("a", r#"{"submission_job_id": "a", "status": "SUCCEEDED"}"#)]);
            assert_eq!(damage.files().map(|(_, _, d)| d.lines).sum::<u64>(), 1);
        }
    }

    #[test]
    fn only_files_of_python_processes_are_wanted() {
        assert!(is_wanted("event_EXPORT_SUBMISSION_JOB.log") && is_wanted("event_EXPORT_TRAIN_STATE.log"));
        assert!(!is_wanted("event_EXPORT_TASK_1.log") && !is_wanted("event_EXPORT_ACTOR.log"));
    }
}
