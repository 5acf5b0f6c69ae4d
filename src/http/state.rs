//! The state that all handlers share.

use super::heavy::Heavy;
use crate::access::audit::Audit;
use crate::dashboards::Dashboards;
use ray_history_access::CurrentAccess;
use ray_history_health::Health;
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use std::sync::Arc;

/// The state that all handlers share.
#[derive(Clone, Debug)]
pub struct State {
    /// Access to them, as the settings have it.
    pub access: Arc<CurrentAccess>,
    /// The log of who saw what.
    pub audit: Arc<Audit>,
    /// The stored sessions.
    pub sessions: Arc<Sessions>,
    /// Ray's dashboard files, if they are served.
    pub dashboards: Option<Arc<Dashboards>>,
    /// Readiness of the server.
    pub health: Health,
    /// The server's metrics.
    pub metrics: Metrics,
    /// Slots for long answers.
    pub heavy: Heavy,
}
