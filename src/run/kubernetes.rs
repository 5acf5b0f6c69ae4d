//! Wiring of `serve --rayhistory`: the Kubernetes client, the controller, and the sessions that it sets up.

use super::stopping::{Served, Stopping};
use super::{NO_THREADS, find_dashboards};
use crate::access::Observe;
use crate::args::Serve;
use crate::cgroup;
use anyhow::{Context, anyhow};
use kube::Config;
use ray_history_access::CurrentAccess;
use ray_history_controller::{Controller, Options};
use ray_history_core::base::chain::chain;
use ray_history_health::{Gate, Health, NOT_LISTED};
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
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
    let dashboards = find_dashboards(args.dashboard_dir.as_deref())?;
    let mut config = config().await?;
    config.read_timeout = Some(READ_TIMEOUT);
    let own_namespace = config.default_namespace.clone();
    let client = ray_history_controller::client(config).context("the Kubernetes client cannot be set up")?;
    let (health, metrics) = (Health::default(), Metrics::default());
    health.close(Gate::Listed, NOT_LISTED);
    let sessions = Sessions::without_store(metrics.clone()).with_low_priority_loads().context(NO_THREADS)?;
    let sessions = Arc::new(sessions);
    let options = Options {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        own_namespace,
        replica: args.replica.clone().unwrap_or_else(host),
        base_url: args.base_url.clone(),
        memory_limit: cgroup::memory_limit(),
    };
    let access = Arc::new(CurrentAccess::closed(Arc::new(Observe::new(Arc::clone(&metrics.access)))));
    let controller = Controller::new(client, options, Arc::clone(&sessions), Arc::clone(&access), health.clone());
    let controller = tokio::spawn(controller.run(shutdown.clone()));
    let address = listener.local_addr()?;
    tracing::info!(%address, rayhistory = %format!("{namespace}/{name}"), "serving http://{address}/sessions/");
    let stopping = Stopping { shutdown: shutdown.clone(), server: args.server };
    let first = async { Ok(()) };
    let result = stopping.serve(Served { sessions, access, dashboards, health, metrics }, listener, first).await;
    shutdown.cancel();
    let _ = controller.await;
    result
}

/// Returns the address and credentials of the API server: those of the pod, else of the kubeconfig.
///
/// # Errors
/// Says why there are none. kube quotes paths as Rust does.
pub(super) async fn config() -> anyhow::Result<Config> {
    Config::infer().await.map_err(|error| {
        let why = chain(&error).replace("'\"", "'").replace("\"'", "'");
        anyhow!(
            "no Kubernetes to talk to: run in a pod with a ServiceAccount, or name a kubeconfig in KUBECONFIG: {why}"
        )
    })
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
