//! Which replicas live, by their Leases as they were seen here. Pure: told what was seen and when.
//!
//! Whether a Lease has run out is measured from when its last renewal was seen, so clocks need not agree.
//! Owns what follows from who lives: who writes what is written once for all, and who loads a session before anybody
//! asks. Every replica comes to the same answer, so there is nothing to elect and nothing to hand over.

use super::super::words::is_name;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use ray_history_core::base::name::SessionKey;
use siphasher::sip::SipHasher13;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;
use tokio::time::Instant;

/// After what time without a renewal the holder of a Lease counts as dead.
pub(super) const EXPIRES: Duration = Duration::from_secs(30);

/// One that was not renewed for so long when its holder is first seen, by any clock, belongs to nobody any more. What
/// is renewed after that is alive, however wrong its clock, or ours, is.
const ABANDONED: i64 = 4 * EXPIRES.as_secs().cast_signed();

/// The Leases of one `RayHistory`.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// By the names of their holders; none before the first list is complete.
    replicas: Option<BTreeMap<String, Replica>>,
    /// The list that is under way.
    listing: BTreeMap<String, Replica>,
}

#[derive(Clone, Debug)]
struct Replica {
    lease: String,
    renewed: Option<MicroTime>,
    until: Instant,
}

impl Seen {
    /// A list begins; what was seen before counts until it is complete.
    pub(super) fn list(&mut self) {
        self.listing.clear();
    }

    /// A Lease of the list that is under way.
    pub(super) fn listed(&mut self, lease: &Lease, clock: Timestamp, now: Instant) {
        if let Some((holder, replica)) = self.read(lease, clock, now) {
            self.listing.insert(holder, replica);
        }
    }

    /// The list is complete.
    pub(super) fn complete(&mut self) {
        self.replicas = Some(std::mem::take(&mut self.listing));
    }

    /// A Lease was made or renewed.
    pub(super) fn renewed(&mut self, lease: &Lease, clock: Timestamp, now: Instant) {
        if let (Some((holder, replica)), Some(replicas)) = (self.read(lease, clock, now), &mut self.replicas) {
            replicas.insert(holder, replica);
        }
    }

    /// A Lease is gone.
    pub(super) fn gone(&mut self, lease: &str) {
        if let Some(replicas) = &mut self.replicas {
            replicas.retain(|_, replica| replica.lease != lease);
        }
    }

    /// The replica that writes what is written once for all: the first living one by name.
    pub(super) fn leader(&self, now: Instant) -> Option<&str> {
        self.living(now).next()
    }

    /// When the replica that leads was last seen alive.
    pub(super) fn leader_seen(&self, now: Instant) -> Option<Instant> {
        let leader = self.replicas.as_ref()?.get(self.leader(now)?)?;
        leader.until.checked_sub(EXPIRES)
    }

    /// The replica that loads a session before anybody asks: the one with the highest hash of both names (rendezvous),
    /// so that a replica that comes or goes changes the answer for its own share only.
    pub(super) fn chosen(&self, key: &SessionKey, now: Instant) -> Option<&str> {
        self.living(now).max_by_key(|name| {
            // With fixed keys: replicas must agree.
            let mut hasher = SipHasher13::new_with_keys(0, 0);
            (name, key).hash(&mut hasher);
            hasher.finish()
        })
    }

    /// Whether a replica is known to be gone.
    pub(super) fn is_dead(&self, name: &str, now: Instant) -> bool {
        let Some(replicas) = &self.replicas else { return false };
        replicas.get(name).is_none_or(|replica| replica.until <= now)
    }

    /// The Leases that have run out.
    pub(super) fn expired(&self, now: Instant) -> Vec<String> {
        let all = self.replicas.iter().flat_map(BTreeMap::values);
        all.filter(|replica| replica.until <= now).map(|replica| replica.lease.clone()).collect()
    }

    fn living(&self, now: Instant) -> impl Iterator<Item = &str> {
        let all = self.replicas.iter().flatten();
        all.filter(move |(_, replica)| replica.until > now).map(|(name, _)| name.as_str())
    }

