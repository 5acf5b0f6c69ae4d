//! Serves until it is told to stop, and shuts down in the order that `run` describes.

use super::listing;
use crate::dashboards::Dashboards;
use crate::{http, telemetry};
use ray_history_access::CurrentAccess;
use ray_history_health::{Gate, Health};
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use ray_history_settings::server::Server;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest time for stopped loads to end.
const STOP_LOADS_TIMEOUT: Duration = Duration::from_secs(2);

/// Interval at which unused open sessions are searched and closed.
const TIDY_INTERVAL: Duration = Duration::from_secs(30);

/// The shutdown token and the limits of the shutdown.
pub(super) struct Stopping {
    pub(super) shutdown: CancellationToken,
    pub(super) server: Server,
}

/// The parts of the server that requests use.
pub(super) struct Served {
    pub(super) sessions: Arc<Sessions>,
    pub(super) access: Arc<CurrentAccess>,
    pub(super) dashboards: Option<Arc<Dashboards>>,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
}

impl Stopping {
    /// Serves sessions, refreshes their list after the `first` listing, and shuts down in order. If the first listing
    /// fails, shuts down at once.
    pub(super) async fn serve(
        self,
        served: Served,
        listener: TcpListener,
        first: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> anyhow::Result<()> {
        let Self { shutdown, server } = self;
        let Served { sessions, access, dashboards, health, metrics } = served;
        metrics.process.count_dropped_log_lines(telemetry::dropped_lines);
        let background = CancellationToken::new();
        let closing = CancellationToken::new();
        let lister = tokio::spawn({
            let (sessions, background, closing) = (Arc::clone(&sessions), background.clone(), closing.clone());
            async move {
                match background.run_until_cancelled(first).await {
                    Some(Ok(())) => {
                        let facts = Arc::clone(&sessions).keep_facts_read(background.clone());
                        let obituaries = sessions.keep_obituaries_read(background.clone());
                        let marks = sessions.keep_marks(background.clone());
                        tokio::join!(sessions.keep_listed(background.clone()), facts, obituaries, marks);
                    }
                    Some(Err(error)) => {
                        closing.cancel();
                        return Err(error);
                    }
                    None => {}
                }
                Ok(())
            }
        });
        let probing = tokio::spawn({
            let access = Arc::clone(&access);
            async move { access.keep_probed().await }
        });
        let readiness = tokio::spawn(listing::readiness(Arc::clone(&sessions), health.clone()));
        let tidier = tokio::spawn(tidy(Arc::clone(&sessions), background.clone()));
        let draining = tokio::spawn(drain(shutdown, health.clone(), server.drain_wait, closing.clone()));
        let refusing = tokio::spawn({
            let (sessions, closing, wait) =
                (Arc::clone(&sessions), closing.clone(), load_stop_delay(server.shutdown_timeout));
            async move {
                closing.cancelled().await;
                tokio::time::sleep(wait).await;
                sessions.stop();
            }
        });
        let heavy = http::Heavy::new(server.heavy_requests(), metrics.clone());
        let audit = Arc::default();
        let state = http::State { access, audit, sessions: Arc::clone(&sessions), dashboards, health, metrics, heavy };
        let ended = http::serve(state, listener, &server, closing).await;
        background.cancel();
        draining.abort();
        refusing.abort();
        sessions.stop();
        if tokio::time::timeout(STOP_LOADS_TIMEOUT, sessions.idle()).await.is_err() {
            tracing::warn!(loads = sessions.loads_running(), "stopped loads did not end in time");
        }
        readiness.abort();
        probing.abort();
        let (first_listing, _) = tokio::join!(lister, tidier);
        tracing::info!("stopped");
        first_listing??;
        Ok(ended?)
    }
}

/// Returns the time after which loads are stopped, so that waiting requests get an answer before the timeout.
fn load_stop_delay(shutdown_timeout: Duration) -> Duration {
    shutdown_timeout.saturating_sub((shutdown_timeout / 4).min(Duration::from_secs(2)))
}

/// Waits for the shutdown token, closes the readiness gate, and cancels `closing` after the drain wait.
async fn drain(shutdown: CancellationToken, health: Health, wait: Duration, closing: CancellationToken) {
    shutdown.cancelled().await;
    health.close(Gate::Running, "this server is stopping; another one will answer");
    tracing::info!(drain_wait_ms = wait.as_millis() as u64, "stopping: not ready any more");
    tokio::time::sleep(wait).await;
    closing.cancel();
}

/// Closes unused sessions periodically.
async fn tidy(sessions: Arc<Sessions>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(tokio::time::sleep(TIDY_INTERVAL)).await.is_some() {
        sessions.tidy();
    }
}
