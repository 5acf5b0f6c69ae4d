//! Answers requests until the program is to end, and then ends in the order that `run` promises.

use crate::health::{Gate, Health};
use crate::http;
use crate::metrics::Metrics;
use crate::session::Sessions;
use crate::settings::server::Server;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long loads that nobody waits for may take to notice that they are stopped.
const STOP_LOADS: Duration = Duration::from_secs(2);

/// What requests are answered from.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) sessions: Arc<Sessions>,
    pub(super) dashboard_dir: Option<PathBuf>,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
    pub(super) bounds: Server,
}

impl Answering {
    /// Returns when the last request was answered or dropped, and no load runs any more.
    pub(super) async fn until(self, shutdown: CancellationToken, listener: TcpListener) -> std::io::Result<()> {
        let Self { sessions, dashboard_dir, health, metrics, bounds } = self;
        health.close(Gate::Listed, "the stored sessions have not been listed yet");
        let listed = tokio::spawn({
            let (sessions, health) = (Arc::clone(&sessions), health.clone());
            async move {
                sessions.listed().await;
                health.open(Gate::Listed);
            }
        });
        let closing = CancellationToken::new();
        let draining = tokio::spawn(drain(shutdown, health.clone(), bounds.drain_wait, closing.clone()));
        let heavy = http::Heavy::new(bounds.heavy_requests(), metrics.clone());
        let state = http::State { sessions: Arc::clone(&sessions), dashboard_dir, health, metrics, heavy };
        let ended = http::serve(state, listener, &bounds, closing).await;
        listed.abort();
        draining.abort();
        sessions.stop();
        if tokio::time::timeout(STOP_LOADS, sessions.idle()).await.is_err() {
            tracing::warn!(loads = sessions.loads_running(), "loads that nobody waits for did not stop in time");
        }
        tracing::info!("stopped");
        ended
    }
}

/// From the wish to stop until nothing more is to be accepted.
async fn drain(shutdown: CancellationToken, health: Health, wait: Duration, closing: CancellationToken) {
    shutdown.cancelled().await;
    health.close(Gate::Running, "this server is stopping; another one will answer");
    tracing::info!(drain_wait_ms = wait.as_millis() as u64, "stopping: not ready any more");
    tokio::time::sleep(wait).await;
    closing.cancel();
}
