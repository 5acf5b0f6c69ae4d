//! Puts the settings of a `RayHistory` and its Secret in force.
//!
//! Settings that cannot be applied leave the last good ones in force, and are tried again. They are applied in the
//! background, because a store that does not answer must not block the controller.

use super::follow::Trouble;
use crate::crd::RayHistory;
use crate::session::CurrentStore;
use crate::settings::{Origin, SecretData, Settings};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::core::DeserializeGuard;
use kube::{Api, ResourceExt};
use ray_history_core::base::chain::chain;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::follow_one::{News, follow_one};
use super::limits::shortened;

/// Interval at which settings that could not be applied are tried again.
const RETRY: Duration = Duration::from_secs(30);

/// The watch of the Secret with the credentials of the store.
#[derive(Debug)]
struct SecretWatch {
    name: String,
    news: mpsc::UnboundedReceiver<News<Secret>>,
    _task: JoinSet<()>,
}

/// Something for [`SettingsApplier::run`] to do.
pub(super) enum Work {
    /// A report about the Secret.
    Secret(News<Secret>),
    /// The retry interval has passed.
    Retry,
    /// Applying has ended: the settings are in force, or the reason why not.
    Ended(Box<Candidate>, Result<(), String>),
}

/// Settings with their credentials.
#[derive(Clone)]
pub(super) struct Candidate {
    generation: i64,
    settings: Arc<Settings>,
    secret_data: SecretData,
}

/// The settings in force, and the settings to apply.
pub(super) struct SettingsApplier {
    client: Client,
    store: Arc<CurrentStore>,
    /// The server's own namespace; Secrets of other namespaces are never read.
    namespace: String,
    memory_limit: Option<u64>,
    wanted: Option<(i64, Arc<Settings>)>,
    secret: Option<SecretWatch>,
    /// The data of the Secret, or the reason why it cannot be read; `Err(None)` while unknown.
    secret_data: Result<SecretData, Option<String>>,
    applying: JoinSet<(Candidate, Result<(), String>)>,
    in_force: Option<Candidate>,
    rejected: Option<String>,
    retry: Option<Instant>,
}

impl SettingsApplier {
    pub(super) fn new(client: Client, store: Arc<CurrentStore>, namespace: String, memory_limit: Option<u64>) -> Self {
        Self {
            client,
            store,
            namespace,
            memory_limit,
            wanted: None,
            secret: None,
            secret_data: Err(None),
            applying: JoinSet::new(),
            in_force: None,
            rejected: None,
            retry: None,
        }
    }

    /// Returns the settings in force and their generation.
    pub(super) fn in_force(&self) -> Option<(i64, &Arc<Settings>)> {
        self.in_force.as_ref().map(|applied| (applied.generation, &applied.settings))
    }

    /// Returns the reason why the current spec is not in force.
    pub(super) fn rejected(&self) -> Option<&str> {
        self.rejected.as_deref()
    }

    /// Starts to apply the current spec.
    pub(super) fn set_spec(&mut self, history: &RayHistory) {
        let generation = history.metadata.generation.unwrap_or_default();
        match Settings::from_spec(&history.spec, Origin::Kubernetes, self.memory_limit) {
            Err(problems) => self.reject(problems.to_string().replace('\n', "; ")),
            Ok(settings) => {
                self.wanted = Some((generation, Arc::new(settings)));
                self.rejected = None;
                self.follow_secret();
                self.apply();
            }
        }
    }

    /// Records that the current spec cannot be used.
    pub(super) fn reject(&mut self, why: String) {
        self.wanted = None;
        self.retry = None;
        self.applying.abort_all();
        self.rejected = Some(shortened(why));
    }

