//! Trace context and the export of traces.

use crate::common::client::Reply;
use crate::common::http::{Answer, Asked, Listening, answering};
use crate::common::server::Server;
use crate::server::{SESSION, bundled, start_over};
use rustix::process::Signal;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Asks with the caller's trace.
async fn ask(server: &Server, path: &str) -> Reply {
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    server.send("GET", path, &[("traceparent", &parent)]).await.unwrap()
}

#[tokio::test]
async fn a_callers_trace_is_in_the_answer_and_in_the_log() {
    let server =
        start_over(bundled(), &["--log-format", "json"], &[("RUST_LOG", "info,ray_history::access=debug")]).await;
    let reply = ask(&server, &format!("{SESSION}/nodes/nope")).await;
    assert_eq!(reply.header("x-request-id"), TRACE);
    assert_ne!(server.get("/livez").await.header("x-request-id"), "", "an own trace where there is none");
    let logged = async || server.process.log().matches("request ended").count() >= 2;
    server.eventually("both are logged", Duration::from_secs(5), logged).await;
    let log = server.process.log();
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON lines"));
    let line = lines.into_iter().find(|line| line["span"]["trace_id"] == TRACE).expect("the trace is in the log");
    assert_eq!(line["target"], "ray_history::access");
    assert_eq!(line["fields"]["http.route"], "/nodes/{id}");
    assert_eq!(line["fields"]["session.key"], SESSION.trim_start_matches("/sessions/"));
    assert_eq!(line["fields"]["http.response.status_code"], 200);
    assert!(line["fields"]["duration_ms"].is_number() && line["fields"]["size_bytes"].is_number(), "{line}");
}

/// Starts a collector of traces; what is exported to it comes out of the receiver.
async fn collector() -> (Listening, UnboundedReceiver<Asked>) {
    let (sender, exports) = unbounded_channel();
    let listening = answering(move |export| {
        let _ = sender.send(export);
        Answer::new(200, "")
    });
    (listening.await, exports)
}

#[tokio::test]
async fn spans_go_to_the_collector_and_the_last_ones_at_the_end() {
    let (collector, mut exports) = collector().await;
    let endpoint = format!("http://127.0.0.1:{}", collector.port);
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let server = start_over(bundled(), &[], &environment).await;
    ask(&server, &format!("{SESSION}/api/version")).await;
    assert!(exports.try_recv().is_err(), "nothing is due yet");
    server.process.signal(Signal::TERM);
    assert!(server.process.ended(Duration::from_secs(15)).await.unwrap().success());
    let export = tokio::time::timeout(Duration::from_secs(5), exports.recv()).await;
    let export = export.ok().flatten().expect("the last spans are sent");
    assert_eq!((export.method.as_str(), export.target.as_str()), ("POST", "/v1/traces"));
    assert_eq!(export.header("content-type"), "application/x-protobuf");
    let has = |wanted: &[u8]| export.body.windows(wanted.len()).any(|bytes| bytes == wanted);
    let trace: Vec<u8> = (0..16).map(|i| u8::from_str_radix(&TRACE[2 * i..2 * i + 2], 16).unwrap()).collect();
    assert!(has(&trace), "the caller's trace goes on");
    assert!(has(b"GET /api/version"), "spans are named by route");
    assert!(has(b"http.response.status_code"), "spans have the answer's status");
    assert!(has(b"ray-history"), "the service has a name");
}

#[tokio::test]
async fn a_missing_collector_delays_nothing() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let server = start_over(bundled(), &[], &environment).await;
    assert_eq!(ask(&server, "/livez").await.status, 200);
    server.process.signal(Signal::TERM);
    assert!(server.process.ended(Duration::from_secs(15)).await.unwrap().success());
}
