//! The state that all handlers share.

use super::heavy::Heavy;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::session::Sessions;
use std::path::PathBuf;
use std::sync::Arc;

/// The state that all handlers share.
#[derive(Clone, Debug)]
pub struct State {
    /// The stored sessions.
    pub sessions: Arc<Sessions>,
    /// Folder of Ray's dashboard files, if they are served.
    pub dashboard_dir: Option<PathBuf>,
    /// Readiness of the server.
    pub health: Health,
    /// The server's metrics.
    pub metrics: Metrics,
    /// Slots for long answers.
    pub heavy: Heavy,
}
