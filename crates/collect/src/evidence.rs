//! Evidence from Ray's events of the parts of Ray that are in use, so that nothing is asked that nobody uses.
//!
//! `/api/serve/*`, `/api/data/*` and `/api/train/*` make the dashboard start a driver of its own.

use memchr::memmem;
use parking_lot::Mutex;
use ray_history_core::base::name::SessionName;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;

/// The evidence of one session.
#[expect(clippy::struct_excessive_bools, reason = "each is a part of Ray that is in use or not")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Serve is used.
    pub serve: bool,
    /// Ray Data is used.
    pub data: bool,
    /// Ray Train is used.
    pub train: bool,
    /// There are placement groups.
    pub placement_groups: bool,
    /// The time of the last event of a job.
    pub job_event: Option<Instant>,
    /// The time of the last event of a node.
    pub node_event: Option<Instant>,
}

/// The evidence of all sessions, which the events' side adds to; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<BTreeMap<SessionName, Evidence>>>);

/// Sessions that are remembered; bad input may name any number of them.
const MOST_SESSIONS: usize = 16;

impl Seen {
    /// Takes note of an event: its session, its type, and its JSON.
    pub fn event(&self, session: &SessionName, kind: &str, record: &[u8]) {
        let job = kind.starts_with("DRIVER_JOB_");
        let node = kind.starts_with("NODE_");
        let actor = kind == "ACTOR_DEFINITION_EVENT";
        let task = kind.starts_with("ACTOR_TASK_DEFINITION") || kind.starts_with("TASK_DEFINITION");
        if !(job || node || actor || task) {
            return;
        }
        let mut sessions = self.0.lock();
        if sessions.len() >= MOST_SESSIONS && !sessions.contains_key(session) {
            sessions.pop_first();
        }
        let evidence = sessions.entry(session.clone()).or_default();
        if job {
            evidence.job_event = Some(Instant::now());
        }
        if node {
            evidence.node_event = Some(Instant::now());
        }
        if actor {
            evidence.serve |= contains(record, "ServeController");
            evidence.data |= contains(record, "_StatsActor");
            evidence.train |= contains(record, "TrainController");
        }
        if !evidence.placement_groups && (actor || task) {
            evidence.placement_groups = names_placement_group(record);
        }
    }

    /// Returns the evidence of a session, with that of its folders, which exist only when they are used.
    pub fn of(&self, session: &SessionName, folder: &Path) -> Evidence {
        let mut evidence = self.0.lock().get(session).cloned().unwrap_or_default();
        let logs = folder.join("logs");
        evidence.serve |= logs.join("serve").is_dir();
        evidence.data |= logs.join("ray-data").is_dir();
        evidence.train |= logs.join("train").is_dir();
        evidence
    }
}

fn contains(record: &[u8], text: &str) -> bool {
    memmem::find(record, text.as_bytes()).is_some()
}

/// Returns `true` if an event has a placement group's id, which is empty or all ones where there is none.
fn names_placement_group(record: &[u8]) -> bool {
    ["\"placementGroupId\"", "\"placement_group_id\""].into_iter().any(|key| {
        memmem::find_iter(record, key.as_bytes()).any(|at| {
            let value = record.get(at + key.len()..).unwrap_or_default().trim_ascii_start();
            let value = value.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
            let id = value.and_then(|value| value.strip_prefix(b"\"")?.split(|byte| *byte == b'"').next());
            // Base64 of bytes that are all ones is all slashes, and a `w` or `8` at the end.
            id.is_some_and(|id| !id.is_empty() && id.iter().any(|byte| !b"/=w8".contains(byte)))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u32) -> SessionName {
        SessionName::parse(&format!("session_2026-11-23_07-10-07_600839_{number}")).unwrap()
    }

    #[tokio::test]
    async fn events_say_what_is_used() {
        let seen = Seen::default();
        let folder = Path::new("/nonexistent");
        let one = session(1);
        let of = |kind: &str, record: &str| {
            let event = format!(r#"{{"eventId":"x","eventType" : "{kind}","{kind}":{record}}}"#);
            seen.event(&one, kind, event.as_bytes());
            seen.of(&one, folder)
        };
        assert_eq!(of("TASK_LIFECYCLE_EVENT", r#"{"className":"ServeController"}"#), Evidence::default());
        assert!(!of("ACTOR_DEFINITION_EVENT", r#"{"className":"Counter"}"#).serve);
        assert!(of("ACTOR_DEFINITION_EVENT", r#"{"className":"ServeController"}"#).serve);
        assert!(!of("TASK_DEFINITION_EVENT", r#"{"taskName":"_StatsActor"}"#).data);
        assert!(of("ACTOR_DEFINITION_EVENT", r#"{"className":"_StatsActor"}"#).data);
        let none = of("TASK_DEFINITION_EVENT", r#"{"placementGroupId": "////////////////////////","x":1}"#);
        assert_eq!((none.placement_groups, none.job_event), (false, None));
        assert!(!of("ACTOR_DEFINITION_EVENT", r#"{"placementGroupId":""}"#).placement_groups);
        assert!(of("TASK_DEFINITION_EVENT", r#"{"placementGroupId":"oY9Yd2ZmAQAAAA=="}"#).placement_groups);
        assert!(of("DRIVER_JOB_LIFECYCLE_EVENT", "{}").job_event.is_some());
        assert!(of("NODE_DEFINITION_EVENT", "{}").node_event.is_some());
        assert_eq!(seen.of(&session(2), folder), Evidence::default());
    }

    #[tokio::test]
    async fn folders_say_what_is_used() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("logs/serve")).unwrap();
        let evidence = Seen::default().of(&session(1), folder.path());
        assert_eq!((evidence.serve, evidence.data, evidence.train), (true, false, false));
    }

    #[tokio::test]
    async fn any_number_of_sessions_is_bounded() {
        let seen = Seen::default();
        for number in 0..100 {
            seen.event(&session(number), "NODE_LIFECYCLE_EVENT", b"{}");
        }
        assert_eq!(seen.0.lock().len(), MOST_SESSIONS);
    }
}
