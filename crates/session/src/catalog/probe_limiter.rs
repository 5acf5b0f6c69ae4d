//! Limits how often unlisted sessions are searched for, so that a client that invents names costs little money.

use ray_history_core::base::name::ClusterId;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Time for which the result of a probe of a cluster is valid.
const PROBE_TTL: Duration = Duration::from_secs(30);
/// Time after which a failed probe may be repeated.
const FAILED_TTL: Duration = Duration::from_secs(2);
/// Maximum number of clusters probed within `PROBE_TTL`.
const MAX_PROBES: usize = 20;

/// The recent probes.
#[derive(Debug, Default)]
pub(super) struct ProbeLimiter {
    recent: HashMap<ClusterId, Probe>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    at: Instant,
    failed: bool,
}

/// The decision whether a cluster is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Probe now. The probe counts as failed until `done` is called.
    Probe,
    /// The last probe is recent: a session that it did not find is not stored.
    Known,
    /// The last probe failed a moment ago: nothing is known.
    Failed,
    /// Too many other clusters were probed recently: nothing is known.
    Limited,
}

impl ProbeLimiter {
    /// Decides whether a cluster is probed now.
    pub(super) fn begin(&mut self, cluster: &ClusterId) -> Decision {
        self.recent.retain(|_, probe| probe.at.elapsed() < if probe.failed { FAILED_TTL } else { PROBE_TTL });
        match self.recent.get(cluster) {
            Some(probe) if probe.failed => Decision::Failed,
            Some(_) => Decision::Known,
            None if self.recent.len() >= MAX_PROBES => Decision::Limited,
            None => {
                // Counts as failed until it has succeeded, because the caller may be cancelled.
                self.failed(cluster);
                Decision::Probe
            }
        }
    }

    /// Records that the probe succeeded.
    pub(super) fn done(&mut self, cluster: &ClusterId) {
        self.recent.insert(cluster.clone(), Probe { at: Instant::now(), failed: false });
    }

    /// Records that the probe failed. Until the next one, no session of the cluster may be reported as absent.
    pub(super) fn failed(&mut self, cluster: &ClusterId) {
        self.recent.insert(cluster.clone(), Probe { at: Instant::now(), failed: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn cancelled_probe_counts_as_failed() {
        let (mut probes, cluster) = (ProbeLimiter::default(), ClusterId { namespace: "ns".into(), name: "rc".into() });
        assert_eq!(probes.begin(&cluster), Decision::Probe);
        assert_eq!(probes.begin(&cluster), Decision::Failed, "stopped: neither done nor failed");
        tokio::time::advance(FAILED_TTL).await;
        assert_eq!(probes.begin(&cluster), Decision::Probe);
        probes.done(&cluster);
        tokio::time::advance(FAILED_TTL).await;
        assert_eq!(probes.begin(&cluster), Decision::Known);
        tokio::time::advance(PROBE_TTL).await;
        assert_eq!(probes.begin(&cluster), Decision::Probe);
    }
}
