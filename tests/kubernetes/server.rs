//! The real program, running under its own ServiceAccount's token against a control plane, and a bucket it serves.

use crate::control_plane::ControlPlane;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder that holds what collectors stored.
pub(crate) struct Bucket(TempDir);

impl Bucket {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let bucket = Self(TempDir::new().unwrap());
        std::fs::create_dir_all(bucket.path().join("cluster-metadata/raycluster")).unwrap();
        bucket
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Stores a session of a cluster without an owner: its marker, and one job.
    pub(crate) fn store(&self, cluster: &str, session: &str) {
        self.store_at("raycluster/team", &format!("raycluster/team_{cluster}"), cluster, session);
    }

    /// Stores a session of a cluster that a `RayJob` made.
    pub(crate) fn store_of_job(&self, job: &str, cluster: &str, session: &str) {
        self.store_at(&format!("rayjob/team/{job}"), &format!("rayjob/team_{job}_{cluster}"), cluster, session);
    }

    fn store_at(&self, history: &str, marker: &str, cluster: &str, session: &str) {
        let node = "01".repeat(28);
        let events = self.path().join(format!("cluster-history/{history}/{cluster}/{session}/{node}/node_events"));
        std::fs::create_dir_all(&events).unwrap();
        let event = json!({
            "eventId": "AAAA", "sourceType": "GCS", "eventType": "NODE_DEFINITION_EVENT",
            "timestamp": "2026-11-22T12:00:01Z", "severity": "INFO", "sessionName": session,
            "nodeDefinitionEvent": {"nodeId": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==", "nodeIpAddress": "10.0.0.1"}
        });
        std::fs::write(events.join(format!("{node}-2026-11-22-12-1795348801000000000.jsonl")), format!("{event}\n"))
            .unwrap();
        let marker = self.path().join("cluster-metadata").join(marker);
        std::fs::create_dir_all(&marker).unwrap();
        std::fs::write(marker.join(session), "").unwrap();
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts a replica for `RayHistory` team/main, in the ServiceAccount team/ray-history.
    pub(crate) async fn start(plane: &ControlPlane, namespace: &str, replica: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let kubeconfig = plane.kubeconfig_of(namespace, "ray-history").await;
        let log = kubeconfig.with_extension(format!("{replica}.log"));
        let out = std::fs::File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_ray-history"))
            .args(["serve", "--rayhistory", &format!("{namespace}/main"), "--replica", replica])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "info,ray_history=debug")
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        Self { child, url: format!("http://127.0.0.1:{port}"), log }
    }

    /// Waits until a session is listed in a state, at most so long.
    pub(crate) async fn is(&self, session: &str, state: &str, within: Duration) {
        let path = format!("/api/history/v1/sessions/team/{session}");
        let what = format!("{session} {state}");
        self.eventually(&what, within, || async {
            self.json(&path).await.is_some_and(|found| found["state"] == state)
        })
        .await;
    }

    /// Waits until something is true.
    pub(crate) async fn eventually<F: Future<Output = bool>>(&self, what: &str, within: Duration, is: impl Fn() -> F) {
        let begun = Instant::now();
        while !is().await {
            assert!(begun.elapsed() < within, "not within {within:?}: {what}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The status code of a path.
    pub(crate) async fn get(&self, path: &str) -> u16 {
        reqwest::get(format!("{}{path}", self.url)).await.map_or(0, |answer| answer.status().as_u16())
    }

    /// A JSON answer; none for any error.
    pub(crate) async fn json(&self, path: &str) -> Option<Value> {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    /// Ends it as a node does that loses power.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut lines: Vec<&str> = log.lines().rev().take(40).collect();
        lines.reverse();
        lines.join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
