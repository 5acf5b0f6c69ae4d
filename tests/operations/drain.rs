//! How the program ends.

use crate::server::{SESSION, Server, answer, bundled, eventually};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The bundled session with one event file made long by repeating it: about so many MiB to read.
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

/// A request that makes the program load, once it is being waited for.
fn waiting(server: &Server) -> std::net::TcpStream {
    let mut connection = server.connect();
    let request = format!("GET {SESSION}/api/version HTTP/1.1\r\nHost: test\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    eventually("the request is in flight", Duration::from_secs(5), || {
        server.metric("ray_history_http_requests_in_flight") == 2
    });
    connection
}

#[test]
fn a_request_that_waits_for_a_slow_load_gets_its_answer_while_the_program_ends() {
    let folder = slow_session(30);
    let mut server = Server::over(folder.path(), &[], &[]);
    let connection = waiting(&server);
    server.signal("TERM");
    eventually("nothing is accepted any more", Duration::from_secs(10), || {
        std::net::TcpStream::connect(&server.address).is_err()
    });
    let (head, body) = answer(connection);
    assert!(head.starts_with("http/1.1 200") && head.contains("connection: close"), "{head}");
    assert!(body.contains("ray_version"), "{body}");
    assert!(server.ended(Duration::from_secs(10)).unwrap().success());
}

#[test]
fn a_load_that_takes_too_long_does_not_hold_the_end_and_who_waits_for_it_is_told() {
    let folder = slow_session(400);
    let mut server = Server::over(folder.path(), &["--shutdown-timeout", "2s"], &[]);
    let connection = waiting(&server);
    server.signal("INT");
    let began = Instant::now();
    let (head, body) = answer(connection);
    assert!(began.elapsed() >= Duration::from_secs(1), "the request was given its time");
    assert!(head.starts_with("http/1.1 503") && head.contains("retry-after"), "{head}");
    assert!(body.contains("this server is stopping"), "{body}");
    assert!(server.ended(Duration::from_secs(8)).unwrap().success());
}

#[test]
fn a_client_that_never_reads_does_not_hold_the_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("static")).unwrap();
    fs::write(folder.path().join("index.html"), "x").unwrap();
    fs::write(folder.path().join("static/big.bin"), vec![b'x'; 32 << 20]).unwrap();
    let flags = ["--shutdown-timeout", "2s", "--dashboard-dir", folder.path().to_str().unwrap()];
    let mut server = Server::start(&flags);
    let mut silent = server.connect();
    silent.write_all(format!("GET {SESSION}/static/big.bin HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).unwrap();
    eventually("it is being answered", Duration::from_secs(5), || {
        server.metric("ray_history_http_requests_in_flight") == 2
    });
    server.signal("TERM");
    assert!(server.ended(Duration::from_secs(8)).unwrap().success());
}

#[test]
fn idle_connections_do_not_hold_the_end_and_a_second_signal_ends_it_at_once() {
    let mut server = Server::start(&[]);
    let _idle = server.connect();
    server.signal("TERM");
    let began = Instant::now();
    assert!(server.ended(Duration::from_secs(8)).unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());

    let mut server = Server::start(&["--drain-wait", "60s"]);
    server.signal("TERM");
    eventually("not ready", Duration::from_secs(5), || server.get("/readyz").0.contains(" 503 "));
    server.signal("TERM");
    let status = server.ended(Duration::from_secs(5)).expect("at once");
    assert_eq!(status.code(), Some(128 + 15));
}
