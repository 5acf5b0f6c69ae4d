//! Running clusters whose next session is not listed yet. Pure: gets the time as an argument.
//!
//! A head is ready before its collector has stored anything, and nothing in Kubernetes changes when the first object
//! comes. So a cluster that appeared or changed is listed again after growing delays, until a session that was not
//! known at the change is listed. Otherwise a live session could stay unlisted until the next walk, a day later.

use ray_history_core::base::name::ClusterId;
use ray_history_session::liveness::{ClusterStates, LiveSession};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Delay of the first listing after the change; the time since the change doubles until each further one.
const FIRST: Duration = Duration::from_secs(10);

/// Listings for a cluster without a live session. The last is 43 minutes after the change.
const MOST: u32 = 9;

/// Listings for a cluster that has one: few changes of a head are the start of another session. The last is 320 s after
/// the change: collectors upload events every five minutes.
const MOST_FOR_ANOTHER: u32 = 6;

/// Most clusters that are waited for; the daily walk finds the sessions of others.
const MOST_CLUSTERS: usize = 10_000;

/// Clusters for which a session is expected.
#[derive(Debug, Default)]
pub(super) struct ExpectedSessions(HashMap<ClusterId, Expected>);

#[derive(Debug)]
struct Expected {
    changed: Instant,
    due: Instant,
    listings: u32,
    /// The live session at the change.
    known: LiveSession,
}

impl ExpectedSessions {
    /// Expects a session of each of these clusters that runs.
    pub(super) fn add(&mut self, changed: &[ClusterId], states: &ClusterStates, now: Instant) {
        for cluster in changed {
            let known = states.live_session(cluster);
            if known == LiveSession::NotRunning {
                self.0.remove(cluster);
            } else if self.0.len() < MOST_CLUSTERS || self.0.contains_key(cluster) {
                let expected = Expected { changed: now, due: now + FIRST, listings: 0, known };
                self.0.insert(cluster.clone(), expected);
            }
        }
    }

    /// Takes at most `most` clusters to list again now, those first that have waited longest. Forgets those that do not
    /// run, that have another live session than at the change, or that were listed often enough.
    pub(super) fn take(&mut self, states: &ClusterStates, now: Instant, most: usize) -> Vec<ClusterId> {
        self.0.retain(|cluster, expected| {
            now < expected.due || {
                let live = states.live_session(cluster);
                let allowed = if live == LiveSession::NotListed { MOST } else { MOST_FOR_ANOTHER };
                live == expected.known && expected.listings < allowed
            }
        });
        let mut due: Vec<_> = self.0.iter_mut().filter(|(_, expected)| expected.due <= now).collect();
        due.sort_unstable_by_key(|(_, expected)| expected.due);
        let taken = due.into_iter().take(most).map(|(cluster, expected)| {
            expected.listings += 1;
            expected.due = now + (now - expected.changed);
            cluster.clone()
        });
        taken.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{SessionKey, SessionName};
    use ray_history_session::liveness::{Cluster, Listed, StartBounds};

    const CREATED: i64 = 1_763_900_000_000_000;

    fn id() -> ClusterId {
        ClusterId { namespace: "team".to_owned(), name: "c".to_owned() }
    }

    fn cluster(head: &str) -> Cluster {
        let head = Some(head.to_owned());
        Cluster { uid: "u".to_owned(), created: CREATED, suspended: false, owner: None, head, keep: None }
    }

    /// Lists sessions of the cluster that start so many seconds after it was created.
    fn list(states: &mut ClusterStates, seconds: &[i64]) {
        let listed = seconds.iter().map(|seconds| {
            let at = CREATED + seconds * 1_000_000;
            let session = SessionName::parse(&format!("session_2026-11-23_12-{seconds:02}-00_000000_1")).unwrap();
            let start = StartBounds { earliest: at, guess: at, latest: at };
            Listed { key: SessionKey { cluster: id(), session }, start, namespace_known: true }
        });
        states.listed(listed.collect::<Vec<_>>(), CREATED);
    }

    fn running() -> (ClusterStates, ExpectedSessions, Instant) {
        let mut states = ClusterStates::default();
        states.watch(&[], false);
        states.relisted(None, HashMap::new(), CREATED);
        let changes = states.applied(id(), cluster("starting"));
        let (mut expected, now) = (ExpectedSessions::default(), Instant::now());
        expected.add(&changes.touched, &states, now);
        (states, expected, now)
    }

    /// Returns the seconds at which the cluster is listed in two hours.
    fn listings(expected: &mut ExpectedSessions, states: &ClusterStates, now: Instant) -> Vec<u64> {
        (0..7200).filter(|second| !expected.take(states, now + Duration::from_secs(*second), 1).is_empty()).collect()
    }

    #[test]
    fn a_cluster_without_a_session_is_listed_ever_more_rarely() {
        let (states, mut expected, now) = running();
        assert_eq!(listings(&mut expected, &states, now), [10, 20, 40, 80, 160, 320, 640, 1280, 2560]);
        assert!(expected.0.is_empty(), "forgotten");
    }

    #[test]
    fn a_listed_session_ends_the_wait() {
        let (mut states, mut expected, now) = running();
        assert_eq!(expected.take(&states, now + FIRST, 1), [id()]);
        list(&mut states, &[20]);
        assert_eq!(listings(&mut expected, &states, now), Vec::<u64>::new());
        assert!(expected.0.is_empty());
    }

    #[test]
    fn a_changed_head_may_begin_another_session() {
        let (mut states, mut expected, now) = running();
        list(&mut states, &[20]);
        let changes = states.applied(id(), cluster("ready"));
        expected.add(&changes.touched, &states, now);
        assert_eq!(expected.take(&states, now + FIRST, 1), [id()]);
        list(&mut states, &[20, 40]);
        assert_eq!(listings(&mut expected, &states, now), Vec::<u64>::new());
        let changes = states.applied(id(), cluster("ready again"));
        expected.add(&changes.touched, &states, now);
        assert_eq!(listings(&mut expected, &states, now), [10, 20, 40, 80, 160, 320]);
    }

    #[test]
    fn a_deleted_cluster_is_not_waited_for() {
        let (mut states, mut expected, now) = running();
        let changes = states.deleted(&id(), "u", CREATED + 1);
        assert_eq!(expected.take(&states, now + FIRST, 1), []);
        expected.add(&changes.touched, &states, now);
        assert!(expected.0.is_empty());
    }

    #[test]
    fn those_that_have_waited_longest_come_first() {
        let mut states = ClusterStates::default();
        states.watch(&[], false);
        states.relisted(None, HashMap::new(), CREATED);
        let (mut expected, now) = (ExpectedSessions::default(), Instant::now());
        let named = |name: &str| ClusterId { namespace: "team".to_owned(), name: name.to_owned() };
        for (second, name) in (0..).zip(["b", "c", "a"]) {
            let changes = states.applied(named(name), cluster("starting"));
            expected.add(&changes.touched, &states, now + Duration::from_secs(second));
        }
        let later = now + Duration::from_secs(60);
        let taken: Vec<_> = (0..4).map(|_| expected.take(&states, later, 1)).collect();
        assert_eq!(taken, [vec![named("b")], vec![named("c")], vec![named("a")], vec![]], "each once");
        assert_eq!(expected.take(&states, later, 0), []);
    }
}
