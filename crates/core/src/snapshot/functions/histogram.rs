//! Run times by powers of two, which add up over jobs and sessions.

use serde::{Deserialize, Serialize};

/// Numbers of attempts by run time. Bucket `i` counts those of `2^i` microseconds and more, but less than `2^(i + 1)`; the
/// first one also those below a microsecond. Buckets after the last one that counts any are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(Vec<u64>);

/// Number of buckets: every run time has one.
pub(super) const BUCKETS: usize = 64;

impl Histogram {
    /// Returns the histogram of run times in microseconds.
    pub fn of(times: &[u64]) -> Self {
        let mut buckets = [0; BUCKETS];
        for micros in times {
            buckets[bucket(*micros)] += 1;
        }
        let used = buckets.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        Self(buckets[..used].to_vec())
    }

    /// Returns the histogram of buckets; `None` if they are too many.
    pub fn of_buckets(buckets: Vec<u64>) -> Option<Self> {
        (buckets.len() <= BUCKETS).then_some(Self(buckets))
    }

    /// Returns the buckets, without the empty ones at the end.
    pub fn buckets(&self) -> &[u64] {
        &self.0
    }

    /// Adds another histogram.
    pub fn add(&mut self, other: &Self) {
        let used = self.0.len().max(other.0.len()).min(BUCKETS);
        self.0.resize(used, 0);
        for (ours, other) in self.0.iter_mut().zip(&other.0) {
            *ours = ours.saturating_add(*other);
        }
    }

    /// Returns the run time that a share of the attempts does not exceed, in microseconds: a guess within its bucket, as if
    /// the logarithms of the times in it were spread evenly.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let total: u64 = self.0.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let wanted = (share * total as f64).ceil().max(1.0);
        let mut before = 0.0;
        for (at, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = *count as f64;
            if before + count >= wanted {
                return Some((at as f64 + (wanted - before - 0.5) / count).exp2());
            }
            before += count;
        }
        None
    }
}

fn bucket(micros: u64) -> usize {
    micros.checked_ilog2().unwrap_or_default() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_bucket() {
        let histogram = Histogram::of(&[0, 1, 2, 3, 4, 1023, 1024, u64::MAX]);
        assert_eq!(histogram.buckets().len(), BUCKETS);
        let counted: Vec<_> = histogram.buckets().iter().enumerate().filter(|(_, count)| **count > 0).collect();
        assert_eq!(counted, [(0, &2), (1, &2), (2, &1), (9, &1), (10, &1), (63, &1)]);
        assert_eq!(Histogram::of(&[]).buckets(), [0; 0]);
    }

    #[test]
    fn histograms_add_up() {
        let mut sum = Histogram::of(&[1, 5]);
        sum.add(&Histogram::of(&[5, 100]));
        assert_eq!(sum, Histogram::of(&[1, 5, 5, 100]));
        sum.add(&Histogram::default());
        assert_eq!(sum, Histogram::of(&[1, 5, 5, 100]));
    }

    #[test]
    fn guesses_stay_within_their_bucket() {
        let times: Vec<u64> = (1..=1000).collect();
        let histogram = Histogram::of(&times);
        for (share, exact) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.001, 1.0)] {
            let guess = histogram.quantile(share).unwrap();
            assert!((0.66..1.5).contains(&(guess / exact)), "{share}: {guess}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
