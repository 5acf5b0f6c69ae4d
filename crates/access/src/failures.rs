//! Failures of each address, so that nobody can have many tokens tried.

use crate::rate::Rate;
use lru::LruCache;
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use tokio::time::Instant;

/// Failures of an address: in a second, and at once.
const FAILURES: (u32, u32) = (5, 20);

/// Longest time that an address waits for failures beyond its rate, of reviews that were in flight at a time.
const LONGEST_DEBT: Duration = Duration::from_secs(10);

/// Most addresses that are remembered.
const MOST: usize = 10_000;

/// Failures of each address; of IPv6, of each network of 64 bits, which one client has.
#[derive(Debug)]
pub(crate) struct Failures(Mutex<LruCache<IpAddr, Rate>>);

impl Failures {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }

    /// Counts a failure.
    pub(crate) fn count(&self, peer: IpAddr) {
        let mut peers = self.0.lock();
        let rate = peers.get_or_insert_mut(network(peer), || Rate::new(FAILURES.0, FAILURES.1));
        rate.take(Instant::now(), LONGEST_DEBT);
        if peers.len() > MOST {
            peers.pop_lru();
        }
    }

    /// Returns `true` if an address had too many failures just now.
    pub(crate) fn too_many(&self, peer: IpAddr) -> bool {
        self.0.lock().peek(&network(peer)).is_some_and(|rate| !rate.has_turn(Instant::now()))
    }

    /// Returns the number of addresses.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_has_twenty_failures_and_five_a_second() {
        let failures = Failures::new();
        let [peer, other]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        for _ in 0..20 {
            assert!(!failures.too_many(peer));
            failures.count(peer);
        }
        assert!(failures.too_many(peer) && !failures.too_many(other));
        assert!(failures.too_many("::ffff:10.0.0.1".parse().unwrap()));
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..5 {
            assert!(!failures.too_many(peer));
            failures.count(peer);
        }
        assert!(failures.too_many(peer));
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_a_network_count_together_and_few_are_remembered() {
        let failures = Failures::new();
        for host in 0..20_u16 {
            failures.count(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host).into());
        }
        assert!(failures.too_many("2001:db8:0:1::ffff".parse().unwrap()));
        assert!(!failures.too_many("2001:db8:0:2::".parse().unwrap()));
        (0..20_000_u32).for_each(|host| failures.count(IpAddr::from(host.to_be_bytes())));
        assert_eq!(failures.len(), MOST);
    }
}
