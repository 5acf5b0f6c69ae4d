//! Limits how often unlisted sessions are searched for, so that a client that invents names costs little money.

use crate::base::name::ClusterId;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Time for which the result of a probe of a cluster is valid.
const HOLD: Duration = Duration::from_secs(30);
/// Time after which a failed probe may be repeated.
const HOLD_FAILED: Duration = Duration::from_secs(2);
/// Maximum number of clusters probed within `PROBE_TTL`.
const AT_MOST: usize = 20;

/// The recent probes.
#[derive(Debug, Default)]
pub(super) struct Looks {
    recent: HashMap<ClusterId, Look>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    failed: bool,
}

/// The decision whether a cluster is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Probe now. The probe counts as failed until `done` is called.
    Now,
    /// The last probe is recent: a session that it did not find is not stored.
    Done,
    /// The last probe failed a moment ago: nothing is known.
    Failed,
    /// Too many other clusters were probed recently: nothing is known.
    Crowded,
}

impl Looks {
    /// Decides whether a cluster is probed now.
    pub(super) fn begin(&mut self, cluster: &ClusterId) -> Due {
        self.recent.retain(|_, look| look.at.elapsed() < if look.failed { HOLD_FAILED } else { HOLD });
        match self.recent.get(cluster) {
            Some(look) if look.failed => Due::Failed,
            Some(_) => Due::Done,
            None if self.recent.len() >= AT_MOST => Due::Crowded,
            None => {
                // Counts as failed until it has succeeded, because the caller may be cancelled.
                self.failed(cluster);
                Due::Now
            }
        }
    }

    /// Records that the probe succeeded.
    pub(super) fn done(&mut self, cluster: &ClusterId) {
        self.recent.insert(cluster.clone(), Look { at: Instant::now(), failed: false });
    }

    /// Records that the probe failed. Until the next one, no session of the cluster may be reported as absent.
    pub(super) fn failed(&mut self, cluster: &ClusterId) {
        self.recent.insert(cluster.clone(), Look { at: Instant::now(), failed: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn cancelled_probe_counts_as_failed() {
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
