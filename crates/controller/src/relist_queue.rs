//! A queue of clusters whose folders are listed again after a change. Pure: gets clusters and times as arguments.
//!
//! The queue limits the pace, because each listing is a few paid requests and five hundred clusters may be deleted at
//! once. A burst is listed without delay, the rest waits. A cluster that is queued twice is listed once.

use super::pace::Pace;
use ray_history_core::base::name::ClusterId;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Listings without delay, and the interval of further ones.
const PACE: Pace = Pace::new(10, Duration::from_secs(1));

/// Most clusters in the queue; the next listing of markers and the next walk find the others.
const MAX_WAITING: usize = 2_000;

/// Clusters in the order in which their folders are listed.
#[derive(Debug)]
pub(super) struct RelistQueue {
    waiting: VecDeque<ClusterId>,
    queued: HashSet<ClusterId>,
    pace: Pace,
}

impl Default for RelistQueue {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), queued: HashSet::new(), pace: PACE }
    }
}

impl RelistQueue {
    /// Queues changed clusters.
    pub(super) fn add(&mut self, clusters: Vec<ClusterId>) {
        for cluster in clusters {
            if self.waiting.len() < MAX_WAITING && self.queued.insert(cluster.clone()) {
                self.waiting.push_back(cluster);
            }
        }
    }

    /// Returns `true` if no cluster waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the clusters to list now.
    pub(super) fn take(&mut self, now: Instant) -> Vec<ClusterId> {
        let mut due = Vec::new();
        while !self.waiting.is_empty() && self.pace.try_now(now) {
            due.extend(self.waiting.pop_front());
        }
        for cluster in &due {
            self.queued.remove(cluster);
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
    fn lists_a_burst_at_once_and_then_one_a_second() {
        let (mut queue, start) = (RelistQueue::default(), Instant::now());
        queue.add(ids(0..3));
        assert_eq!(queue.take(start), ids(0..3));
        let later = start + Duration::from_secs(60);
        queue.add(ids(0..500));
        assert_eq!(queue.take(later), ids(0..10));
        assert_eq!(queue.take(later), []);
        let second_by_second: Vec<usize> =
            (1..500).map(|n| queue.take(later + Duration::from_secs(n)).len()).take_while(|count| *count > 0).collect();
        assert_eq!(second_by_second, [1; 490]);
    }

    #[test]
    fn a_queued_cluster_is_listed_once() {
        let (mut queue, start) = (RelistQueue::default(), Instant::now());
        queue.add(ids(0..11));
        queue.take(start);
        (0..50).for_each(|_| queue.add(ids(10..11)));
        assert_eq!(queue.take(start + Duration::from_secs(5)), ids(10..11));
        queue.add(ids(10..11));
        assert_eq!(queue.take(start + Duration::from_secs(5)), ids(10..11), "once more after it was listed");
        assert_eq!(queue.take(start + Duration::from_secs(6)), []);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut queue = RelistQueue::default();
        queue.add(ids(0..5_000));
        assert_eq!(queue.waiting.len(), MAX_WAITING);
    }
}
