//! How often sessions that are not listed may be looked for: a client that invents names must not cost money.

use ray_history_core::base::name::ClusterId;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// A cluster is looked at once in this time.
const HOLD: Duration = Duration::from_secs(30);
/// A look that failed is taken again after this time.
const HOLD_FAILED: Duration = Duration::from_secs(2);
/// So many clusters are looked at in that time.
const AT_MOST: usize = 20;

/// The last looks.
#[derive(Debug, Default)]
pub(super) struct Looks {
    recent: HashMap<ClusterId, Look>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    failed: bool,
}

/// Whether a look is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Look now; it counts as failed until it is `done`.
    Now,
    /// The last one is recent enough: what it did not find is not there.
    Done,
    /// The last one failed a moment ago: nothing is known.
    Failed,
    /// Too many others were looked at of late: nothing is known.
    Crowded,
}

impl Looks {
    /// Whether a look at this cluster is due.
    pub(super) fn begin(&mut self, cluster: &ClusterId) -> Due {
        self.recent.retain(|_, look| look.at.elapsed() < if look.failed { HOLD_FAILED } else { HOLD });
        match self.recent.get(cluster) {
            Some(look) if look.failed => Due::Failed,
            Some(_) => Due::Done,
            None if self.recent.len() >= AT_MOST => Due::Crowded,
            None => {
                // Until it has ended well: who takes it may be stopped.
                self.failed(cluster);
                Due::Now
            }
        }
    }

    /// The look told what there is.
    pub(super) fn done(&mut self, cluster: &ClusterId) {
        self.recent.insert(cluster.clone(), Look { at: Instant::now(), failed: false });
    }

    /// The look failed: until the next one, nobody may say that something is not there.
    pub(super) fn failed(&mut self, cluster: &ClusterId) {
        self.recent.insert(cluster.clone(), Look { at: Instant::now(), failed: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_look_that_was_stopped_says_nothing_about_what_is_there() {
        let (mut looks, cluster) = (Looks::default(), ClusterId { namespace: "ns".into(), name: "rc".into() });
        assert_eq!(looks.begin(&cluster), Due::Now);
        assert_eq!(looks.begin(&cluster), Due::Failed, "stopped: neither done nor failed");
        tokio::time::advance(HOLD_FAILED).await;
        assert_eq!(looks.begin(&cluster), Due::Now);
        looks.done(&cluster);
        tokio::time::advance(HOLD_FAILED).await;
        assert_eq!(looks.begin(&cluster), Due::Done);
        tokio::time::advance(HOLD).await;
        assert_eq!(looks.begin(&cluster), Due::Now);
    }
}