    /// Waits until there is something to do for `run`.
    pub(super) async fn next_work(&mut self) -> Work {
        let Self { retry, secret, applying, .. } = self;
        let retry_timer = async {
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
        let result = async {
            loop {
                match applying.join_next().await {
                    Some(Ok((applying, result))) => return Work::Ended(Box::new(applying), result),
                    // Newer settings have replaced it.
                    Some(Err(error)) if error.is_cancelled() => {}
                    Some(Err(error)) => {
                        tracing::error!(error = %chain(&error), "settings could not be applied; please report this");
                    }
                    None => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            news = secret => Work::Secret(news),
            () = retry_timer => Work::Retry,
            result = result => result,
        }
    }

    /// Handles work that `next_work` returned.
    pub(super) fn run(&mut self, work: Work) {
        match work {
            Work::Retry => self.apply(),
            Work::Secret(news) => self.on_secret_news(news),
            Work::Ended(applying, Ok(())) => {
                tracing::info!(generation = applying.generation, "settings in force");
                self.rejected = None;
                let superseded = self.wanted.as_ref().is_some_and(|(wanted, _)| *wanted != applying.generation);
                self.in_force = Some(*applying);
                if superseded {
                    self.apply();
                }
            }
            Work::Ended(applying, Err(why)) => {
                if self.wanted.as_ref().is_some_and(|(wanted, _)| *wanted == applying.generation) {
                    self.rejected = Some(why);
                    self.retry = Some(Instant::now() + RETRY);
                }
            }
        }
    }

    fn on_secret_news(&mut self, news: News<Secret>) {
        let place = format!("{}/{}", self.namespace, self.secret.as_ref().map_or("", |watch| &watch.name));
        match news {
            News::Present(secret) => {
                let data = secret.data.unwrap_or_default().into_iter();
                self.secret_data = Ok(data.map(|(name, ByteString(value))| (name, value)).collect());
            }
            News::Absent => {
                self.secret_data = Err(Some(format!("Secret {place} does not exist: create it, or name another")));
            }
            News::Malformed(why) => self.secret_data = Err(Some(format!("Secret {place} cannot be read: {why}"))),
            News::Trouble(trouble) if self.secret_data.is_err() => {
                let why = match trouble {
                    Trouble::ListingOnly => return,
                    Trouble::Forbidden(why) => {
                        format!("{why}; the server's Role must allow list and watch for it by name")
                    }
                    Trouble::NoSuchKind => "the API server does not know Secrets".to_owned(),
                    Trouble::Unreachable(why) => why,
                };
                self.secret_data = Err(Some(format!("Secret {place} cannot be read: {why}")));
            }
            // The last read data stay.
            News::Trouble(_) => return,
        }
        self.apply();
    }

    fn follow_secret(&mut self) {
        let wanted = self.wanted.as_ref().and_then(|(_, settings)| settings.storage.credentials_secret.clone());
        if self.secret.as_ref().map(|watch| &watch.name) == wanted.as_ref() {
            return;
        }
        self.secret_data = Err(None);
        self.secret = wanted.map(|name| {
            let api: Api<DeserializeGuard<Secret>> = Api::namespaced(self.client.clone(), &self.namespace);
            let mut task = JoinSet::new();
            let news = follow_one(api, &name, &mut task);
            SecretWatch { name, news, _task: task }
        });
    }

    /// Starts to apply the wanted settings once their Secret is known.
    fn apply(&mut self) {
        self.retry = None;
        self.applying.abort_all();
        let Some((generation, settings)) = self.wanted.clone() else { return };
        let secret_data = match (&self.secret, &self.secret_data) {
            (Some(_), Err(why)) => {
                self.rejected = why.clone();
                return;
            }
            (Some(_), Ok(data)) => data.clone(),
            (None, _) => SecretData::new(),
        };
        if let Some(current) = &mut self.in_force
            && current.settings == settings
            && current.secret_data == secret_data
        {
            current.generation = generation;
            self.rejected = None;
            return;
        }
        let (store, wanted) = (Arc::clone(&self.store), Candidate { generation, settings, secret_data });
        self.applying.spawn(async move {
            let result = store.apply(Arc::clone(&wanted.settings), &wanted.secret_data).await;
            (wanted, result)
        });
    }
}

/// Returns a reference to a `RayHistory` for Events.
pub(super) fn reference(history: &RayHistory) -> k8s_openapi::api::core::v1::ObjectReference {
    kube::Resource::object_ref(history, &())
}

/// Returns the namespace and name of a `RayHistory`, for logs.
pub(super) fn full_name(history: &RayHistory) -> String {
    format!("{}/{}", history.namespace().unwrap_or_default(), history.name_any())
}
