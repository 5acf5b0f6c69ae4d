//! `logs/jobs/supervisor-<submission id>.log`: the start and end of a driver, and its node.
//!
//! Lines of Ray's job supervisor (`dashboard/modules/job/job_supervisor.py`). Each ends with the actor's context:
//! ` job_id=… worker_id=… node_id=… actor_id=… … timestamp_ns=…`; with `RAY_BACKEND_LOG_JSON=1` each is a JSON object
//! with the same keys. Four messages are read: `Submitting job with RAY_ADDRESS`,
//! `entrypoint command exited with code N`, `has been terminated gracefully` or `Job is now being force-killed`
//! (stopped by the user), and `Got unexpected exception while trying to execute driver command`.
//!
//! In recorded sessions a job's `end_time` is 1 to 2 ms after the line about its exit.

use super::line::{local_time, number_after};
use super::zone::Zone;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The way a driver ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// It exited by itself, with this code; negative for a signal.
    Exited(i32),
    /// The user stopped it.
    Stopped,
    /// It could not be started, with Ray's own traceback.
    NotStarted(Box<str>),
}

/// The facts of one supervisor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Supervisor {
    /// The time the driver was started, in Unix nanoseconds.
    pub submitted_ns: Option<i64>,
    /// The time of its end in Unix nanoseconds, zero if the line had only a local time; and the way it ended.
    pub ending: Option<(i64, Ending)>,
    /// The node it ran on, hex; the driver runs there too.
    pub node: Option<Box<str>>,
    /// The supervisor's actor id, hex.
    pub actor: Option<Box<str>>,
}

/// The facts of all supervisors, by submission.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Supervisors {
    jobs: BTreeMap<Box<str>, Supervisor>,
}

/// A line written with `RAY_BACKEND_LOG_JSON=1`.
#[derive(Deserialize)]
struct JsonLine<'a> {
    #[serde(borrow, default)]
    asctime: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    node_id: Cow<'a, str>,
    #[serde(borrow, default)]
    actor_id: Cow<'a, str>,
    #[serde(default)]
    timestamp_ns: i64,
}

impl Supervisors {
    /// Reads the log of one submission.
    pub(super) fn read(&mut self, submission: &str, bytes: &[u8], zone: &mut Zone) {
        let text = String::from_utf8_lossy(bytes);
        let mut found = Supervisor::default();
        let mut rest = &*text;
        while !rest.is_empty() {
            let mut end = rest.find('\n').map_or(rest.len(), |at| at + 1);
            if let Some(local_ms) = local_time(rest) {
                // A traceback goes on until the line with the context.
                while end < rest.len() && local_time(&rest[end..]).is_none() {
                    end += rest[end..].find('\n').map_or(rest.len() - end, |at| at + 1);
                }
                let record = &rest[..end];
                let message = record.split_once(" -- ").map_or(record, |(_, message)| message);
                let (message, context) = message.rsplit_once(" job_id=").unwrap_or((message, ""));
                let field = |key: &str| context.split_ascii_whitespace().find_map(|pair| pair.strip_prefix(key));
                let ns = number_after(context, "timestamp_ns=").unwrap_or_default();
                found.read_message(
                    message,
                    ns,
                    field("node_id=").unwrap_or_default(),
                    field("actor_id=").unwrap_or_default(),
                );
                learn_zone(zone, local_ms, ns);
            } else if let Ok(line) = serde_json::from_str::<JsonLine>(rest[..end].trim()) {
                found.read_message(&line.message, line.timestamp_ns, &line.node_id, &line.actor_id);
                if let Some(local_ms) = local_time(&line.asctime) {
                    learn_zone(zone, local_ms, line.timestamp_ns);
                }
            }
            rest = &rest[end..];
        }
        self.add(submission.into(), found);
    }

    fn add(&mut self, id: Box<str>, other: Supervisor) {
        let known = self.jobs.entry(id).or_default();
        known.submitted_ns = known.submitted_ns.max(other.submitted_ns);
        known.ending = known.ending.take().max(other.ending);
        known.node = known.node.take().max(other.node);
        known.actor = known.actor.take().max(other.actor);
    }

