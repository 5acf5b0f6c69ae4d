//! The real program, running under its own ServiceAccount's token against a control plane.

use crate::control_plane::{ControlPlane, free_port};
use crate::process::Process;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A running replica.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts a replica for `RayHistory` NAMESPACE/main, in a ServiceAccount of that namespace. It reaches the API server
    /// at a port.
    pub(crate) async fn start(plane: &ControlPlane, namespace: &str, account: &str, replica: &str, at: u16) -> Self {
        let kubeconfig = plane.kubeconfig_of(namespace, account, at).await;
        Self::run(&kubeconfig, namespace, replica)
    }

    /// Starts a replica with a kubeconfig.
    pub(crate) fn run(kubeconfig: &std::path::Path, namespace: &str, replica: &str) -> Self {
        let port = free_port();
        let log = kubeconfig.with_extension(format!("{replica}.log"));
        let mut program = Command::new(env!("CARGO_BIN_EXE_ray-history"));
        program
            .args(["serve", "--rayhistory", &format!("{namespace}/main"), "--replica", replica])
            .args(["--listen", &format!("127.0.0.1:{port}"), "--base-url", "https://history.example"])
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "info,ray_history=debug,ray_history::access=warn,ray_history::http=info")
            .env("NO_COLOR", "1");
        Self { process: Process::start(&program, &log), url: format!("http://127.0.0.1:{port}"), log }
    }

    /// Waits until something is true.
    pub(crate) async fn eventually<F: Future<Output = bool>>(&self, what: &str, within: Duration, is: impl Fn() -> F) {
        let begun = Instant::now();
        while !is().await {
            assert!(begun.elapsed() < within, "not within {within:?}: {what}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The state of a session as it is listed; nothing, when it is not. Loads nothing and looks for nothing.
    pub(crate) async fn state(&self, namespace: &str, cluster: &str, session: &str) -> String {
        let list = self.json(&format!("/api/history/v1/sessions?namespace={namespace}&cluster={cluster}")).await;
        let list = list.unwrap_or_default();
        let found = list["sessions"].as_array().into_iter().flatten().find(|found| found["session"] == session);
        found.and_then(|found| found["state"].as_str()).unwrap_or_default().to_owned()
    }

    /// The status code of a path; 0 when there is no answer.
    pub(crate) async fn get(&self, path: &str) -> u16 {
        reqwest::get(format!("{}{path}", self.url)).await.map_or(0, |answer| answer.status().as_u16())
    }

    /// The text of an answer, whatever its status code is.
    pub(crate) async fn text(&self, path: &str) -> String {
        match reqwest::get(format!("{}{path}", self.url)).await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Where a path leads; none when it does not.
    pub(crate) async fn leads(&self, path: &str) -> Option<String> {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = client.get(format!("{}{path}", self.url)).send().await.ok()?;
        Some(answer.headers().get("location")?.to_str().unwrap().to_owned())
    }

    /// A JSON answer; none for any error.
    pub(crate) async fn json(&self, path: &str) -> Option<Value> {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    /// The sum of a metric's values, over all labels or those that contain a text.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.text("/metrics").await;
        let lines =
            text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        lines.filter(|line| line.contains(label)).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Bytes of memory that it holds.
    pub(crate) fn resident(&self) -> u64 {
        self.process.resident()
    }

    /// Ends it as a node does that loses power.
    pub(crate) fn kill(self) {
        drop(self.process);
    }

    /// Ends it as Kubernetes does.
    pub(crate) fn terminate(self) {
        self.process.terminate();
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        let log = self.log();
        let mut lines: Vec<&str> = log.lines().rev().take(40).collect();
        lines.reverse();
        lines.join("\n")
    }
}
