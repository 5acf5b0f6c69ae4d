//! `logs/events/event_JOBS.log`: the start and end of submissions, in whole seconds.
//!
//! JSON lines of Ray's job manager (`dashboard/modules/job/job_manager.py`):
//! `Started a ray job X.` and `Completed a ray job X with a status S.`, the latter followed by ` ERROR` when the job's
//! supervisor failed. A job whose supervisor was never found, or did not start in time, has no second line: see
//! `agent`.

use super::damage::{Damage, LineCheck};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The end of a submission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Completed {
    /// Unix seconds, at most a second or two after the end.
    pub at_s: i64,
    /// `SUCCEEDED`, `FAILED` or `STOPPED`.
    pub status: Box<str>,
    /// The reason its supervisor failed; empty if it did not.
    pub error: Box<str>,
}

/// The events of one submission.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobEvent {
    /// The time it was accepted, in Unix seconds; the last one of several (deleted and submitted again).
    pub started_s: Option<i64>,
    /// Its end; the last one of several.
    pub completed: Option<Completed>,
}

/// The events of all submissions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobEvents {
    jobs: BTreeMap<Box<str>, JobEvent>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    timestamp: Cow<'a, str>,
    #[serde(borrow, default)]
    custom_fields: Fields<'a>,
}

#[derive(Deserialize, Default)]
struct Fields<'a> {
    #[serde(borrow, default)]
    submission_id: Cow<'a, str>,
}

impl JobEvents {
    /// Reads one file.
    pub(super) fn read(&mut self, node: &str, path: &str, bytes: &[u8], damage: &mut Damage) {
        let mut check = LineCheck::default();
        for (at, line) in LineCheck::lines(bytes) {
            if self.read_line(&line).is_none() {
                check.count_damaged(at);
            }
        }
        damage.add(node, path, check.damaged());
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let line: Line = serde_json::from_str(line).ok()?;
        let id = &*line.custom_fields.submission_id;
        let at_s: i64 = line.timestamp.split('.').next()?.parse().ok()?;
        let mut event = JobEvent::default();
        let completed = line.message.strip_prefix("Completed a ray job ").and_then(|rest| rest.strip_prefix(id));
        if let Some(rest) = completed.and_then(|rest| rest.strip_prefix(" with a status ")) {
            let (status, error) = rest.split_once('.')?;
            let error = error.strip_prefix(' ').unwrap_or(error);
            event.completed = Some(Completed { at_s, status: status.into(), error: error.into() });
        } else if line.message.starts_with("Started a ray job ") {
            event.started_s = Some(at_s);
        } else {
            return Some(()); // A message of a later Ray: unknown, not damaged.
        }
        if !id.is_empty() {
            self.add(id.into(), event);
        }
        Some(())
    }

    fn add(&mut self, id: Box<str>, event: JobEvent) {
        let known = self.jobs.entry(id).or_default();
        known.started_s = known.started_s.max(event.started_s);
        known.completed = known.completed.take().max(event.completed);
    }

    /// Returns all facts, by submission id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &JobEvent)> {
        self.jobs.iter().map(|(id, event)| (&**id, event))
    }

    /// Returns the facts of one submission.
    pub fn get(&self, submission: &str) -> Option<&JobEvent> {
        self.jobs.get(submission)
    }

    /// Merges the facts of another reader.
    pub(super) fn merge(&mut self, other: Self) {
        for (id, event) in other.jobs {
            self.add(id, event);
        }
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let text = |event: &JobEvent| event.completed.as_ref().map_or(0, |end| end.status.len() + end.error.len());
        self.jobs.iter().map(|(id, event)| id.len() + text(event) + size_of::<JobEvent>() + 48).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: &str = r#"{"event_id": "8f", "source_type": "JOBS", "source_hostname": "vm", "source_pid": 9475, "message": "Started a ray job fail.1.", "timestamp": "1795389163", "custom_fields": {"submission_id": "fail.1"}, "severity": "INFO", "label": ""}"#;
    const COMPLETED: &str = r#"{"event_id": "1b", "source_type": "JOBS", "message": "Completed a ray job fail.1 with a status FAILED. Job supervisor actor died: x. y", "timestamp": "1795389166", "custom_fields": {"submission_id": "fail.1"}, "severity": "ERROR", "label": ""}"#;

    #[test]
    fn reads_start_end_and_reason_of_a_failed_submission() {
        let mut events = JobEvents::default();
        let mut damage = Damage::default();
        let text = format!("{STARTED}\n{{broken\n{COMPLETED}\n{{\"message\": \"x\", \"timestamp\": \"1\"}}\n");
        events.read("n", "events/event_JOBS.log", text.as_bytes(), &mut damage);
        let (id, event) = events.iter().next().unwrap();
        assert_eq!((id, event.started_s), ("fail.1", Some(1_795_389_163)));
        let end = event.completed.as_ref().unwrap();
        assert_eq!((end.at_s, &*end.status, &*end.error), (1_795_389_166, "FAILED", "Job supervisor actor died: x. y"));
        let damaged: Vec<_> = damage.files().map(|(_, path, d)| (path, d.lines, d.first)).collect();
        assert_eq!(damaged, [("events/event_JOBS.log", 1, 2)]);
    }
}
