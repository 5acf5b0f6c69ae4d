//! Times in a few numbers. A quantile is one of the times: the least that at least this share does not exceed.

use serde::{Deserialize, Serialize};

/// Run times, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The number of times.
    pub count: u64,
    /// The shortest.
    pub min_us: u64,
    /// The median.
    pub p50_us: u64,
    /// Nine of ten are no longer.
    pub p90_us: u64,
    /// Ninety-nine of a hundred are no longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
    /// Their sum.
    pub sum_us: u64,
}

/// Waiting times, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// The number of times.
    pub count: u64,
    /// The median.
    pub p50_us: u64,
    /// Ninety-nine of a hundred are no longer.
    pub p99_us: u64,
    /// Their sum.
    pub sum_us: u64,
}

impl Run {
    /// Returns the numbers of times, which are put in order.
    pub(super) fn of(times: &mut [u64]) -> Option<Self> {
        times.sort_unstable();
        let (min_us, max_us) = (*times.first()?, *times.last()?);
        let [p50_us, p90_us, p99_us] = [50, 90, 99].map(|percent| quantile(times, percent));
        Some(Self { count: times.len() as u64, min_us, p50_us, p90_us, p99_us, max_us, sum_us: sum(times) })
    }
}

impl Wait {
    /// Returns the numbers of times, which are put in order.
    pub(super) fn of(times: &mut [u64]) -> Option<Self> {
        times.sort_unstable();
        let [p50_us, p99_us] = [50, 99].map(|percent| quantile(times, percent));
        (!times.is_empty()).then(|| Self { count: times.len() as u64, p50_us, p99_us, sum_us: sum(times) })
    }
}

/// Returns a quantile of sorted times; zero if there are none.
fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn sum(times: &[u64]) -> u64 {
    times.iter().fold(0, |sum, time| sum.saturating_add(*time))
}
