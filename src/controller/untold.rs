//! Sessions that have died, for as long as it is not certain that somebody has told.
//!
//! Every replica sees every death, and one tells: the one that leads. The others keep it until that one has shown that
//! it outlived the death; if it has not, whoever leads next tells. So a death may be told twice, when the one that leads
//! ends within seconds of it, but never by nobody. Pure: told what happened and when.

use ray_history_core::base::name::{Owner, SessionKey};
use std::time::Duration;
use tokio::time::Instant;

/// Within what time after a death its Event is sent.
const TOLD_WITHIN: Duration = Duration::from_secs(3);

/// A session, and the owner of its cluster.
pub(super) type Death = (SessionKey, Option<Owner>);

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leader {
    /// It is not known who lives.
    Unknown,
    /// This replica.
    Us,
    /// Another one, which was last seen alive at this time.
    Other(Instant),
}

/// The deaths, in the order in which they were seen.
#[derive(Debug, Default)]
pub(super) struct Untold {
    died: Vec<(Instant, Death)>,
}

impl Untold {
    /// Sessions have died.
    pub(super) fn add(&mut self, died: Vec<Death>, now: Instant) {
        self.died.extend(died.into_iter().map(|death| (now, death)));
    }

    /// What this replica has to tell now.
    pub(super) fn take(&mut self, leader: Leader) -> Vec<Death> {
        match leader {
            Leader::Unknown => Vec::new(),
            Leader::Us => std::mem::take(&mut self.died).into_iter().map(|(_, death)| death).collect(),
            Leader::Other(alive) => {
                self.died.retain(|(at, _)| *at + TOLD_WITHIN > alive);
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
    fn the_one_that_leads_tells_each_death_once() {
        let (mut untold, now) = (Untold::default(), Instant::now());
        untold.add(vec![death("a")], now);
        assert_eq!(untold.take(Leader::Unknown), []);
        untold.add(vec![death("b")], now);
        assert_eq!(untold.take(Leader::Us), [death("a"), death("b")]);
        assert_eq!(untold.take(Leader::Us), []);
    }

    #[test]
    fn what_another_one_did_not_live_to_tell_is_told_by_the_next() {
        let (mut untold, now) = (Untold::default(), Instant::now());
        untold.add(vec![death("told")], now);
        // Its Lease was renewed after the death: it has told.
        assert_eq!(untold.take(Leader::Other(now + 5 * SECOND)), []);
        untold.add(vec![death("lost")], now + 6 * SECOND);
        assert_eq!(untold.take(Leader::Other(now + 5 * SECOND)), []);
        untold.add(vec![death("later")], now + 20 * SECOND);
        assert_eq!(untold.take(Leader::Us), [death("lost"), death("later")]);
    }
}
