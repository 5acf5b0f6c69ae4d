//! A folder as Ray's container has it: a session with the logs of a node.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

pub(crate) const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

/// The session's folder; its raylet lives as long as this.
pub(crate) struct Ray {
    logs: Vec<PathBuf>,
    _raylet: UnixListener,
}

impl Ray {
    /// Makes the folder of a node with as many logs, whose agent serves its counters on a port.
    pub(crate) fn start(root: &Path, logs: usize, counters: u16) -> Self {
        let session = root.join(SESSION);
        for folder in ["logs/old", "sockets"] {
            std::fs::create_dir_all(session.join(folder)).unwrap();
        }
        symlink(SESSION, root.join("session_latest")).unwrap();
        std::fs::write(session.join(format!("metrics_export_port_{}", "ab".repeat(28))), counters.to_string()).unwrap();
        let raylet = UnixListener::bind(session.join("sockets/raylet")).unwrap();
        let log = |number| session.join(format!("logs/worker-{number:056x}-01000000-{number}.out"));
        let ray = Self { logs: (0..logs).map(log).collect(), _raylet: raylet };
        ray.log();
        ray
    }

    /// Appends a line to every log.
    pub(crate) fn log(&self) {
        for path in &self.logs {
            let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
            writeln!(file, "a line of a worker, as long as lines mostly are, of {}", path.display()).unwrap();
        }
    }
}
