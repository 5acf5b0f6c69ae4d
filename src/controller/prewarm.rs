//! Sessions that have died and are to be loaded before anybody asks. Pure: told what died and when.
//!
//! Owns the order (most recent first) and the bound; who loads decides whether there is room.

use crate::session::SessionKey;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Collectors upload their last files when their pods are stopped, within the grace period of 30 s and a little.
const QUIET: Duration = Duration::from_secs(60);

/// A session that could not be loaded meanwhile is let go: whoever wants it loads it.
const WORTH: Duration = Duration::from_hours(1);

/// Sessions to be loaded, the oldest in front.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<(Instant, SessionKey)>,
}

impl Queue {
    /// A session died.
    pub(super) fn died(&mut self, key: SessionKey, now: Instant, most: usize) {
        self.waiting.retain(|(_, other)| *other != key);
        self.waiting.push_back((now, key));
        while self.waiting.len() > most {
            self.waiting.pop_front();
        }
    }

    /// The session to load now: the most recent of those whose uploads have gone quiet.
    pub(super) fn next(&mut self, now: Instant) -> Option<SessionKey> {
        while self.waiting.front().is_some_and(|(died, _)| now.duration_since(*died) > WORTH) {
            self.waiting.pop_front();
        }
        let at = self.waiting.iter().rposition(|(died, _)| now.duration_since(*died) >= QUIET)?;
        Some(self.waiting.get(at)?.1.clone())
    }

    /// A session was loaded, or turned out not to be worth it.
    pub(super) fn done(&mut self, key: &SessionKey) {
        self.waiting.retain(|(_, other)| other != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{ClusterId, SessionName};

    fn key(name: &str) -> SessionKey {
        let session = SessionName::parse("session_2026-11-22_12-00-00_000000_1").unwrap();
        SessionKey { cluster: ClusterId { namespace: "team".to_owned(), name: name.to_owned() }, session }
    }

    #[test]
    fn the_most_recent_quiet_session_comes_first_and_old_ones_are_let_go() {
        let mut queue = Queue::default();
        let start = Instant::now();
        for (n, name) in [(0, "a"), (10, "b"), (200, "c")] {
            queue.died(key(name), start + Duration::from_secs(n), 100);
        }
        assert_eq!(queue.next(start + Duration::from_secs(59)), None);
        assert_eq!(queue.next(start + Duration::from_secs(100)), Some(key("b")));
        queue.done(&key("b"));
        assert_eq!(queue.next(start + Duration::from_secs(100)), Some(key("a")));
        assert_eq!(queue.next(start + Duration::from_secs(300)), Some(key("c")));
        assert_eq!(queue.next(start + Duration::from_hours(2)), None);
    }

    #[test]
    fn no_more_sessions_wait_than_could_be_kept() {
        let mut queue = Queue::default();
        for n in 0..500 {
            queue.died(key(&n.to_string()), Instant::now(), 100);
        }
        assert_eq!(queue.waiting.len(), 100);
        assert_eq!(queue.waiting.back().map(|(_, key)| key.cluster.name.as_str()), Some("499"));
    }
}
