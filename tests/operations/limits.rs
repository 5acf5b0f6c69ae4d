//! What a client may not do: hold a place without asking, send too much, take nothing, come in thousands.

use crate::server::{SESSION, Server, answer, closed_after, eventually};
use std::io::{Read, Write};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(15);
const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n";

#[test]
fn a_connection_without_a_whole_request_is_closed_in_time() {
    let server = Server::start(&["--head-timeout", "1s", "--keep-alive", "3s"]);
    // Nothing is ever said.
    assert!(closed_after(server.connect(), BOUND, |_| Ok(())).is_some(), "half open");
    // A byte of the head now and then.
    assert!(closed_after(server.connect(), BOUND, |c| c.write_all(b"G")).is_some(), "slow head");
    // The same on a connection that has asked something before.
    let mut second = server.connect();
    second.write_all(REQUEST).unwrap();
    assert!(second.read(&mut [0; 1024]).unwrap() > 0);
    let held = closed_after(second, BOUND, |c| c.write_all(b"G"));
    assert!(held.is_some(), "slow head of a second request");
    eventually("that is counted", BOUND, || server.metric("ray_history_http_connections_reaped_total") == 1);
    // A body that never comes.
    let mut body = server.connect();
    body.write_all(b"POST /livez HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n").unwrap();
    assert!(closed_after(body, BOUND, |c| c.write_all(b"x")).is_some(), "slow body");
    eventually("every place is free again", BOUND, || server.metric("ray_history_http_connections") == 1);
}

#[test]
fn whoever_keeps_idle_connections_makes_room_for_others() {
    let server = Server::start(&["--max-connections", "64"]);
    let probe = || {
        let mut connection = server.connect();
        connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        connection.write_all(b"GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        answer(connection).0
    };
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut connection = server.connect();
        connection.write_all(REQUEST).unwrap();
        idle.push(connection);
        if idle.len() % 20 == 0 {
            assert!(probe().starts_with("http/1.1 200"), "after {} connections", idle.len());
        }
    }
    assert!(server.metric("ray_history_http_connections") <= 64);
    assert!(server.metric("ray_history_http_connections_reaped_total") >= 130);
}

#[test]
fn a_long_answer_is_not_cut_by_the_time_for_idle_connections() {
    let server = Server::start(&["--head-timeout", "1s", "--keep-alive", "1s", "--send-timeout", "20s"]);
    let expected = server.get(&format!("{SESSION}/api/v0/tasks?detail=1&limit=10000")).1.len();
    let mut slow = server.connect();
    let request = format!("GET {SESSION}/api/v0/tasks?detail=1&limit=10000 HTTP/1.1\r\nHost: test\r\n");
    slow.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(answer(slow).1.len(), expected);
}

#[test]
fn big_heads_and_urls_are_refused_and_usual_ones_are_not() {
    let server = Server::start(&[]);
    let head = |bytes: usize| {
        let header = format!("X-Long: {}\r\n", "x".repeat(bytes));
        server.ask(&format!("GET /livez HTTP/1.1\r\nHost: test\r\n{header}Connection: close\r\n\r\n")).0
    };
    assert!(head(10_000).starts_with("http/1.1 200"), "{}", head(10_000));
    assert!(head(40_000).starts_with("http/1.1 431"), "{}", head(40_000));
    assert!(head(200_000).starts_with("http/1.1 431"), "{}", head(200_000));
    assert!(server.get(&format!("/livez?{}", "x".repeat(10_000))).0.starts_with("http/1.1 200"));
    assert!(server.get(&format!("/livez?{}", "x".repeat(20_000))).0.starts_with("http/1.1 414"));
    let many: String = (0..200).map(|_| "X-Many: 1\r\n").collect();
    let (head, _) = server.ask(&format!("GET /livez HTTP/1.1\r\nHost: test\r\n{many}\r\n"));
    assert!(head.starts_with("http/1.1 4"), "{head}");
    assert!(server.get("/livez").0.starts_with("http/1.1 200"));
}

/// A file of the dashboard that is bigger than what sockets hold by themselves.
fn big_file(folder: &std::path::Path, bytes: usize) {
    std::fs::create_dir_all(folder.join("static")).unwrap();
    std::fs::write(folder.join("index.html"), "x").unwrap();
    std::fs::write(folder.join("static/big.bin"), vec![b'x'; bytes]).unwrap();
}

#[test]
fn an_answer_that_nobody_takes_is_dropped_and_its_memory_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    big_file(folder.path(), 32 << 20);
    let dashboard = folder.path().to_str().unwrap();
    let server = Server::start(&["--send-timeout", "2s", "--dashboard-dir", dashboard]);
    let request = format!("GET {SESSION}/static/big.bin HTTP/1.1\r\nHost: test\r\nAccept-Encoding: identity\r\n\r\n");
    let mut silent = server.connect();
    silent.write_all(request.as_bytes()).unwrap();
    let mut slow = server.connect();
    slow.write_all(request.as_bytes()).unwrap();
    eventually("both are being answered", BOUND, || server.metric("ray_history_http_requests_in_flight") == 3);
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        // One byte a second, as long as the test takes.
        while ended.recv_timeout(Duration::from_secs(1)).is_err_and(|e| e == RecvTimeoutError::Timeout) {
            let _ = slow.read(&mut [0; 1]);
        }
    });
    eventually("both are dropped", Duration::from_secs(30), || {
        server.metric("ray_history_http_requests_in_flight") == 1
    });
    assert!(server.resident() < 200 << 20, "resident: {}", server.resident());
    drop((silent, end));
    reader.join().unwrap();
}

#[test]
fn more_requests_than_allowed_are_told_to_come_back_and_probes_are_not() {
    let folder = tempfile::tempdir().unwrap();
    big_file(folder.path(), 32 << 20);
    let dashboard = folder.path().to_str().unwrap();
    let server = Server::start(&["--max-requests", "2", "--dashboard-dir", dashboard]);
    let request = format!("GET {SESSION}/static/big.bin HTTP/1.1\r\nHost: test\r\n\r\n");
    let taken: Vec<_> = (0..2)
        .map(|_| {
            let mut connection = server.connect();
            connection.write_all(request.as_bytes()).unwrap();
            connection
        })
        .collect();
    eventually("both places are taken", BOUND, || server.metric("ray_history_http_requests_in_flight") == 3);
    let (head, body) = server.get("/clusters");
    assert!(head.starts_with("http/1.1 503") && head.contains("retry-after: 1"), "{head}");
    assert!(body.contains("try again"), "{body}");
    assert!(server.get("/readyz").0.starts_with("http/1.1 200"));
    assert_eq!(server.metric("ray_history_http_requests_refused_total{reason=\"requests\"}"), 1);
    drop(taken);
    eventually("a place is free again", BOUND, || server.get("/clusters").0.starts_with("http/1.1 200"));
}

#[test]
fn a_hundred_silent_connections_do_not_keep_others_from_an_answer() {
    let server = Server::start(&[]);
    let silent: Vec<_> = (0..100)
        .map(|_| {
            let mut connection = server.connect();
            connection.write_all(b"GET /li").unwrap();
            connection
        })
        .collect();
    let began = Instant::now();
    assert!(server.get("/livez").0.starts_with("http/1.1 200"));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(silent);
}