    fn read(&self, lease: &Lease, clock: Timestamp, now: Instant) -> Option<(String, Replica)> {
        let (name, spec) = (lease.metadata.name.as_ref()?, lease.spec.as_ref()?);
        let holder = spec.holder_identity.as_ref().filter(|holder| is_name(holder) && is_name(name))?;
        let renewed = spec.renew_time.clone();
        let known = self.replicas.as_ref().and_then(|replicas| replicas.get(holder));
        // A list tells again what is known: that is no renewal.
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

    /// Leases renewed at second 1000, listed at once.
    fn seen(holders: &[&str], now: Instant) -> Seen {
        let mut seen = Seen::default();
        seen.list();
        for holder in holders {
            seen.listed(&lease(holder, 1_000), clock(1_000), now);
        }
        seen.complete();
        seen
    }

    #[test]
    fn the_first_living_one_leads_and_the_next_takes_over_when_its_lease_runs_out() {
        let now = Instant::now();
        let mut seen = seen(&["b", "a"], now);
        assert_eq!((seen.leader(now), seen.leader_seen(now)), (Some("a"), Some(now)));
        let later = now + 20 * SECOND;
        seen.renewed(&lease("b", 1_020), clock(1_020), later);
        assert_eq!((seen.leader(later), seen.leader_seen(later)), (Some("a"), Some(now)));
        let late = now + 31 * SECOND;
        assert_eq!(seen.leader(late), Some("b"));
        assert!(seen.is_dead("a", late) && !seen.is_dead("b", late) && seen.is_dead("never", late));
        assert_eq!(seen.expired(late), ["main-a"]);
    }

    #[test]
    fn nobody_leads_and_nobody_is_dead_before_all_leases_are_known() {
        let now = Instant::now();
        let mut seen = Seen::default();
        seen.list();
        seen.listed(&lease("a", 1_000), clock(1_000), now);
        assert_eq!(seen.leader(now), None);
        assert!(!seen.is_dead("b", now));
    }

    #[test]
    fn a_list_that_is_under_way_kills_nobody_and_a_complete_one_revives_nobody() {
        let now = Instant::now();
        let mut seen = seen(&["a", "b"], now);
        seen.list();
        seen.listed(&lease("b", 1_000), clock(1_010), now + 10 * SECOND);
        assert!(!seen.is_dead("a", now + 10 * SECOND), "the list goes on");
        seen.listed(&lease("a", 1_000), clock(1_010), now + 10 * SECOND);
        seen.complete();
        assert!(seen.is_dead("a", now + 31 * SECOND), "the same renewal, told again");
    }

    #[test]
    fn a_lease_that_nobody_renewed_for_minutes_belongs_to_nobody() {
        let now = Instant::now();
        let mut seen = Seen::default();
        seen.list();
        seen.listed(&lease("a", 1_000), clock(1_000 + ABANDONED + 1), now);
        seen.listed(&lease("b", 1_000 + ABANDONED), clock(1_000 + ABANDONED + 1), now);
        seen.complete();
        assert_eq!(seen.leader(now), Some("b"));
    }

    #[test]
    fn a_replica_whose_clock_is_wrong_lives_while_it_renews() {
        let now = Instant::now();
        let mut seen = seen(&["b"], now);
        // Its clock is an hour behind ours, or ours was set an hour forward; then ours is set back by two.
        for (renewed, ours) in [(1_000, 4_600), (1_010, 4_610), (1_020, -2_580)] {
            seen.renewed(&lease("a", renewed), clock(ours), now);
        }
        assert_eq!(seen.leader(now + 29 * SECOND), Some("a"));
        assert_eq!(seen.leader(now + 31 * SECOND), None);
    }

    #[test]
    fn each_session_has_one_replica_and_one_that_goes_moves_only_its_own() {
        let now = Instant::now();
        let key = |n: u32| SessionKey {
            cluster: ClusterId { namespace: "team".to_owned(), name: format!("c{n}") },
            session: SessionName::parse("session_2026-11-22_12-00-00_000000_1").unwrap(),
        };
        let mut seen = seen(&["a", "b", "c"], now);
        let before: Vec<String> = (0..300).map(|n| seen.chosen(&key(n), now).unwrap().to_owned()).collect();
        let mut shares = HashMap::<&str, usize>::new();
        for name in &before {
            *shares.entry(name).or_default() += 1;
        }
        assert!(shares.len() == 3 && shares.values().all(|share| *share > 60), "{shares:?}");
        seen.gone("main-b");
        for (n, before) in (0..).zip(&before) {
            let after = seen.chosen(&key(n), now).unwrap();
            assert!(before == "b" || after == before, "{n}: {before} {after}");
            assert_ne!(after, "b");
        }
    }
}
