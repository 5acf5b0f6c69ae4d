//! Classes of log files: how soon what is appended to them is stored.

use ray_history_core::logs::{Wanted, wanted};

/// Folders of files to which something is appended only when something happens to a job. Others with facts grow all the
/// time, by lines without any: those of the autoscaler and of the agents, and what drivers print.
const FACTS: [&str; 3] = ["events", "export_events", "jobs"];

/// The length up to which a file of facts is stored as soon as events are.
const MOST_FACTS: u64 = 1 << 20;

/// A class of log files, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The server takes facts from it, which events lack.
    Facts,
    /// It is rewritten in place again and again: only its last content is stored, and in no segment.
    Rewritten,
    /// Output of users' code, and of Ray's libraries.
    User,
    /// The rest: logs of Ray's own processes.
    System,
}

impl Class {
    /// Returns the class of a file of `len` bytes by its path below the `logs/` folder. A file is of class `Rewritten`
    /// by its name, or because it was.
    pub fn of(path: &str, len: u64) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if is_rewritten(name) {
            return Self::Rewritten;
        }
        if len <= MOST_FACTS && FACTS.contains(&folder) && matches!(wanted(path), Some(Wanted::Whole)) {
            return Self::Facts;
        }
        let of_user = name.starts_with("worker-") || name.starts_with("job-driver-");
        let of_library = ["serve", "train", "ray-data"].contains(&folder.split('/').next().unwrap_or_default());
        if of_library || of_user && ["", "old"].contains(&folder) { Self::User } else { Self::System }
    }
}

/// Returns `true` for a path, or the name at its end, whose file is of class `Rewritten`.
pub(super) fn is_rewritten(path: &str) -> bool {
    path[path.rfind('/').map_or(0, |slash| slash + 1)..].starts_with("debug_state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_length_give_the_class() {
        use Class::{Facts, Rewritten, System, User};
        for (path, len, class) in [
            ("events/event_JOBS.log", 10, Facts),
            ("events/event_JOBS.log", MOST_FACTS + 1, System),
            ("monitor.log", 5, System),
            ("monitor.log.1", 5, System),
            ("dashboard_agent.log", 5, System),
            ("runtime_env_agent.log", 5, System),
            ("export_events/event_EXPORT_SUBMISSION_JOB.log", 5, Facts),
            ("jobs/supervisor-raysubmit_1.log", 5, Facts),
            ("job-driver-raysubmit_1.log", 5, User),
            ("job-driver-raysubmit_1.log", MOST_FACTS + 1, User),
            ("train/controller-1.log", 5, User),
            ("worker-ab-01000000-7.out", 5, User),
            ("worker-ab-01000000-7.out.3", 5, User),
            ("old/worker-ab-01000000-7.err", 5, User),
            ("mine/worker-ab-01000000-7.err", 5, System),
            ("serve/replica_x.log", 5, User),
            ("serve/a/b/c.log", 5, User),
            ("ray-data/ray-data-1.log", 5, User),
            ("python-core-worker-ab_7.log", 5, System),
            ("raylet.out", 5, System),
            ("gcs_server.out", 5, System),
            ("debug_state.txt", 5, Rewritten),
            ("debug_state_gcs.txt", 5, Rewritten),
            ("old/debug_state.txt", 5, Rewritten),
            ("debug_state/raylet.out", 5, System),
            ("served", 5, System),
            ("", 0, System),
        ] {
            assert_eq!(Class::of(path, len), class, "{path} of {len} bytes");
            assert_eq!(is_rewritten(path), class == Rewritten, "{path}");
        }
    }
}
