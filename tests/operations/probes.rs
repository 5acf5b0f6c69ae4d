//! Probes and metrics.

use crate::server::{SESSION, start};
use rustix::process::Signal;
use std::time::Duration;

#[tokio::test]
async fn probes_answer_in_the_words_of_kube_apiserver() {
    let server = start(&[]).await;
    for path in ["/livez", "/healthz", "/readyz", "/readz"] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok"), "{path}");
        assert!(reply.header("content-type").starts_with("text/plain"), "{path}: {reply:?}");
    }
    assert_eq!(server.text("/livez?verbose").await, "[+]ping ok\nlivez check passed\n");
    let gates = "[+]settings-applied ok\n[+]sessions-listed ok\n[+]not-stopping ok\nreadyz check passed\n";
    assert_eq!(server.text("/readyz?verbose").await, gates);
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_is_alive_and_not_ready() {
    let server = start(&["--drain-wait", "2s"]).await;
    server.process.signal(Signal::TERM);
    let unready = async || server.status("/readyz").await == 503;
    server.eventually("it is not ready", Duration::from_secs(2), unready).await;
    let body = server.text("/readyz").await;
    assert!(body.contains("[-]not-stopping failed: this server is stopping"), "{body}");
    assert!(body.ends_with("readyz check failed\n"), "{body}");
    assert_eq!(server.status("/livez").await, 200);
    assert_eq!(server.status(&format!("{SESSION}/api/version")).await, 200, "requests are still answered");
    assert!(server.process.ended(Duration::from_secs(20)).await.unwrap().success());
}

#[tokio::test]
async fn requests_are_counted_by_pattern_and_names_are_no_labels() {
    let server = start(&[]).await;
    for path in ["/livez", "/nothing/here", &format!("{SESSION}/api/version"), &format!("{SESSION}/nodes/ff")] {
        server.get(path).await;
    }
    let reply = server.get("/metrics").await;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(reply.header("content-type"), content_type);
    for sample in [
        "http_requests_total{route=\"/livez\",method=\"GET\",status=\"2xx\"} 1".to_owned(),
        "http_requests_total{route=\"/{below}\",method=\"GET\",status=\"4xx\"} 1".to_owned(),
        "http_requests_total{route=\"/api/version\",method=\"GET\",status=\"2xx\"} 1".to_owned(),
        "http_request_duration_seconds_count{route=\"/nodes/{id}\"} 1".to_owned(),
        "http_requests_in_flight 1".to_owned(),
    ] {
        assert!(reply.body.contains(&format!("ray_history_{sample}\n")), "{sample}\n{}", reply.body);
    }
    assert!(!reply.body.contains("recsys"), "a name became a label:\n{}", reply.body);
    assert!(reply.body.contains("\nprocess_resident_memory_bytes ") && reply.body.ends_with("# EOF\n"));
}
