//! The servers of object stores that `scripts/storage-servers` installs.

use super::process::Process;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the path of an installed server; a missing one fails the test, which is never skipped.
pub(crate) fn installed(name: &str) -> PathBuf {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/servers");
    let path = std::env::var_os("RAY_HISTORY_STORAGE_SERVERS").map_or(default, PathBuf::from).join(name);
    assert!(path.exists(), "{} is missing: run `scripts/storage-servers .cache/servers`", path.display());
    path
}

/// Returns a port that is free now, for servers that cannot pick one.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts versitygw, an S3 server with the folders below a path as its buckets and one pair of keys.
pub(crate) fn versitygw(buckets: &Path, port: u16, key: &str, secret: &str) -> Process {
    let mut command = Command::new(installed("versitygw"));
    command.env("ROOT_ACCESS_KEY", key).env("ROOT_SECRET_KEY", secret);
    command.args(["--port", &format!("127.0.0.1:{port}"), "--quiet", "posix"]).arg(buckets);
    Process::listening(&mut command, port)
}

/// Starts versitygw with versions of objects, and with users from the file `users.json` in a folder.
pub(crate) fn versitygw_with_versions(buckets: &Path, versions: &Path, users: &Path, port: u16) -> Process {
    let mut command = Command::new(installed("versitygw"));
    command.env("ROOT_ACCESS_KEY", "testkey").env("ROOT_SECRET_KEY", "testsecret");
    command.args(["--port", &format!("127.0.0.1:{port}"), "--quiet", "--iam-dir"]).arg(users);
    command.args(["posix", "--versioning-dir"]).args([versions, buckets]);
    Process::listening(&mut command, port)
}
