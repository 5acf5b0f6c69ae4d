//! Trace context and the export of traces.

use crate::server::{SESSION, Server, bundled};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn ask(server: &Server, path: &str) -> String {
    let parent = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    server.ask(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n{parent}\r\nConnection: close\r\n\r\n")).0
}

#[test]
fn a_callers_trace_is_in_the_answer_and_in_the_log() {
    let server = Server::over(bundled(), &["--log-format", "json"], &[("RUST_LOG", "info,ray_history::access=debug")]);
    let head = ask(&server, &format!("{SESSION}/nodes/nope"));
    assert!(head.contains(&format!("x-request-id: {TRACE}")), "{head}");
    assert!(server.get("/livez").0.contains("x-request-id: "), "an own trace where there is none");
    crate::server::eventually("both are logged", Duration::from_secs(5), || {
        server.log().matches("request ended").count() >= 2
    });
    let log = server.log();
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON lines"));
    let line = lines.into_iter().find(|line| line["span"]["trace_id"] == TRACE).expect("the trace is in the log");
    assert_eq!(line["target"], "ray_history::access");
    assert_eq!(line["fields"]["http.route"], "/nodes/{id}");
    assert_eq!(line["fields"]["session.key"], SESSION.trim_start_matches("/sessions/"));
    assert_eq!(line["fields"]["http.response.status_code"], 200);
    assert!(line["fields"]["duration_ms"].is_number() && line["fields"]["size_bytes"].is_number(), "{line}");
}

/// Takes one export, answers it, and gives its body.
fn collector() -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (give, taken) = mpsc::channel();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
            let whole = |bytes: &[u8]| {
                let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
                let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                let length: usize = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
                (bytes.len() >= end + length).then(|| (head, bytes[end..].to_vec()))
            };
            let export = loop {
                let read = connection.read(&mut piece).unwrap();
                assert!(read > 0, "the export ended early");
                bytes.extend_from_slice(&piece[..read]);
                if let Some(export) = whole(&bytes) {
                    break export;
                }
            };
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            if give.send(export).is_err() {
                return;
            }
        }
    });
    (format!("http://{address}"), taken)
}

#[test]
fn spans_go_to_the_collector_and_the_last_ones_at_the_end() {
    let (endpoint, exports) = collector();
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let mut server = Server::over(bundled(), &[], &environment);
    ask(&server, &format!("{SESSION}/api/version"));
    assert!(exports.try_recv().is_err(), "nothing is due yet");
    server.signal("TERM");
    assert!(server.ended(Duration::from_secs(15)).unwrap().success());
    let (head, body) = exports.recv_timeout(Duration::from_secs(5)).expect("the last spans are sent");
    assert!(head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"), "{head}");
    let has = |wanted: &[u8]| body.windows(wanted.len()).any(|bytes| bytes == wanted);
    let trace: Vec<u8> = (0..16).map(|i| u8::from_str_radix(&TRACE[2 * i..2 * i + 2], 16).unwrap()).collect();
    assert!(has(&trace), "the caller's trace goes on");
    assert!(has(b"GET /api/version"), "spans are named by route");
    assert!(has(b"http.response.status_code"), "spans have the answer's status");
    assert!(has(b"ray-history"), "the service has a name");
}

#[test]
fn a_collector_that_is_not_there_holds_nothing_up() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let mut server = Server::over(bundled(), &[], &environment);
    assert!(ask(&server, "/livez").starts_with("http/1.1 200"));
    server.signal("TERM");
    assert!(server.ended(Duration::from_secs(15)).unwrap().success());
}
