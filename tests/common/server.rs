//! The program, running on a free loopback port.

use super::client::{Reply, send};
use super::process::Process;
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};

/// A running server, killed with the value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    /// The address that it listens on: `127.0.0.1:PORT`.
    pub(crate) address: String,
}

/// Returns the command that serves on a free port, with more flags and variables.
///
/// The tests' own environment has nothing of the user's (`scripts/test-env`). Variables of the tests would be flags.
pub(crate) fn command(flags: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ray-history"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RAY_HISTORY_")) {
        command.env_remove(name);
    }
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(flags).envs(environment.iter().copied());
    command
}

impl Server {
    /// Starts a server with flags and variables, and waits until it listens.
    pub(crate) async fn start(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let process = Process::start(&mut command(flags, environment));
        let log = process.printed("serving http://", Duration::from_secs(60)).await;
        let address = log.split("serving http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        Self { process, address }
    }

    /// Sends a request, and returns the answer; `None` if there is none.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<Reply> {
        send(method, &format!("http://{}{path}", self.address), headers).await.ok()
    }

    /// Returns the answer to a path.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[]).await.unwrap_or_else(|| panic!("no answer to {path}:\n{}", self.process.tail()))
    }

    /// Returns the status code of a path, 0 if there is no answer.
    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.send("GET", path, &[]).await.map_or(0, |reply| reply.status)
    }

    /// Returns the text of an answer whatever its status code is, empty if there is none.
    pub(crate) async fn text(&self, path: &str) -> String {
        self.send("GET", path, &[]).await.map_or_else(String::new, |reply| reply.body)
    }

    /// Returns a JSON answer; `None` for any error.
    pub(crate) async fn json(&self, path: &str) -> Option<Value> {
        let reply = self.send("GET", path, &[]).await.filter(|reply| reply.status < 400)?;
        serde_json::from_str(&reply.body).ok()
    }

    /// Returns the sum of a metric's values, over all labels or those that contain a text; zero without a sample.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.text("/metrics").await;
        let lines =
            text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        lines.filter(|line| line.contains(label)).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Returns the state of a session as it is listed, empty if it is not. This loads nothing and lists nothing.
    pub(crate) async fn state(&self, namespace: &str, cluster: &str, session: &str) -> String {
        let list = self.json(&format!("/api/history/v1/sessions?namespace={namespace}&cluster={cluster}")).await;
        let list = list.unwrap_or_default();
        let found = list["sessions"].as_array().into_iter().flatten().find(|found| found["session"] == session);
        found.and_then(|found| found["state"].as_str()).unwrap_or_default().to_owned()
    }

    /// Waits until something is true; a failure shows the end of the server's log.
    pub(crate) async fn eventually(&self, what: &str, within: Duration, is: impl AsyncFn() -> bool) {
        let started = Instant::now();
        while !is().await {
            assert!(started.elapsed() < within, "not within {within:?}: {what}\n{}", self.process.tail());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
