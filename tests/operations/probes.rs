//! Probes and metrics.

use crate::server::{SESSION, Server};
use std::time::Duration;

#[test]
fn probes_answer_in_the_words_of_kube_apiserver() {
    let server = Server::start(&[]);
    for path in ["/livez", "/healthz", "/readyz", "/readz"] {
        let (head, body) = server.get(path);
        assert!(head.starts_with("http/1.1 200") && head.contains("text/plain"), "{path}: {head}");
        assert_eq!(body, "ok", "{path}");
    }
    assert_eq!(server.get("/livez?verbose").1, "[+]ping ok\nlivez check passed\n");
    let gates = "[+]settings-applied ok\n[+]sessions-listed ok\n[+]not-stopping ok\nreadyz check passed\n";
    assert_eq!(server.get("/readyz?verbose").1, gates);
}

#[test]
fn a_server_that_is_asked_to_stop_is_alive_and_not_ready() {
    let mut server = Server::start(&["--drain-wait", "2s"]);
    server.signal("TERM");
    crate::server::eventually("not ready", Duration::from_secs(2), || server.get("/readyz").0.contains(" 503 "));
    let (_, body) = server.get("/readyz");
    assert!(body.contains("[-]not-stopping failed: this server is stopping"), "{body}");
    assert!(body.ends_with("readyz check failed\n"), "{body}");
    assert!(server.get("/livez").0.contains(" 200 "));
    assert!(server.get(&format!("{SESSION}/api/version")).0.contains(" 200 "), "requests are still answered");
    assert!(server.ended(Duration::from_secs(20)).unwrap().success());
}

#[test]
fn requests_are_counted_by_pattern_and_names_are_no_labels() {
    let server = Server::start(&[]);
    for path in ["/livez", "/nothing/here", &format!("{SESSION}/api/version"), &format!("{SESSION}/nodes/ff")] {
        server.get(path);
    }
    let (head, body) = server.get("/metrics");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    for sample in [
        "http_requests_total{route=\"/livez\",method=\"GET\",status=\"2xx\"} 1".to_owned(),
        "http_requests_total{route=\"unknown\",method=\"GET\",status=\"4xx\"} 1".to_owned(),
        "http_requests_total{route=\"/api/version\",method=\"GET\",status=\"2xx\"} 1".to_owned(),
        "http_request_duration_seconds_count{route=\"/nodes/{id}\"} 1".to_owned(),
        "http_requests_in_flight 1".to_owned(),
    ] {
        assert!(body.contains(&format!("ray_history_{sample}\n")), "{sample}\n{body}");
    }
    assert!(!body.contains("recsys"), "a name became a label:\n{body}");
    assert!(body.contains("\nprocess_resident_memory_bytes ") && body.ends_with("# EOF\n"));
}
