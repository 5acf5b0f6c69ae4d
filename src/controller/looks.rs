//! Clusters whose folders are to be looked at, because something happened to them. Pure: told what and when.
//!
//! Owns the pace: each look is some paid requests, and five hundred clusters may be deleted at once. A burst is looked
//! at without delay, more waits for its turn; what waits twice is looked at once.

use ray_history_core::base::name::ClusterId;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// So many looks at once; then one in each pause.
const BURST: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// More than this is left to the next listing of markers and to the next walk, which see everything.
const MOST: usize = 2_000;

/// Clusters in the order in which they are looked at.
#[derive(Debug)]
pub(super) struct Looks {
    waiting: VecDeque<ClusterId>,
    known: HashSet<ClusterId>,
    /// Looks that may be taken now.
    left: u32,
    since: Option<Instant>,
}

impl Default for Looks {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), known: HashSet::new(), left: BURST, since: None }
    }
}

impl Looks {
    /// Something happened to these clusters.
    pub(super) fn touched(&mut self, clusters: Vec<ClusterId>) {
        for cluster in clusters {
            if self.waiting.len() < MOST && self.known.insert(cluster.clone()) {
                self.waiting.push_back(cluster);
            }
        }
    }

    /// The clusters to look at now.
    pub(super) fn now(&mut self, now: Instant) -> Vec<ClusterId> {
        let since = *self.since.get_or_insert(now);
        let earned = (now.duration_since(since).as_millis() / PAUSE.as_millis()) as u32;
        self.left = self.left.saturating_add(earned).min(BURST);
        self.since = Some(since + PAUSE * earned);
        let count = self.waiting.len().min(self.left as usize);
        self.left -= count as u32;
        let due: Vec<ClusterId> = self.waiting.drain(..count).collect();
        for cluster in &due {
            self.known.remove(cluster);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<u32>) -> Vec<ClusterId> {
        range.map(|n| ClusterId { namespace: "team".to_owned(), name: format!("c{n}") }).collect()
    }

    #[test]
    fn a_few_are_looked_at_at_once_and_five_hundred_one_a_second() {
        let (mut looks, start) = (Looks::default(), Instant::now());
        looks.touched(ids(0..3));
        assert_eq!(looks.now(start), ids(0..3));
        let later = start + Duration::from_secs(60);
        looks.touched(ids(0..500));
        assert_eq!(looks.now(later), ids(0..10));
        assert_eq!(looks.now(later), []);
        let second_by_second: Vec<usize> =
            (1..500).map(|n| looks.now(later + Duration::from_secs(n)).len()).take_while(|count| *count > 0).collect();
        assert_eq!(second_by_second, [1; 490]);
    }

    #[test]
    fn what_happens_to_a_cluster_that_waits_is_one_look() {
        let (mut looks, start) = (Looks::default(), Instant::now());
        looks.touched(ids(0..11));
        looks.now(start);
        (0..50).for_each(|_| looks.touched(ids(10..11)));
        assert_eq!(looks.now(start + Duration::from_secs(5)), ids(10..11));
        looks.touched(ids(10..11));
        assert_eq!(looks.now(start + Duration::from_secs(5)), ids(10..11), "once more after the look");
        assert_eq!(looks.now(start + Duration::from_secs(6)), []);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut looks = Looks::default();
        looks.touched(ids(0..5_000));
        assert_eq!(looks.waiting.len(), MOST);
    }
}