    /// Returns all facts, by submission id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Supervisor)> {
        self.jobs.iter().map(|(id, found)| (&**id, found))
    }

    /// Returns the facts of one submission.
    pub fn get(&self, submission: &str) -> Option<&Supervisor> {
        self.jobs.get(submission)
    }

    /// Merges the facts of another reader.
    pub(super) fn merge(&mut self, other: Self) {
        for (id, found) in other.jobs {
            self.add(id, found);
        }
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.jobs.keys().map(|id| id.len() + size_of::<Supervisor>() + 140).sum()
    }
}

impl Supervisor {
    fn read_message(&mut self, message: &str, ns: i64, node: &str, actor: &str) {
        if !node.is_empty() {
            self.node = self.node.take().max(Some(node.into()));
        }
        if !actor.is_empty() {
            self.actor = self.actor.take().max(Some(actor.into()));
        }
        let ending = if message.contains(" entrypoint command exited with code ") {
            number_after(message, "exited with code ").and_then(|code| i32::try_from(code).ok()).map(Ending::Exited)
        } else if message.contains(" has been terminated gracefully ") || message.contains("force-killed with SIGKILL")
        {
            Some(Ending::Stopped)
        } else if let Some((_, traceback)) =
            message.split_once("Got unexpected exception while trying to execute driver command. ")
        {
            Some(Ending::NotStarted(traceback.into()))
        } else {
            if message.starts_with("Submitting job with RAY_ADDRESS") {
                self.submitted_ns = self.submitted_ns.max(Some(ns));
            }
            None
        };
        if let Some(ending) = ending {
            self.ending = self.ending.take().max(Some((ns, ending)));
        }
    }
}

fn learn_zone(zone: &mut Zone, local_ms: i64, ns: i64) {
    if ns > 0 {
        zone.learn(local_ms, ns / 1_000_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &str = "job_id=01000000 worker_id=5941 node_id=01180a actor_id=4c785c task_id=2751 task_name=JobSupervisor.run actor_name=_ray_internal_job_actor_x timestamp_ns=1795389166159016008";

    fn read(text: &str) -> (Supervisor, Zone) {
        let (mut supervisors, mut zone) = (Supervisors::default(), Zone::default());
        supervisors.read("x", text.as_bytes(), &mut zone);
        (supervisors.jobs["x"].clone(), zone)
    }

    #[test]
    fn reads_exit_code_time_and_node_from_text_and_json() {
        let text = format!(
            "2026-11-23 00:12:46,158\tINFO job_supervisor.py:437 -- Job x entrypoint command exited with code 5 {CONTEXT}\n"
        );
        let json = r#"{"asctime": "2026-11-23 00:12:46,158", "levelname": "INFO", "message": "Job x entrypoint command exited with code 5", "filename": "job_supervisor.py", "lineno": 437, "job_id": "01000000", "node_id": "01180a", "actor_id": "4c785c", "timestamp_ns": 1795389166159016008}"#;
        for text in [text.as_str(), json] {
            let (found, zone) = read(text);
            assert_eq!(found.ending, Some((1_795_389_166_159_016_008, Ending::Exited(5))), "{text}");
            assert_eq!(found.node.as_deref(), Some("01180a"));
            assert_eq!(found.actor.as_deref(), Some("4c785c"));
            assert_eq!(zone.utc_ms(1_795_392_766_158), Some(1_795_389_166_158));
        }
    }

    #[test]
    fn traceback_ends_where_the_context_begins() {
        let text = format!(
            "2026-11-22 23:12:46,158\tERROR job_supervisor.py:470 -- Got unexpected exception while trying to execute driver command. Traceback (most recent call last):\n  File\nOSError: x\n {CONTEXT}\n"
        );
        let (found, _) = read(&text);
        let expected = "Traceback (most recent call last):\n  File\nOSError: x\n";
        assert_eq!(found.ending.unwrap().1, Ending::NotStarted(expected.into()));
    }

    #[test]
    fn line_without_context_has_the_exit_code() {
        let (found, _) = read("2026-11-22 23:12:46,158\tINFO a.py:1 -- Job x entrypoint command exited with code -9\n");
        assert_eq!(found.ending, Some((0, Ending::Exited(-9))));
    }

    #[test]
    fn termination_by_sigterm_is_a_stop() {
        let (found, _) = read(&format!(
            "2026-11-22 23:12:46,158\tINFO a.py:1 -- Job x has been terminated gracefully with SIGTERM. {CONTEXT}"
        ));
        assert_eq!(found.ending.unwrap().1, Ending::Stopped);
    }
}
