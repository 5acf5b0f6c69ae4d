//! The real program with an environment of its own, because variables belong to a whole process.

use super::http::Asked;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `ray-history serve`; ends when dropped.
pub(crate) struct Program {
    child: Child,
    folder: TempDir,
    url: String,
    asked: u32,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Serves a bucket that the `storage` part of a document names, in nothing but this environment.
    pub(crate) async fn serve(storage: &str, env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rayhistory.yaml");
        let head = "apiVersion: history.ray.io/v1alpha1\nkind: RayHistory\nmetadata: {name: main}";
        fs::write(&file, format!("{head}\nspec: {{storage: {storage}}}\n")).unwrap();
        Self::start(folder, &["--config", file.to_str().unwrap()], env).await
    }

    /// Serves what the environment and flags say.
    pub(crate) async fn serve_with(flags: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start(tempfile::tempdir().unwrap(), flags, env).await
    }

    async fn start(folder: TempDir, flags: &[&str], env: &[(&str, &str)]) -> Self {
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ray-history"));
        command.env_clear().env("HOME", folder.path()).env("NO_COLOR", "1").envs(env.iter().copied());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(flags).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut program = Self { child, folder, url: String::new(), asked: 0 };
        let until = Instant::now() + PATIENCE;
        program.url = loop {
            let log = program.log();
            if let Some((_, rest)) = log.split_once("serving http://")
                && let Some((address, _)) = rest.split_once("/sessions/")
            {
                break format!("http://{address}");
            }
            assert!(program.child.try_wait().unwrap().is_none(), "it ended: {log}");
            assert!(Instant::now() < until, "it does not serve: {log}");
            sleep(Duration::from_millis(20)).await;
        };
        program
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The answer to a GET, as JSON.
    pub(crate) async fn json(&self, path: &str) -> serde_json::Value {
        reqwest::get(format!("{}{path}", self.url)).await.unwrap().json().await.unwrap()
    }

    /// Makes it ask the store: for a session that nobody has heard of.
    pub(crate) async fn ask_the_store(&mut self) {
        self.asked += 1;
        let session = "session_2026-11-22_23-11-33_821800_1";
        let url = format!("{}/sessions/ns/c{}/{session}/api/v0/tasks", self.url, self.asked);
        let _ = reqwest::get(url).await.unwrap();
    }

    /// Makes it ask until the store has seen somebody.
    pub(crate) async fn asks_as(&mut self, who: &str, seen: &Seen) {
        let until = Instant::now() + PATIENCE;
        while !seen.has(who) {
            assert!(Instant::now() < until, "{who} was never seen, but {:?}; {}", seen.all(), self.log());
            sleep(Duration::from_millis(100)).await;
            self.ask_the_store().await;
        }
    }
}

/// Whom a server has seen.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn add(&self, who: impl Into<String>) {
        let (mut all, who) = (self.0.lock().unwrap(), who.into());
        if !all.contains(&who) {
            all.push(who);
        }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn has(&self, who: &str) -> bool {
        self.0.lock().unwrap().iter().any(|known| known == who)
    }
}

/// A file that its owner replaces, as the kubelet does with projected tokens.
pub(crate) struct Projected(TempDir);

impl Projected {
    pub(crate) fn new(text: &str) -> Self {
        let projected = Self(tempfile::tempdir().unwrap());
        projected.replace(text);
        projected
    }

    pub(crate) fn replace(&self, text: &str) {
        let new = self.0.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("token")
    }

    pub(crate) fn text(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }
}

/// When keys expire that are good for so many seconds: so few that their holder asks for new ones at once.
pub(crate) fn within(seconds: u64) -> String {
    let then = jiff::Timestamp::now() + Duration::from_secs(seconds);
    then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Part of a URL.
pub(crate) fn path(asked: &Asked) -> &str {
    asked.target.split('?').next().unwrap_or_default()
}
