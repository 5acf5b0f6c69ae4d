//! What every handler may use.

use super::heavy::Heavy;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::session::Sessions;
use std::path::PathBuf;
use std::sync::Arc;

/// What handlers need.
#[derive(Clone, Debug)]
pub struct State {
    /// The stored sessions.
    pub sessions: Arc<Sessions>,
    /// Where Ray's dashboard files are, if they are served.
    pub dashboard_dir: Option<PathBuf>,
    /// Whether requests should come here.
    pub health: Health,
    /// What is counted.
    pub metrics: Metrics,
    /// Turns for long answers.
    pub heavy: Heavy,
}
