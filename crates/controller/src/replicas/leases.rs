//! The live replicas, derived from their Leases. Pure: gets Leases and times as arguments.
//!
//! A Lease expires a fixed time after this replica saw its last renewal, so clocks need not agree.
//! The live replicas determine the leader and the replica that prewarms a session. Every replica derives the same
//! result, so no election and no handover is needed.

use super::super::limits::is_name;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use ray_history_core::base::name::SessionKey;
use siphasher::sip::SipHasher13;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;
use tokio::time::Instant;

/// Time without a renewal after which the holder of a Lease counts as dead.
pub(super) const EXPIRES: Duration = Duration::from_secs(30);

/// Age in seconds, by any clock, above which a Lease seen for the first time counts as abandoned. A later renewal makes
/// its holder live, however wrong its clock or ours is.
const ABANDONED: i64 = 4 * EXPIRES.as_secs().cast_signed();

/// The Leases of one `RayHistory`, as seen by this replica.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// Replicas by name; `None` before the first list is complete.
    replicas: Option<BTreeMap<String, Replica>>,
    /// Replicas of the list in progress.
    listing: BTreeMap<String, Replica>,
}

#[derive(Clone, Debug)]
struct Replica {
    lease: String,
    renewed: Option<MicroTime>,
    until: Instant,
}

impl Leases {
    /// Starts a list. Earlier Leases count until the list is complete.
    pub(super) fn start_list(&mut self) {
        self.listing.clear();
    }

    /// Adds a Lease of the list in progress.
    pub(super) fn listed(&mut self, lease: &Lease, clock: Timestamp, now: Instant) {
        if let Some((holder, replica)) = self.read(lease, clock, now) {
            self.listing.insert(holder, replica);
        }
    }

    /// Completes the list.
    pub(super) fn finish_list(&mut self) {
        self.replicas = Some(std::mem::take(&mut self.listing));
    }

    /// Records a created or renewed Lease.
    pub(super) fn renewed(&mut self, lease: &Lease, clock: Timestamp, now: Instant) {
        if let (Some((holder, replica)), Some(replicas)) = (self.read(lease, clock, now), &mut self.replicas) {
            replicas.insert(holder, replica);
        }
    }

    /// Records a removed Lease.
    pub(super) fn remove(&mut self, lease: &str) {
        if let Some(replicas) = &mut self.replicas {
            replicas.retain(|_, replica| replica.lease != lease);
        }
    }

    /// Returns the leader: the first live replica by name.
    pub(super) fn leader(&self, now: Instant) -> Option<&str> {
        self.live(now).next()
    }

    /// Returns the time at which the leader was last seen alive.
    pub(super) fn leader_seen(&self, now: Instant) -> Option<Instant> {
        let leader = self.replicas.as_ref()?.get(self.leader(now)?)?;
        leader.until.checked_sub(EXPIRES)
    }

    /// Returns the replica that prewarms a session: the one with the highest hash of both names (rendezvous hashing),
    /// so that a replica that starts or ends only moves its own sessions.
    pub(super) fn prewarmer(&self, key: &SessionKey, now: Instant) -> Option<&str> {
        self.live(now).max_by_key(|name| {
            // Fixed keys, because replicas must agree.
            let mut hasher = SipHasher13::new_with_keys(0, 0);
            (name, key).hash(&mut hasher);
            hasher.finish()
        })
    }

    /// Returns `true` if a replica is known to be gone.
    pub(super) fn is_dead(&self, name: &str, now: Instant) -> bool {
        let Some(replicas) = &self.replicas else { return false };
        replicas.get(name).is_none_or(|replica| replica.until <= now)
    }

    /// Returns the names of the expired Leases.
    pub(super) fn expired(&self, now: Instant) -> Vec<String> {
        let all = self.replicas.iter().flat_map(BTreeMap::values);
        all.filter(|replica| replica.until <= now).map(|replica| replica.lease.clone()).collect()
    }

    fn live(&self, now: Instant) -> impl Iterator<Item = &str> {
        let all = self.replicas.iter().flatten();
        all.filter(move |(_, replica)| replica.until > now).map(|(name, _)| name.as_str())
    }

