//! The end of the program: requests are answered within a bound, and nothing holds it longer.

use crate::common::client::{Reply, send};
use crate::common::server::Server;
use crate::server::{IN_FLIGHT, SESSION, bundled, connect, start, start_over};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Returns the bundled session with one event file repeated until it has about this many MiB to read.
fn slow_session(mebibytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(bundled(), folder.path());
    let mut files = Vec::new();
    event_files(folder.path(), &mut files);
    files.sort_by_key(|file| fs::metadata(file).unwrap().len());
    let file = files.last().unwrap();
    // A gzip file may have many members.
    let once = fs::read(file).unwrap();
    let mut out = std::io::BufWriter::new(fs::File::create(file).unwrap());
    for _ in 0..(mebibytes << 20) / (once.len() * 10) {
        out.write_all(&once).unwrap();
    }
    out.flush().unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn event_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            event_files(&path, found);
        } else if path.to_string_lossy().contains("_events/") && path.extension().is_some_and(|e| e == "gz") {
            found.push(path);
        }
    }
}

/// Sends a request that makes the program load, and waits until it is being answered.
async fn request_a_load(server: &Server) -> JoinHandle<reqwest::Result<Reply>> {
    let url = format!("http://{}{SESSION}/api/version", server.address);
    let request = tokio::spawn(async move { send("GET", &url, &[]).await });
    let loading = async || server.metric(IN_FLIGHT, "").await == 2.0;
    server.eventually("the request is in flight", Duration::from_secs(5), loading).await;
    request
}

#[tokio::test]
async fn a_request_that_waits_for_a_load_is_answered_at_the_end() {
    let folder = slow_session(30);
    let server = start_over(folder.path(), &[], &[]).await;
    let request = request_a_load(&server).await;
    server.process.signal(Signal::TERM);
    let refused = async || std::net::TcpStream::connect(&server.address).is_err();
    server.eventually("nothing is accepted any more", Duration::from_secs(10), refused).await;
    let reply = request.await.unwrap().unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
    assert!(reply.body.contains("ray_version"), "{reply:?}");
    assert!(server.process.ended(Duration::from_secs(10)).await.unwrap().success());
}

#[tokio::test]
async fn a_load_that_takes_too_long_ends_with_503_and_delays_nothing() {
    let folder = slow_session(400);
    let server = start_over(folder.path(), &["--shutdown-timeout", "2s"], &[]).await;
    let request = request_a_load(&server).await;
    server.process.signal(Signal::INT);
    let started = Instant::now();
    let reply = request.await.unwrap().unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "the request was given its time");
    assert_eq!(reply.status, 503);
    assert_ne!(reply.header("retry-after"), "");
    assert!(reply.body.contains("this server is stopping"), "{reply:?}");
    assert!(server.process.ended(Duration::from_secs(8)).await.unwrap().success());
}

#[tokio::test]
async fn a_client_that_never_reads_does_not_delay_the_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("static")).unwrap();
    fs::write(folder.path().join("index.html"), "x").unwrap();
    fs::write(folder.path().join("static/big.bin"), vec![b'x'; 32 << 20]).unwrap();
    let flags = ["--shutdown-timeout", "2s", "--dashboard-dir", folder.path().to_str().unwrap()];
    let server = start(&flags).await;
    let mut silent = connect(&server);
    silent.write_all(format!("GET {SESSION}/static/big.bin HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).unwrap();
    let answering = async || server.metric(IN_FLIGHT, "").await == 2.0;
    server.eventually("it is being answered", Duration::from_secs(5), answering).await;
    server.process.signal(Signal::TERM);
    assert!(server.process.ended(Duration::from_secs(8)).await.unwrap().success());
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_end() {
    let server = start(&[]).await;
    let _idle = connect(&server);
    server.process.signal(Signal::TERM);
    let started = Instant::now();
    assert!(server.process.ended(Duration::from_secs(8)).await.unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let server = start(&["--drain-wait", "60s"]).await;
    server.process.signal(Signal::TERM);
    let unready = async || server.status("/readyz").await == 503;
    server.eventually("it is not ready", Duration::from_secs(5), unready).await;
    server.process.signal(Signal::TERM);
    let status = server.process.ended(Duration::from_secs(5)).await.expect("at once");
    assert_eq!(status.code(), Some(128 + 15));
}
