//! Wiring of `serve --rayhistory`: the Kubernetes client, the controller, and the server that it controls.

use super::{NO_THREADS, Stopping, check_dashboard, connect};
use crate::args::Serve;
use crate::cgroup;
use crate::controller::{self, Controller, Credentials, Options, Server};
use crate::crd::CacheStatus;
use crate::health::{Gate, Health};
use crate::liveness::Watched;
use crate::metrics::Metrics;
use crate::session::{Sessions, Stored};
use crate::settings::{Settings, Storage};
use anyhow::Context;
use async_trait::async_trait;
use kube::Config;
use parking_lot::{Mutex, MutexGuard};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::{ClusterId, Owner, SessionKey};
use ray_history_core::layout::Root;
use ray_history_storage::config::StoreConfig;
use ray_history_storage::memory::Memory;
use ray_history_storage::{self as storage, Delimiter};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Read timeout of requests to the API server. Watches are renewed within this time.
const READ_TIMEOUT: Duration = Duration::from_mins(5);

/// Serves with the settings of a `RayHistory` until the token is cancelled.
pub(super) async fn serve(
    namespace: &str,
    name: &str,
    args: Serve,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    check_dashboard(args.dashboard_dir.as_deref())?;
    let mut config = Config::infer()
        .await
        .context("no Kubernetes to talk to: run in a pod with a ServiceAccount, or name a kubeconfig in KUBECONFIG")?;
    config.read_timeout = Some(READ_TIMEOUT);
    let own_namespace = config.default_namespace.clone();
    let client = controller::client(config).context("the Kubernetes client cannot be set up")?;
    let (watched, health) = (Watched::default(), Health::default());
    health.close(Gate::Listed, "the stored sessions have not been listed yet");
    let (settings, metrics) = (Arc::new(Settings::default()), Metrics::default());
    // An empty store until the first settings are in force.
    let empty_store: Arc<dyn storage::Storage> = Arc::new(Memory::default());
    let sessions = Sessions::with(empty_store, vec![Root::new("")], settings, watched.clone(), metrics.clone());
    let sessions = Arc::new(sessions.with_low_priority_loads().context(NO_THREADS)?);
    let server = Arc::new(ControlledServer {
        sessions: Arc::clone(&sessions),
        metrics: metrics.clone(),
        open: Mutex::default(),
    });
    let options = Options {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        own_namespace,
        replica: args.replica.clone().unwrap_or_else(host),
        base_url: args.base_url.clone(),
        memory_limit: cgroup::memory_limit(),
    };
    let controller = Controller::new(client, options, server, Arc::clone(&sessions), watched, health.clone());
    let controller = tokio::spawn(controller.run(shutdown.clone()));
    let address = listener.local_addr()?;
    tracing::info!(%address, rayhistory = %format!("{namespace}/{name}"), "serving http://{address}/sessions/");
    let stopping = Stopping { shutdown: shutdown.clone(), server: args.server };
    let first = async { Ok(()) };
    let result = stopping.serve(sessions, args.dashboard_dir, health, metrics, listener, first).await;
    shutdown.cancel();
    let _ = controller.await;
    result
}

/// Returns the name of the pod, or of the host.
fn host() -> String {
    let from_environment = ["POD_NAME", "HOSTNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    from_environment
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "ray-history".to_owned())
}

/// The server that the controller controls.
#[derive(Debug)]
struct ControlledServer {
    sessions: Arc<Sessions>,
    metrics: Metrics,
    open: Mutex<Option<OpenStore>>,
}

/// The store in force.
#[derive(Clone, Debug)]
struct OpenStore {
    /// The settings with which it was opened.
    storage: Storage,
    credentials: Credentials,
    /// The configuration with credentials; rotating credentials are shared with the store.
    config: StoreConfig,
}

impl ControlledServer {
    fn open(&self) -> MutexGuard<'_, Option<OpenStore>> {
        self.open.lock()
    }
}

#[async_trait]
impl Server for ControlledServer {
    async fn apply(&self, settings: Arc<Settings>, credentials: &Credentials) -> Result<(), String> {
        let current = self.open().clone();
        let same = current.as_ref().filter(|open| open.storage == settings.storage);
        if same.is_some_and(|open| open.credentials == *credentials) {
            self.sessions.apply(settings);
            return Ok(());
        }
        let with_secret = settings.storage.clone().with_secret(credentials).map_err(|problems| problems.to_string())?;
        let store = connect(&with_secret, &self.metrics).await.map_err(|error| format!("{error:#}"))?;
        // The current store is kept if the new one does not answer or rejects the credentials.
        if current.is_some() {
            let root = Root::new(settings.storage.root_dirs.first().map_or("", String::as_str));
            let prefix = root.spellings().into_iter().next().unwrap_or_default();
            store
                .list(&prefix, Delimiter::Slash, None)
                .await
                .map_err(|error| format!("{} cannot be listed: {error}", settings.storage.url()))?;
        }
        let mut open = OpenStore {
            storage: settings.storage.clone(),
            credentials: credentials.clone(),
            config: with_secret.store,
        };
        let roots = settings.storage.root_dirs.iter().map(|root| Root::new(root)).collect();
        self.sessions.apply(settings);
        match same {
            // The same store with new credentials: open sessions stay open, and loads continue.
            Some(same) if same.config.rotate(&open.config) => {
                open.config = same.config.clone();
                let sessions = Arc::clone(&self.sessions);
                tokio::spawn(async move { sessions.try_again().await });
            }
            _ => self.sessions.replace_store(store, roots),
        }
        *self.open() = Some(open);
        Ok(())
    }

    fn cache(&self) -> CacheStatus {
        let usage = self.sessions.usage();
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        CacheStatus {
            sessions: i64::try_from(usage.sessions).unwrap_or(i64::MAX),
            bytes: signed(usage.kept_bytes),
            max_memory: signed(usage.limit_bytes),
        }
    }

    fn relist(&self, cluster: ClusterId, owner: Option<Owner>) {
        let sessions = Arc::clone(&self.sessions);
        tokio::spawn(async move {
            if let Err(error) = sessions.refresh_cluster(&cluster, owner.as_ref()).await {
                tracing::debug!(error = %chain(&error), "the folders of a cluster could not be listed");
            }
        });
    }

    async fn stored(&self, key: &SessionKey) -> Option<Stored> {
        let stored = self.sessions.stored(key).await;
        stored
            .inspect_err(
                |error| tracing::debug!(session.key = %key, error = %chain(error), "stored files could not be listed"),
            )
            .ok()?
    }

    async fn prewarm(&self, key: &SessionKey) -> bool {
        self.sessions.prewarm(key).await
    }
}
