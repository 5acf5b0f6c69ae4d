//! Servers as child processes, ended with their test.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// Holds what it prints.
    log: NamedTempFile,
}

impl Server {
    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("a server of the test said: {}", self.log());
        }
    }
}

/// The installed program; missing is a failure, never a skip.
pub(crate) fn program(name: &str) -> PathBuf {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/servers");
    let path = std::env::var_os("RAY_HISTORY_STORAGE_SERVERS").map_or(default, PathBuf::from).join(name);
    assert!(path.exists(), "{} is missing: run `scripts/storage-servers .cache/servers`", path.display());
    path
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server and waits until it accepts connections.
pub(crate) fn start(command: &mut Command, port: u16) -> Server {
    let log = NamedTempFile::new().unwrap();
    let output = || File::options().append(true).open(log.path()).unwrap();
    let child = command.stdout(output()).stderr(output()).stdin(Stdio::null()).spawn().unwrap();
    let mut server = Server { child, port, log };
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.child.try_wait().unwrap().is_none(), "{command:?} ended: {}", server.log());
        assert!(began.elapsed() < Duration::from_secs(60), "{command:?} does not listen: {}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}
