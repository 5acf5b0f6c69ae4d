//! Puts the settings of a `RayHistory` and its Secrets in force.
//!
//! Settings that cannot be applied leave the last good ones in force, and are tried again. They are applied in the
//! background, because a store that does not answer must not block the controller.

use super::follow_one::News;
use super::limits::shortened;
use super::obituaries::Store;
use super::secrets::FollowedSecrets;
use crate::reviewer::KubernetesReviewer;
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, ResourceExt};
use ray_history_access::CurrentAccess;
use ray_history_access::Reviewer;
use ray_history_core::base::chain::chain;
use ray_history_session::CurrentStore;
use ray_history_settings::crd::RayHistory;
use ray_history_settings::{Origin, Secrets, Settings};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Interval at which settings that could not be applied are tried again.
const RETRY: Duration = Duration::from_secs(30);

/// Something for [`SettingsApplier::run`] to do.
pub(super) enum Work {
    /// A report about the Secret of this name.
    Secret(String, News<Secret>),
    /// The retry interval has passed.
    Retry,
    /// Applying has ended: the settings are in force, or the reason why not.
    Ended(Box<Candidate>, Result<(), String>),
}

/// Settings with the data of their Secrets.
#[derive(Clone)]
pub(super) struct Candidate {
    generation: i64,
    settings: Arc<Settings>,
    secrets: Secrets,
}

/// The settings in force, and the settings to apply.
pub(super) struct SettingsApplier {
    store: Arc<CurrentStore>,
    access: Arc<CurrentAccess>,
    reviewer: Arc<KubernetesReviewer>,
    memory_limit: Option<u64>,
    wanted: Option<(i64, Arc<Settings>)>,
    secrets: FollowedSecrets,
    applying: JoinSet<(Candidate, Result<(), String>)>,
    in_force: Option<Candidate>,
    /// The number of times that settings or Secrets came in force.
    changes: u64,
    rejected: Option<String>,
    retry: Option<Instant>,
}

impl SettingsApplier {
    /// Returns an applier that follows Secrets in `namespace`, and puts settings in force in `store` and `access`.
    pub(super) fn new(
        client: Client,
        store: Arc<CurrentStore>,
        access: Arc<CurrentAccess>,
        namespace: String,
        memory_limit: Option<u64>,
    ) -> Self {
        Self {
            store,
            access,
            reviewer: Arc::new(KubernetesReviewer::new(client.clone())),
            memory_limit,
            wanted: None,
            secrets: FollowedSecrets::new(client, namespace),
            applying: JoinSet::new(),
            in_force: None,
            changes: 0,
            rejected: None,
            retry: None,
        }
    }

    /// Returns the settings in force and their generation.
    pub(super) fn in_force(&self) -> Option<(i64, &Arc<Settings>)> {
        self.in_force.as_ref().map(|applied| (applied.generation, &applied.settings))
    }

    /// Returns the number of times that settings or Secrets came in force.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns the store of the settings in force.
    pub(super) fn store(&self) -> Option<Store> {
        let Candidate { settings, secrets, .. } = self.in_force.as_ref()?;
        let storage = settings.storage.clone();
        let secret = storage.credentials_secret.as_ref().and_then(|name| secrets.get(name));
        Some(Store { secret: secret.cloned().unwrap_or_default(), storage })
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
                self.secrets.select(&settings.secrets());
                self.wanted = Some((generation, Arc::new(settings)));
                self.rejected = None;
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
        let Self { retry, secrets, applying, .. } = self;
        let retry_timer = async {
            match retry {
                Some(at) => tokio::time::sleep_until(*at).await,
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
            (name, news) = secrets.next() => Work::Secret(name, news),
            () = retry_timer => Work::Retry,
            result = result => result,
        }
    }

    /// Handles work that `next_work` returned.
    pub(super) fn run(&mut self, work: Work) {
        match work {
            Work::Retry => self.apply(),
            Work::Secret(name, news) => {
                if self.secrets.take(&name, news) {
                    self.apply();
                }
            }
            Work::Ended(applying, Ok(())) => {
                tracing::info!(generation = applying.generation, "settings in force");
                self.rejected = None;
                let superseded = self.wanted.as_ref().is_some_and(|(wanted, _)| *wanted != applying.generation);
                self.in_force = Some(*applying);
                self.changes += 1;
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

    /// Starts to apply the wanted settings once their Secrets are known.
    fn apply(&mut self) {
        self.retry = None;
        self.applying.abort_all();
        let Some((generation, settings)) = self.wanted.clone() else { return };
        let secrets = match self.secrets.data() {
            Ok(secrets) => secrets,
            Err(why) => {
                self.rejected = why;
                return;
            }
        };
        if let Some(current) = &mut self.in_force
            && current.settings == settings
            && current.secrets == secrets
        {
            current.generation = generation;
            self.rejected = None;
            return;
        }
        let (store, access, reviewer) = (Arc::clone(&self.store), Arc::clone(&self.access), Arc::clone(&self.reviewer));
        let wanted = Candidate { generation, settings, secrets };
        self.applying.spawn(async move {
            let result = wanted.put_in_force(&store, &access, reviewer).await;
            (wanted, result)
        });
    }
}

impl Candidate {
    /// Puts the settings in force; what cannot be opened or read changes nothing.
    async fn put_in_force(
        &self,
        store: &CurrentStore,
        access: &CurrentAccess,
        reviewer: Arc<KubernetesReviewer>,
    ) -> Result<(), String> {
        let access_settings = match &self.settings.access {
            Some(wanted) => Some(wanted.with_secrets(&self.secrets).map_err(|problems| problems.to_string())?),
            None => None,
        };
        let credentials = self.settings.storage.credentials_secret.as_ref();
        let credentials = credentials.and_then(|name| self.secrets.get(name)).cloned().unwrap_or_default();
        let prepared = store.open(Arc::clone(&self.settings), &credentials).await?;
        reviewer.set_namespaces(&self.settings.clusters.namespaces);
        access.apply(access_settings, &(reviewer as Arc<dyn Reviewer>), || store.put(prepared));
        Ok(())
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