    fn read(&self, lease: &Lease, clock: Timestamp, now: Instant) -> Option<(String, Replica)> {
        let (name, spec) = (lease.metadata.name.as_ref()?, lease.spec.as_ref()?);
        let holder = spec.holder_identity.as_ref().filter(|holder| is_name(holder) && is_name(name))?;
        let renewed = spec.renew_time.clone();
        let known = self.replicas.as_ref().and_then(|replicas| replicas.get(holder));
        // A list repeats known Leases, which is not a renewal.
        let age = renewed.as_ref().map_or(0, |at| clock.as_second() - at.0.as_second());
        let until = match known {
            Some(known) if known.renewed == renewed => known.until,
            None if age > ABANDONED => now,
            _ => now + EXPIRES,
        };
        Some((holder.clone(), Replica { lease: name.clone(), renewed, until }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use ray_history_core::base::name::{ClusterId, SessionName};
    use std::collections::HashMap;

    const SECOND: Duration = Duration::from_secs(1);

    fn lease(holder: &str, renewed: i64) -> Lease {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            ..LeaseSpec::default()
        };
        let mut lease = Lease { spec: Some(spec), ..Lease::default() };
        lease.metadata.name = Some(format!("main-{holder}"));
        lease
    }

    fn clock(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Returns Leases renewed at second 1000 and listed at once.
    fn leases(holders: &[&str], now: Instant) -> Leases {
        let mut leases = Leases::default();
        leases.start_list();
        for holder in holders {
            leases.listed(&lease(holder, 1_000), clock(1_000), now);
        }
        leases.finish_list();
        leases
    }

    #[test]
    fn the_first_live_replica_leads_until_its_lease_expires() {
        let now = Instant::now();
        let mut leases = leases(&["b", "a"], now);
        assert_eq!((leases.leader(now), leases.leader_seen(now)), (Some("a"), Some(now)));
        let later = now + 20 * SECOND;
        leases.renewed(&lease("b", 1_020), clock(1_020), later);
        assert_eq!((leases.leader(later), leases.leader_seen(later)), (Some("a"), Some(now)));
        let late = now + 31 * SECOND;
        assert_eq!(leases.leader(late), Some("b"));
        assert!(leases.is_dead("a", late) && !leases.is_dead("b", late) && leases.is_dead("never", late));
        assert_eq!(leases.expired(late), ["main-a"]);
    }

    #[test]
    fn has_no_leader_and_no_dead_before_the_first_list() {
        let now = Instant::now();
        let mut leases = Leases::default();
        leases.start_list();
        leases.listed(&lease("a", 1_000), clock(1_000), now);
        assert_eq!(leases.leader(now), None);
        assert!(!leases.is_dead("b", now));
    }

    /// A list in progress does not make replicas dead, and a complete one does not renew Leases.
    #[test]
    fn lists_neither_kill_nor_renew() {
        let now = Instant::now();
        let mut leases = leases(&["a", "b"], now);
        leases.start_list();
        leases.listed(&lease("b", 1_000), clock(1_010), now + 10 * SECOND);
        assert!(!leases.is_dead("a", now + 10 * SECOND), "the list goes on");
        leases.listed(&lease("a", 1_000), clock(1_010), now + 10 * SECOND);
        leases.finish_list();
        assert!(leases.is_dead("a", now + 31 * SECOND), "the same renewal, listed again");
    }

    #[test]
    fn a_lease_without_renewal_for_minutes_is_abandoned() {
        let now = Instant::now();
        let mut leases = Leases::default();
        leases.start_list();
        leases.listed(&lease("a", 1_000), clock(1_000 + ABANDONED + 1), now);
        leases.listed(&lease("b", 1_000 + ABANDONED), clock(1_000 + ABANDONED + 1), now);
        leases.finish_list();
        assert_eq!(leases.leader(now), Some("b"));
    }

    #[test]
    fn a_replica_with_a_wrong_clock_lives_while_it_renews() {
        let now = Instant::now();
        let mut leases = leases(&["b"], now);
        // Its clock is an hour behind ours, or ours was set an hour forward; then ours is set back by two.
        for (renewed, ours) in [(1_000, 4_600), (1_010, 4_610), (1_020, -2_580)] {
            leases.renewed(&lease("a", renewed), clock(ours), now);
        }
        assert_eq!(leases.leader(now + 29 * SECOND), Some("a"));
        assert_eq!(leases.leader(now + 31 * SECOND), None);
    }

    #[test]
    fn a_leaving_replica_moves_only_its_own_sessions() {
        let now = Instant::now();
        let key = |n: u32| SessionKey {
            cluster: ClusterId { namespace: "team".to_owned(), name: format!("c{n}") },
            session: SessionName::parse("session_2026-11-22_12-00-00_000000_1").unwrap(),
        };
        let mut leases = leases(&["a", "b", "c"], now);
        let before: Vec<String> = (0..300).map(|n| leases.prewarmer(&key(n), now).unwrap().to_owned()).collect();
        let mut shares = HashMap::<&str, usize>::new();
        for name in &before {
            *shares.entry(name).or_default() += 1;
        }
        assert!(shares.len() == 3 && shares.values().all(|share| *share > 60), "{shares:?}");
        leases.remove("main-b");
        for (n, before) in (0..).zip(&before) {
            let after = leases.prewarmer(&key(n), now).unwrap();
            assert!(before == "b" || after == before, "{n}: {before} {after}");
            assert_ne!(after, "b");
        }
    }
}
