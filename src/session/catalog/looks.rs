//! How often sessions that are not listed may be looked for: a client that invents names must not cost money.

use crate::session::name::ClusterId;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// A cluster is looked at once in this time.
const HOLD: Duration = Duration::from_secs(30);
/// So many clusters are looked at in that time.
const AT_MOST: usize = 20;

/// The last looks.
#[derive(Debug, Default)]
pub(super) struct Looks {
    recent: HashMap<ClusterId, Instant>,
}

impl Looks {
    /// Whether a look at this cluster may be taken now; if so, it counts as taken.
    pub(super) fn may_look(&mut self, cluster: &ClusterId) -> bool {
        self.recent.retain(|_, at| at.elapsed() < HOLD);
        let may = self.recent.len() < AT_MOST && !self.recent.contains_key(cluster);
        if may {
            self.recent.insert(cluster.clone(), Instant::now());
        }
        may
    }
}
