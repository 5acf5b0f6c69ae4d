//! The server over the bundled session, and raw connections to it.

use crate::common::fixture;
use crate::common::server::Server;
use std::io::Read;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(crate) const SESSION: &str = "/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513";

/// The metric that counts the request for the metrics themselves, too.
pub(crate) const IN_FLIGHT: &str = "ray_history_http_requests_in_flight";

/// Returns the bundled session's bucket, unpacked once.
pub(crate) fn bundled() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    static STORAGE: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| fixture::unpacked("service"));
    STORAGE.get_or_init(|| folder.path().join("storage"))
}

/// Serves the bundled session with more flags.
pub(crate) async fn start(flags: &[&str]) -> Server {
    start_over(bundled(), flags, &[]).await
}

/// Serves a folder with more flags and variables.
pub(crate) async fn start_over(folder: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Server {
    Server::start(&[&["--local-dir", folder.to_str().unwrap()], flags].concat(), environment).await
}

/// Connects to a server, to send it what no client would.
pub(crate) fn connect(server: &Server) -> TcpStream {
    let connection = TcpStream::connect(&server.address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    connection
}

/// Returns the head in lower case and the body of an answer that ends with its connection.
pub(crate) fn read_answer(mut connection: TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    // A connection that the program resets may still have brought an answer.
    let _ = connection.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.to_lowercase(), body.to_owned())
}

/// Returns how long a connection stays open while `each` is done to it now and then; `None` if it outlives the bound.
pub(crate) fn closed_after(
    mut connection: TcpStream,
    bound: Duration,
    mut each: impl FnMut(&mut TcpStream) -> std::io::Result<()>,
) -> Option<Duration> {
    let began = Instant::now();
    connection.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    while began.elapsed() < bound {
        if each(&mut connection).is_err() {
            return Some(began.elapsed());
        }
        match connection.read(&mut [0; 1024]) {
            Ok(0) => return Some(began.elapsed()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return Some(began.elapsed()),
        }
    }
    None
}
