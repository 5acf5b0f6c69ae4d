//! The audit log, with an API server in this process that knows two people.

use crate::common::client::Reply;
use crate::common::http::{Answer, Asked, Listening, answering};
use crate::common::process::Process;
use crate::common::server::Server;
use crate::common::stores::free_port;
use crate::server::{SESSION, bundled};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const TARGET: &str = "ray_history::audit";
/// Names that must be in no line of any log.
const TOKENS: [&str; 3] = ["planted-token-of-ann", "planted-token-of-bob", "planted-token-of-nobody"];

/// Answers reviews: Ann and Bob have tokens, and Ann may see everything.
fn review(asked: &Asked) -> Answer {
    let mut review: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    review["status"] = match asked.target.rsplit('/').next() {
        Some("tokenreviews") => match TOKENS[..2].iter().position(|known| *known == token) {
            Some(at) => {
                let user = ["ann", "bob"][at];
                json!({"authenticated": true, "user": {"username": user, "groups": ["secret-group"]}})
            }
            None => json!({"authenticated": false}),
        },
        _ => json!({"allowed": review["spec"]["user"] == "ann"}),
    };
    Answer::new(201, review.to_string())
}

/// Starts a server with access on, whose reviews are answered here.
async fn start(dir: &Path, format: &str, rust_log: &str) -> (Server, Listening) {
    let reviews = answering(|asked| review(&asked)).await;
    let cluster = json!({"name": "c", "cluster": {"server": format!("http://127.0.0.1:{}", reviews.port)}});
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [cluster],
        "users": [{"name": "u", "user": {}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    let history = json!({
        "apiVersion": "history.ray.io/v1alpha1", "kind": "RayHistory", "metadata": {"name": "main"},
        "spec": {
            "storage": {"local": {"path": bundled()}},
            "access": {"mode": "Kubernetes", "authentication": {"tokens": {}}},
        },
    });
    let [config, kubeconfig] = [("history.yaml", history), ("kubeconfig", kubeconfig)].map(|(name, value)| {
        let path = dir.join(name);
        std::fs::write(&path, value.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    });
    // Its address is not taken from its log, which may be silent.
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ray-history"));
    command.args(["serve", "--listen", &address, "--config", &config, "--log-format", format]);
    let process = Process::start(command.env("KUBECONFIG", kubeconfig).env("RUST_LOG", rust_log));
    let server = Server { process, address };
    let ready = async || server.status("/readyz").await == 200;
    server.eventually("ready", Duration::from_secs(30), ready).await;
    (server, reviews)
}

/// Asks as everybody: one who may, the same once more, one who may not, and nobody.
async fn ask(server: &Server) -> Vec<Reply> {
    let path = format!("{SESSION}/nodes?view=summary&token=planted-query");
    let mut replies = Vec::new();
    for (token, status) in [(TOKENS[0], 200), (TOKENS[0], 200), (TOKENS[1], 403), (TOKENS[2], 401)] {
        let headers = [
            ("Authorization", format!("Bearer {token}")),
            ("Cookie", "ray-history=planted-cookie; ray-authentication-token=planted-cookie".to_owned()),
        ];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let reply = server.send("GET", &path, &headers).await.unwrap();
        assert_eq!(reply.status, status, "{token}: {reply:?}");
        replies.push(reply);
    }
    replies
}

/// Returns the audit lines of a log, each of which must be one JSON object.
fn lines(log: &str) -> Vec<Value> {
    let ours = log.lines().filter(|line| line.contains("\"decision\"") || line.contains(TARGET));
    ours.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn audit_lines_are_json_whatever_the_log_is() {
    for (format, rust_log) in [("text", "warn"), ("json", "warn"), ("text", "off"), ("json", "info"), ("text", "trace")]
    {
        let dir = TempDir::new().unwrap();
        let (server, _reviews) = start(dir.path(), format, rust_log).await;
        let replies = ask(&server).await;
        let written = async || lines(&server.process.log()).len() >= 3;
        server.eventually("three lines", Duration::from_secs(10), written).await;
        let log = server.process.log();
        let found = lines(&log);
        assert_eq!(found.len(), 3, "{format} {rust_log}: {log}");
        for (line, (user, way, decision, reply)) in found.iter().zip([
            ("ann", "bearer", "allowed", &replies[0]),
            ("bob", "bearer", "denied", &replies[2]),
            ("", "", "invalid", &replies[3]),
        ]) {
            let mut parts = SESSION.trim_start_matches("/sessions/").split('/');
            let mut expected = json!({
                "level": "INFO", "target": TARGET, "user": user, "way": way, "verb": "get", "class": "dashboard",
                "decision": decision, "peer": "127.0.0.1", "request_id": reply.header("x-request-id"),
                "namespace": parts.next(), "cluster": parts.next(), "session": parts.next(),
            });
            expected["timestamp"] = line["timestamp"].clone();
            assert!(line["timestamp"].is_string());
            assert_eq!(*line, expected, "{format} {rust_log}");
        }
        for planted in ["planted-", "secret-group"] {
            assert!(!log.contains(planted), "{format} {rust_log}: {planted} in {log}");
            assert!(!server.text("/metrics").await.contains(planted));
        }
        assert!(rust_log != "off" || log.lines().count() == 3, "nothing else: {log}");
    }
}

#[tokio::test]
async fn only_the_target_itself_turns_audit_lines_off() {
    let dir = TempDir::new().unwrap();
    let (server, _reviews) = start(dir.path(), "text", "info,ray_history::audit=off").await;
    ask(&server).await;
    server.process.signal(rustix::process::Signal::TERM);
    assert!(server.process.ended(Duration::from_secs(20)).await.is_some());
    assert!(server.process.log().contains("stopped"));
    assert_eq!(lines(&server.process.log()), Vec::<Value>::new());
}
