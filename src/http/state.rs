//! The state that all handlers share.

use super::heavy::Heavy;
use crate::dashboards::Dashboards;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::session::Sessions;
use std::sync::Arc;

/// The state that all handlers share.
#[derive(Clone, Debug)]
pub struct State {
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
