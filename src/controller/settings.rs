//! From the spec of a `RayHistory` and its Secret to settings in force.
//!
//! Owns the last good settings: what cannot be applied changes nothing, and is tried again. Applying runs beside, because
//! a store that does not answer must keep nobody waiting.

use super::Server;
use super::follow::Trouble;
use crate::crd::RayHistory;
use crate::settings::{Origin, Settings};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::core::DeserializeGuard;
use kube::{Api, ResourceExt};
use ray_history_core::base::chain::chain;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::one::{News, follow_one};
use super::words::shortened;

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

/// What there is to do.
pub(super) enum Due {
    /// News of the Secret.
    Secret(News<Secret>),
    /// It is time to try again.
    Again,
    /// What was being applied is in force, or why not.
    Ended(Box<Applying>, Result<(), String>),
}

/// What is being put in force.
#[derive(Clone)]
pub(super) struct Applying {
    generation: i64,
    settings: Arc<Settings>,
    credentials: Credentials,
}

/// What is in force, and what should be.
pub(super) struct Applied {
    client: Client,
    server: Arc<dyn Server>,
    /// The server's own namespace: no other Secret is ever read.
    namespace: String,
    memory_limit: Option<u64>,
    wanted: Option<(i64, Arc<Settings>)>,
    secret: Option<Watch>,
    /// What the Secret holds, or why nobody can tell, once that is known.
    credentials: Result<Credentials, Option<String>>,
    applying: JoinSet<(Applying, Result<(), String>)>,
    in_force: Option<Applying>,
    rejected: Option<String>,
    retry: Option<Instant>,
}

impl Applied {
    pub(super) fn new(client: Client, server: Arc<dyn Server>, namespace: String, memory_limit: Option<u64>) -> Self {
        Self {
            client,
            server,
            namespace,
            memory_limit,
            wanted: None,
            secret: None,
            credentials: Err(None),
            applying: JoinSet::new(),
            in_force: None,
            rejected: None,
            retry: None,
        }
    }

    /// The generation whose settings are in force, and the settings.
    pub(super) fn in_force(&self) -> Option<(i64, &Arc<Settings>)> {
        self.in_force.as_ref().map(|applied| (applied.generation, &applied.settings))
    }

    /// Why what should be in force is not.
    pub(super) fn rejected(&self) -> Option<&str> {
        self.rejected.as_deref()
    }

    /// The object is like this now.
    pub(super) fn want(&mut self, history: &RayHistory) {
        let generation = history.metadata.generation.unwrap_or_default();
        match Settings::from_spec(&history.spec, Origin::Kubernetes, self.memory_limit) {
            Err(problems) => self.refuse(problems.to_string().replace('\n', "; ")),
            Ok(settings) => {
                self.wanted = Some((generation, Arc::new(settings)));
                self.rejected = None;
                self.follow_secret();
                self.apply();
            }
        }
    }

    /// The object is there and cannot be used.
    pub(super) fn refuse(&mut self, why: String) {
        self.wanted = None;
        self.retry = None;
        self.applying.abort_all();
        self.rejected = Some(shortened(why));
    }

    /// Completes when there is something to do: then `work` does it.
    pub(super) async fn due(&mut self) -> Due {
        let Self { retry, secret, applying, .. } = self;
        let again = async {
            match retry {
                Some(at) => tokio::time::sleep_until(*at).await,
                None => std::future::pending().await,
            }
        };
        let secret = async {
            let news = match secret {
                Some(watch) => watch.news.recv().await,
                None => None,
            };
            match news {
                Some(news) => news,
                None => std::future::pending().await,
            }
        };
        let ended = async {
            loop {
                match applying.join_next().await {
                    Some(Ok((applying, ended))) => return Due::Ended(Box::new(applying), ended),
                    // Something newer is wanted.
                    Some(Err(error)) if error.is_cancelled() => {}
                    Some(Err(error)) => {
                        tracing::error!(error = %chain(&error), "settings could not be applied; please report this");
                    }
                    None => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            news = secret => Due::Secret(news),
            () = again => Due::Again,
            ended = ended => ended,
        }
    }

    /// Does what is due.
    pub(super) fn work(&mut self, due: Due) {
        match due {
            Due::Again => self.apply(),
            Due::Secret(news) => self.heard(news),
            Due::Ended(applying, Ok(())) => {
                tracing::info!(generation = applying.generation, "settings in force");
                self.rejected = None;
                let superseded = self.wanted.as_ref().is_some_and(|(wanted, _)| *wanted != applying.generation);
                self.in_force = Some(*applying);
                if superseded {
                    self.apply();
                }
            }
            Due::Ended(applying, Err(why)) => {
                if self.wanted.as_ref().is_some_and(|(wanted, _)| *wanted == applying.generation) {
                    self.rejected = Some(why);
                    self.retry = Some(Instant::now() + AGAIN);
                }
            }
        }
    }

    fn heard(&mut self, news: News<Secret>) {
        let place = format!("{}/{}", self.namespace, self.secret.as_ref().map_or("", |watch| &watch.name));
        match news {
            News::Is(secret) => {
                let data = secret.data.unwrap_or_default().into_iter();
                self.credentials = Ok(data.map(|(name, ByteString(value))| (name, value)).collect());
            }
            News::Absent => {
                self.credentials = Err(Some(format!("Secret {place} does not exist: create it, or name another")));
            }
            News::Malformed(why) => self.credentials = Err(Some(format!("Secret {place} cannot be read: {why}"))),
            News::Trouble(trouble) if self.credentials.is_err() => {
                let why = match trouble {
                    Trouble::ListingOnly => return,
                    Trouble::Forbidden(why) => {
                        format!("{why}; the server's Role must allow list and watch for it by name")
                    }
                    Trouble::NoSuchKind => "the API server knows no Secrets".to_owned(),
                    Trouble::Unreachable(why) => why,
                };
                self.credentials = Err(Some(format!("Secret {place} cannot be read: {why}")));
            }
            // What was read last stays.
            News::Trouble(_) => return,
        }
        self.apply();
    }

    fn follow_secret(&mut self) {
        let wanted = self.wanted.as_ref().and_then(|(_, settings)| settings.storage.credentials_secret.clone());
        if self.secret.as_ref().map(|watch| &watch.name) == wanted.as_ref() {
            return;
        }
        self.credentials = Err(None);
        self.secret = wanted.map(|name| {
            let api: Api<DeserializeGuard<Secret>> = Api::namespaced(self.client.clone(), &self.namespace);
            let mut task = JoinSet::new();
            let news = follow_one(api, &name, &mut task);
            Watch { name, news, _task: task }
        });
    }

    /// Begins to put in force what is wanted, as soon as its Secret is known.
    fn apply(&mut self) {
        self.retry = None;
        self.applying.abort_all();
        let Some((generation, settings)) = self.wanted.clone() else { return };
        let credentials = match (&self.secret, &self.credentials) {
            (Some(_), Err(why)) => {
                self.rejected = why.clone();
                return;
            }
            (Some(_), Ok(credentials)) => credentials.clone(),
            (None, _) => Credentials::new(),
        };
        if let Some(current) = &mut self.in_force
            && current.settings == settings
            && current.credentials == credentials
        {
            current.generation = generation;
            self.rejected = None;
            return;
        }
        let (server, wanted) = (Arc::clone(&self.server), Applying { generation, settings, credentials });
        self.applying.spawn(async move {
            let ended = server.apply(Arc::clone(&wanted.settings), &wanted.credentials).await;
            (wanted, ended)
        });
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
