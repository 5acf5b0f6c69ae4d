//! Dead sessions whose Events may not have been published yet.
//!
//! Every replica sees every death, and the leader publishes it. The other replicas keep a death until the leader was
//! seen alive after it; otherwise the next leader publishes it. So a death is published at least once, and twice if the
//! leader ends within seconds of it. Pure: gets deaths and times as arguments.

use ray_history_core::base::name::{Owner, SessionKey};
use std::time::Duration;
use tokio::time::Instant;

/// Time after a death within which its Event is sent.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(3);

/// A session and the owner of its cluster.
pub(super) type Death = (SessionKey, Option<Owner>);

/// The replica that publishes Events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leader {
    /// The live replicas are unknown.
    Unknown,
    /// This replica.
    Us,
    /// Another replica, last seen alive at this time.
    Other(Instant),
}

/// The unpublished deaths, in the order in which they were seen.
#[derive(Debug, Default)]
pub(super) struct PendingDeaths {
    died: Vec<(Instant, Death)>,
}

impl PendingDeaths {
    /// Adds sessions that died.
    pub(super) fn add(&mut self, died: Vec<Death>, now: Instant) {
        self.died.extend(died.into_iter().map(|death| (now, death)));
    }

    /// Takes the deaths that this replica has to publish now.
    pub(super) fn take(&mut self, leader: Leader) -> Vec<Death> {
        match leader {
            Leader::Unknown => Vec::new(),
            Leader::Us => std::mem::take(&mut self.died).into_iter().map(|(_, death)| death).collect(),
            Leader::Other(alive) => {
                self.died.retain(|(at, _)| *at + PUBLISHED_WITHIN > alive);
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    const SECOND: Duration = Duration::from_secs(1);

    fn death(name: &str) -> Death {
        let cluster = ClusterId { namespace: "team".to_owned(), name: name.to_owned() };
        (SessionKey { cluster, session: SessionName::parse("session_2026-11-22_12-00-00_000000_1").unwrap() }, None)
    }

    #[test]
    fn the_leader_publishes_each_death_once() {
        let (mut pending, now) = (PendingDeaths::default(), Instant::now());
        pending.add(vec![death("a")], now);
        assert_eq!(pending.take(Leader::Unknown), []);
        pending.add(vec![death("b")], now);
        assert_eq!(pending.take(Leader::Us), [death("a"), death("b")]);
        assert_eq!(pending.take(Leader::Us), []);
    }

    #[test]
    fn the_next_leader_publishes_lost_deaths() {
        let (mut pending, now) = (PendingDeaths::default(), Instant::now());
        pending.add(vec![death("published")], now);
        // The leader's Lease was renewed after the death, so it has published it.
        assert_eq!(pending.take(Leader::Other(now + 5 * SECOND)), []);
        pending.add(vec![death("lost")], now + 6 * SECOND);
        assert_eq!(pending.take(Leader::Other(now + 5 * SECOND)), []);
        pending.add(vec![death("later")], now + 20 * SECOND);
        assert_eq!(pending.take(Leader::Us), [death("lost"), death("later")]);
    }
}
