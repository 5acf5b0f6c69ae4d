//! Limits of what a client may do. Most of these tests speak over raw sockets: half a request, a byte now and then,
//! an answer that is never read.

use crate::common::server::Server;
use crate::server::{IN_FLIGHT, SESSION, closed_after, connect, read_answer, start};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(15);
const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n";
/// A request for the file that [`big_file`] writes.
const BIG: &str = "/static/big.bin HTTP/1.1\r\nHost: test\r\nAccept-Encoding: identity\r\n\r\n";

/// Sends bytes over a connection of their own.
fn send(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut connection = connect(server);
    connection.write_all(bytes).unwrap();
    connection
}

#[tokio::test]
async fn a_connection_without_a_whole_request_is_closed_in_time() {
    let server = start(&["--head-timeout", "1s", "--keep-alive", "3s"]).await;
    assert!(closed_after(connect(&server), BOUND, |_| Ok(())).is_some(), "half open: nothing is ever sent");
    assert!(closed_after(connect(&server), BOUND, |c| c.write_all(b"G")).is_some(), "slow head: a byte now and then");
    let mut second = send(&server, REQUEST);
    assert!(second.read(&mut [0; 1024]).unwrap() > 0);
    let held = closed_after(second, BOUND, |c| c.write_all(b"G"));
    assert!(held.is_some(), "slow head of a second request");
    let counted = async || server.metric("ray_history_http_connections_reaped_total", "").await == 1.0;
    server.eventually("the slow second request is counted", BOUND, counted).await;
    let body = send(&server, b"POST /livez HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
    assert!(closed_after(body, BOUND, |c| c.write_all(b"x")).is_some(), "a body that never comes whole");
    let free = async || server.metric("ray_history_http_connections", "").await == 1.0;
    server.eventually("no connection is left but ours", BOUND, free).await;
}

#[tokio::test]
async fn idle_connections_are_closed_when_others_need_a_place() {
    let server = start(&["--max-connections", "64"]).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(send(&server, REQUEST));
        if idle.len() % 20 == 0 {
            let livez = tokio::time::timeout(Duration::from_secs(5), server.get("/livez")).await;
            assert_eq!(livez.map(|reply| reply.status), Ok(200), "after {} connections", idle.len());
        }
    }
    assert!(server.metric("ray_history_http_connections", "").await <= 64.0);
    assert!(server.metric("ray_history_http_connections_reaped_total", "").await >= 130.0);
}

#[tokio::test]
async fn a_long_answer_is_not_cut_by_the_time_for_idle_connections() {
    let server = start(&["--head-timeout", "1s", "--keep-alive", "1s", "--send-timeout", "20s"]).await;
    let request = format!("GET {SESSION}/api/v0/tasks?detail=1&limit=10000 HTTP/1.1\r\nHost: test\r\n");
    let request = format!("{request}Connection: close\r\n\r\n");
    let expected = read_answer(send(&server, request.as_bytes())).1.len();
    let slow = send(&server, request.as_bytes());
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(read_answer(slow).1.len(), expected);
}

#[tokio::test]
async fn big_heads_and_urls_are_refused_and_usual_ones_are_not() {
    let server = start(&[]).await;
    let head = async |bytes: usize| {
        let reply = server.send("GET", "/livez", &[("X-Long", &"x".repeat(bytes))]).await;
        reply.map(|reply| reply.status)
    };
    assert_eq!(head(10_000).await, Some(200));
    assert_eq!(head(40_000).await, Some(431));
    // It is refused before it was sent whole, so only a raw socket sees the answer for certain.
    let long = format!("GET /livez HTTP/1.1\r\nHost: test\r\nX-Long: {}\r\n", "x".repeat(200_000));
    let (head, _) = read_answer(send(&server, format!("{long}Connection: close\r\n\r\n").as_bytes()));
    assert!(head.starts_with("http/1.1 431"), "{head}");
    assert_eq!(server.status(&format!("/livez?{}", "x".repeat(10_000))).await, 200);
    assert_eq!(server.status(&format!("/livez?{}", "x".repeat(20_000))).await, 414);
    let many: String = (0..200).map(|_| "X-Many: 1\r\n").collect();
    let (head, _) = read_answer(send(&server, format!("GET /livez HTTP/1.1\r\nHost: test\r\n{many}\r\n").as_bytes()));
    assert!(head.starts_with("http/1.1 4"), "{head}");
    assert_eq!(server.status("/livez").await, 200);
}

/// Writes a dashboard with a file that is bigger than sockets buffer by themselves.
fn big_file(folder: &std::path::Path) {
    std::fs::create_dir_all(folder.join("static")).unwrap();
    std::fs::write(folder.join("index.html"), "x").unwrap();
    std::fs::write(folder.join("static/big.bin"), vec![b'x'; 32 << 20]).unwrap();
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_dropped_with_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    big_file(folder.path());
    let dashboard = folder.path().to_str().unwrap();
    let server = start(&["--send-timeout", "2s", "--dashboard-dir", dashboard]).await;
    let request = format!("GET {SESSION}{BIG}");
    let silent = send(&server, request.as_bytes());
    let mut slow = send(&server, request.as_bytes());
    let answering = async || server.metric(IN_FLIGHT, "").await == 3.0;
    server.eventually("both are being answered", BOUND, answering).await;
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        // One byte a second, as long as the test takes.
        while ended.recv_timeout(Duration::from_secs(1)).is_err_and(|e| e == RecvTimeoutError::Timeout) {
            let _ = slow.read(&mut [0; 1]);
        }
    });
    let dropped = async || server.metric(IN_FLIGHT, "").await == 1.0;
    server.eventually("both are dropped", Duration::from_secs(30), dropped).await;
    let resident = server.metric("process_resident_memory_bytes", "").await;
    assert!(resident > 0.0 && resident < f64::from(200 << 20), "resident: {resident}");
    drop((silent, end));
    reader.join().unwrap();
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_and_probes_are_not() {
    let folder = tempfile::tempdir().unwrap();
    big_file(folder.path());
    let dashboard = folder.path().to_str().unwrap();
    let server = start(&["--max-requests", "2", "--dashboard-dir", dashboard]).await;
    let taken = [0, 1].map(|_| send(&server, format!("GET {SESSION}{BIG}").as_bytes()));
    let full = async || server.metric(IN_FLIGHT, "").await == 3.0;
    server.eventually("both places are taken", BOUND, full).await;
    let reply = server.get("/clusters").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "1"), "{reply:?}");
    assert!(reply.body.contains("try again"), "{reply:?}");
    assert_eq!(server.status("/readyz").await, 200);
    assert_eq!(server.metric("ray_history_http_requests_refused_total", "reason=\"requests\"").await, 1.0);
    drop(taken);
    server.eventually("a place is free again", BOUND, async || server.status("/clusters").await == 200).await;
}

#[tokio::test]
async fn a_hundred_silent_connections_delay_no_other_answer() {
    let server = start(&[]).await;
    let silent: Vec<_> = (0..100).map(|_| send(&server, b"GET /li")).collect();
    let started = Instant::now();
    assert_eq!(server.status("/livez").await, 200);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    drop(silent);
}
