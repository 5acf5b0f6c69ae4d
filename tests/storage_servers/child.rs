//! The program with credentials from its environment or from files, over a store that records who asks.

use super::common::http::Asked;
use super::common::server::Server;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, killed with the value.
pub(crate) struct Program {
    server: Server,
    _folder: TempDir,
    asked: u32,
}

impl Program {
    /// Serves a bucket that the `storage` part of a document names, with these variables.
    pub(crate) async fn serve(storage: &str, env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rayhistory.yaml");
        let head = "apiVersion: history.ray.io/v1alpha1\nkind: RayHistory\nmetadata: {name: main}";
        fs::write(&file, format!("{head}\nspec: {{storage: {storage}}}\n")).unwrap();
        let server = Server::start(&["--config", file.to_str().unwrap()], env).await;
        Self { server, _folder: folder, asked: 0 }
    }

    /// Returns everything the program has logged.
    pub(crate) fn log(&self) -> String {
        self.server.process.log()
    }

    /// Makes the program send requests until the store has seen a client.
    pub(crate) async fn asks_as(&mut self, who: &str, seen: &Seen) {
        let until = Instant::now() + PATIENCE;
        while !seen.has(who) {
            assert!(Instant::now() < until, "{who} was never seen, but {:?}; {}", seen.all(), self.log());
            sleep(Duration::from_millis(100)).await;
            // A session that is not listed is searched for in the store.
            self.asked += 1;
            let session = "session_2026-11-22_23-11-33_821800_1";
            self.server.get(&format!("/sessions/ns/c{}/{session}/api/v0/tasks", self.asked)).await;
        }
    }
}

/// The identities that a server has seen.
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

/// Returns the time of expiry of keys that are valid for some seconds: so few that their holder asks for new ones at once.
pub(crate) fn within(seconds: u64) -> String {
    let then = jiff::Timestamp::now() + Duration::from_secs(seconds);
    then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns the path of a request, without its query.
pub(crate) fn path(asked: &Asked) -> &str {
    asked.target.split('?').next().unwrap_or_default()
}
