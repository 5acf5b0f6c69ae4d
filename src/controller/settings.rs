//! From the spec of a `RayHistory` and its Secret to settings in force.
//!
//! Owns the last good settings: what cannot be applied changes nothing, and is tried again.

use super::Server;
use crate::crd::RayHistory;
use crate::settings::{Origin, Settings};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::core::DeserializeGuard;
use kube::{Api, ResourceExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::one::{News, follow_one};

/// How often settings that could not be applied are tried again: a store may be down for a while.
const AGAIN: Duration = Duration::from_secs(30);

/// What a Secret holds.
pub type Credentials = BTreeMap<String, Vec<u8>>;

/// The Secret that holds the credentials of the store.
#[derive(Debug)]
struct Watch {
    name: String,
    news: mpsc::UnboundedReceiver<News<Secret>>,
    _task: JoinSet<()>,
}

/// What is in force, and what should be.
pub(super) struct Applied {
    client: Client,
    /// The server's own namespace: no other Secret is ever read.
    namespace: String,
    memory_limit: Option<u64>,
    wanted: Option<(i64, Arc<Settings>)>,
    secret: Option<Watch>,
    credentials: Option<Credentials>,
    in_force: Option<(i64, Arc<Settings>, Credentials)>,
    rejected: Option<String>,
    retry: Option<Instant>,
}

impl Applied {
    pub(super) fn new(client: Client, namespace: String, memory_limit: Option<u64>) -> Self {
        Self {
            client,
            namespace,
            memory_limit,
            wanted: None,
            secret: None,
            credentials: None,
            in_force: None,
            rejected: None,
            retry: None,
        }
    }

    /// The generation whose settings are in force, and the settings.
    pub(super) fn in_force(&self) -> Option<(i64, &Arc<Settings>)> {
        self.in_force.as_ref().map(|(generation, settings, _)| (*generation, settings))
    }

    /// Why what should be in force is not.
    pub(super) fn rejected(&self) -> Option<&str> {
        self.rejected.as_deref()
    }

    /// The object is like this now.
    pub(super) async fn want(&mut self, history: &RayHistory, server: &dyn Server) {
        let generation = history.metadata.generation.unwrap_or_default();
        match Settings::from_spec(&history.spec, Origin::Kubernetes, self.memory_limit) {
            Err(problems) => self.refuse(problems.to_string().replace('\n', "; ")),
            Ok(settings) => {
                self.wanted = Some((generation, Arc::new(settings)));
                self.follow_secret();
                self.apply(server).await;
            }
        }
    }

    /// The object is there and cannot be used.
    pub(super) fn refuse(&mut self, why: String) {
        self.wanted = None;
        self.retry = None;
        self.rejected = Some(why);
    }

    /// Completes when there is something to do: then `work` does it.
    pub(super) async fn due(&mut self) -> Option<News<Secret>> {
        let retry = self.retry;
        let again = async {
            match retry {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let secret = async {
            match &mut self.secret {
                Some(watch) => watch.news.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            news = secret => news,
            () = again => None,
        }
    }

    /// News of the Secret, or time to try again.
    pub(super) async fn work(&mut self, news: Option<News<Secret>>, server: &dyn Server) {
        match news {
            None => {}
            Some(News::Is(secret)) => {
                let data = secret.data.unwrap_or_default().into_iter();
                self.credentials = Some(data.map(|(name, ByteString(value))| (name, value)).collect());
            }
            Some(News::Absent) => {
                self.credentials = None;
                let place = format!("{}/{}", self.namespace, self.secret.as_ref().map_or("", |watch| &watch.name));
                self.rejected = Some(format!("Secret {place} does not exist: create it, or name another"));
                return;
            }
            Some(News::Malformed(why)) => {
                self.rejected = Some(format!("the Secret cannot be read: {why}"));
                return;
            }
            Some(News::Trouble(trouble)) => {
                if self.credentials.is_none() {
                    let name = self.secret.as_ref().map_or("", |watch| &watch.name);
                    self.rejected = Some(format!(
                        "Secret {}/{name} cannot be read ({trouble:?}): the server's Role must allow get, list and \
                         watch for it by name",
                        self.namespace
                    ));
                }
                return;
            }
        }
        self.apply(server).await;
    }

    fn follow_secret(&mut self) {
        let wanted = self.wanted.as_ref().and_then(|(_, settings)| settings.storage.credentials_secret.clone());
        if self.secret.as_ref().map(|watch| &watch.name) == wanted.as_ref() {
            return;
        }
        self.credentials = None;
        self.secret = wanted.map(|name| {
            let api: Api<DeserializeGuard<Secret>> = Api::namespaced(self.client.clone(), &self.namespace);
            let mut task = JoinSet::new();
            let news = follow_one(api, &name, &mut task);
            Watch { name, news, _task: task }
        });
    }

    async fn apply(&mut self, server: &dyn Server) {
        self.retry = None;
        let Some((generation, settings)) = self.wanted.clone() else { return };
        let credentials = match (&self.secret, &self.credentials) {
            (Some(_), None) => return,
            (Some(_), Some(credentials)) => credentials.clone(),
            (None, _) => Credentials::new(),
        };
        if let Some((_, current, with)) = &self.in_force
            && *current == settings
            && *with == credentials
        {
            self.in_force = Some((generation, settings, credentials));
            self.rejected = None;
            return;
        }
        match server.apply(Arc::clone(&settings), &credentials).await {
            Ok(()) => {
                tracing::info!(generation, "settings in force");
                self.in_force = Some((generation, settings, credentials));
                self.rejected = None;
            }
            Err(why) => {
                self.rejected = Some(why);
                self.retry = Some(Instant::now() + AGAIN);
            }
        }
    }
}

/// A `RayHistory` as Events refer to it.
pub(super) fn reference(history: &RayHistory) -> k8s_openapi::api::core::v1::ObjectReference {
    kube::Resource::object_ref(history, &())
}

/// Its name and namespace, for logs.
pub(super) fn place(history: &RayHistory) -> String {
    format!("{}/{}", history.namespace().unwrap_or_default(), history.name_any())
}
