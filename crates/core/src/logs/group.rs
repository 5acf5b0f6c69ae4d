//! Groups of log files by their paths: Ray's own, and the three kinds that people look for.

/// Returns Ray's group of a path relative to the `logs` folder (`log_manager.py`).
pub fn group(name: &str) -> &'static str {
    let has = |part: &str| name.contains(part);
    let ends = |end: &str| name.as_bytes().ends_with(end.as_bytes());
    if has("worker") && ends(".out") {
        "worker_out"
    } else if has("worker") && ends(".err") {
        "worker_err"
    } else if has("core-worker") && ends(".log") {
        "core_worker"
    } else if has("core-driver") && ends(".log") {
        "driver"
    } else if has("raylet.") {
        "raylet"
    } else if has("gcs_server.") {
        "gcs_server"
    } else if has("log_monitor") {
        "internal"
    } else if has("monitor") {
        "autoscaler"
    } else if has("agent.") {
        "agent"
    } else if has("dashboard.") {
        "dashboard"
    } else {
        "internal"
    }
}

/// The names of all groups.
pub const GROUPS: [&str; 10] = [
    "worker_out",
    "worker_err",
    "core_worker",
    "driver",
    "raylet",
    "gcs_server",
    "autoscaler",
    "agent",
    "dashboard",
    "internal",
];

/// The process that wrote a log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogKind {
    /// A worker: its outputs and its own log.
    Worker,
    /// A job: the output of its driver, the driver's own log, and the setup of its runtime environment.
    Job,
    /// Ray itself.
    System,
}

impl LogKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Worker, Self::Job, Self::System];

    /// Returns the kind of a path relative to the `logs` folder.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        match group(path) {
            "worker_out" | "worker_err" | "core_worker" => Self::Worker,
            "driver" => Self::Job,
            // They may have been rotated, and then belong to none of Ray's groups.
            _ if name.starts_with("worker-") || name.starts_with("python-core-worker-") => Self::Worker,
            _ if submission(path).is_some() || environment(path).is_some() => Self::Job,
            _ if name.starts_with("python-core-driver-") => Self::Job,
            _ => Self::System,
        }
    }

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Job => "job",
            Self::System => "system",
        }
    }
}

/// Returns the submission whose driver wrote a file: `job-driver-{submission}.log`, rotated or not.
pub fn submission(path: &str) -> Option<&str> {
    stem(path, "job-driver-")
}

/// Returns the job whose runtime environment a file is about: `runtime_env_setup-{job}.log`, rotated or not.
pub fn environment(path: &str) -> Option<&str> {
    stem(path, "runtime_env_setup-")
}

fn stem<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name).strip_prefix(prefix)?;
    // An id of a user's may have dots.
    let end = name.find(".log").unwrap_or(name.len());
    let end = name[..end].find(".rotated.").unwrap_or(end);
    Some(&name[..end]).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_ids_of_paths() {
        let job = Some("raysubmit_1");
        for (path, group_of, kind, id) in [
            ("worker-ab-01000000-7.err", "worker_err", LogKind::Worker, None),
            ("worker-ab-01000000-7.out.1", "internal", LogKind::Worker, None),
            ("python-core-worker-ab_7.log", "core_worker", LogKind::Worker, None),
            ("python-core-driver-01ff_7.log", "driver", LogKind::Job, None),
            ("job-driver-raysubmit_1.log", "internal", LogKind::Job, job),
            ("job-driver-raysubmit_1.log.1", "internal", LogKind::Job, job),
            ("job-driver-raysubmit_1.rotated.7-12.log", "internal", LogKind::Job, job),
            ("job-driver-my.job.log", "internal", LogKind::Job, Some("my.job")),
            ("runtime_env_setup-01000000.log", "internal", LogKind::Job, None),
            ("raylet.out", "raylet", LogKind::System, None),
            ("events/event_GCS.log", "internal", LogKind::System, None),
            ("monitor.log", "autoscaler", LogKind::System, None),
        ] {
            assert_eq!((group(path), LogKind::of(path), submission(path)), (group_of, kind, id), "{path}");
            assert!(GROUPS.contains(&group(path)));
        }
        assert_eq!(environment("runtime_env_setup-01000000.log"), Some("01000000"));
    }
}
