//! A queue of dead sessions to load ahead of requests. Pure: gets deaths, stored files and times as arguments.
//!
//! Decides the order (most recent first), the limit, and when uploads are complete: two checks of the stored files,
//! some time apart, are equal. The loader decides if there is memory, and the caller which replica loads.

use ray_history_core::base::name::SessionKey;
use ray_history_session::Stored;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Time until the first check: stopped pods upload their last files within their grace period.
const FIRST_CHECK: Duration = Duration::from_secs(10);

/// First pause between two checks; grows by half after each check that found changes, up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// Pause after a load for which there was no memory.
const RETRY_LOAD: Duration = Duration::from_secs(10);

/// Age at which a session is removed; it is then loaded on request.
const MAX_AGE: Duration = Duration::from_hours(1);

/// Sessions to load, oldest first.
#[derive(Debug, Default)]
pub(super) struct PrewarmQueue {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    key: SessionKey,
    died: Instant,
    /// The stored files at the last check.
    stored: Option<Stored>,
    uploads_complete: bool,
    /// Time of the next check or load.
    not_before: Instant,
    /// Pause after the next check.
    pause: Duration,
}

impl PrewarmQueue {
    /// Adds a session that died, and removes the oldest beyond `most`.
    pub(super) fn add(&mut self, key: SessionKey, now: Instant, most: usize) {
        self.remove(&key);
        let not_before = now + FIRST_CHECK;
        self.waiting.push_back(Waiting {
            key,
            died: now,
            stored: None,
            uploads_complete: false,
            not_before,
            pause: FIRST_PAUSE,
        });
        while self.waiting.len() > most {
            self.waiting.pop_front();
        }
    }

    /// Returns the session to check now: the most recent one that is due.
    pub(super) fn next_check(&mut self, now: Instant, mine: impl Fn(&SessionKey) -> bool) -> Option<SessionKey> {
        self.next(now, false, mine)
    }

    /// Returns the session to load now: the most recent one whose uploads are complete.
    pub(super) fn next_load(&mut self, now: Instant, mine: impl Fn(&SessionKey) -> bool) -> Option<SessionKey> {
        self.next(now, true, mine)
    }

    /// Records the result of a check; `None` if nothing is stored or the store did not answer.
    pub(super) fn on_checked(&mut self, key: &SessionKey, stored: Option<Stored>, now: Instant) {
        let Some(waiting) = self.find(key) else { return };
        waiting.uploads_complete = stored.is_some() && waiting.stored == stored;
        waiting.stored = stored;
        waiting.not_before = if waiting.uploads_complete { now } else { now + waiting.pause };
        waiting.pause = (waiting.pause * 3 / 2).min(LONGEST_PAUSE);
    }

    /// Postpones a session for which there was no memory.
    pub(super) fn postpone(&mut self, key: &SessionKey, now: Instant) {
        if let Some(waiting) = self.find(key) {
            waiting.not_before = now + RETRY_LOAD;
        }
    }

    /// Removes a session that was loaded or is no longer dead.
    pub(super) fn remove(&mut self, key: &SessionKey) {
        self.waiting.retain(|waiting| waiting.key != *key);
    }

    fn next(&mut self, now: Instant, uploads_complete: bool, mine: impl Fn(&SessionKey) -> bool) -> Option<SessionKey> {
        self.waiting.retain(|waiting| now.duration_since(waiting.died) <= MAX_AGE);
        let mut ready = self
            .waiting
            .iter()
            .rev()
            .filter(|waiting| waiting.uploads_complete == uploads_complete && waiting.not_before <= now);
        ready.find(|waiting| mine(&waiting.key)).map(|waiting| waiting.key.clone())
    }

    fn find(&mut self, key: &SessionKey) -> Option<&mut Waiting> {
        self.waiting.iter_mut().find(|waiting| waiting.key == *key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    const SECOND: Duration = Duration::from_secs(1);

    fn key(name: &str) -> SessionKey {
        let session = SessionName::parse("session_2026-11-22_12-00-00_000000_1").unwrap();
        SessionKey { cluster: ClusterId { namespace: "team".to_owned(), name: name.to_owned() }, session }
    }

    /// Simulates a replica with one session that died at the start, and a store with these contents per check. Returns
    /// the seconds of the checks, and of the load.
    fn history(shows: &[Option<u128>]) -> (Vec<u64>, Option<u64>) {
        let (mut queue, start) = (PrewarmQueue::default(), Instant::now());
        queue.add(key("a"), start, 100);
        let (mut checks, mut shows) = (Vec::new(), shows.iter());
        for second in 0..4_000 {
            let now = start + u32::try_from(second).unwrap() * SECOND;
            if queue.next_check(now, |_| true).is_some() {
                checks.push(second);
                queue.on_checked(&key("a"), shows.next().copied().flatten().map(Stored::of), now);
            }
            if queue.next_load(now, |_| true).is_some() {
                return (checks, Some(second));
            }
        }
        (checks, None)
    }

    /// Loads a session when two checks are equal, and checks ever more rarely until then.
    #[test]
    fn loads_when_two_checks_are_equal() {
        for (shows, checks, loaded) in [
            (vec![Some(1), Some(1)], vec![10, 40], Some(40)),
            (vec![Some(1), Some(2), Some(2)], vec![10, 40, 85], Some(85)),
            (vec![Some(1), Some(2), Some(3), Some(4), Some(4)], vec![10, 40, 85, 153, 255], Some(255)),
            (vec![None, None, Some(1), Some(1)], vec![10, 40, 85, 153], Some(153)),
            (vec![Some(1), None, Some(1), Some(1)], vec![10, 40, 85, 153], Some(153)),
        ] {
            assert_eq!(history(&shows), (checks, loaded), "{shows:?}");
        }
    }

    #[test]
    fn gives_up_when_uploads_never_end() {
        let ever_more: Vec<_> = (0..100).map(Some).collect();
        let (checks, loaded) = history(&ever_more);
        assert_eq!(loaded, None);
        assert!(checks.len() < 14 && checks.last().is_some_and(|last| *last <= 3_600), "{checks:?}");
        assert_eq!(history(&[]).1, None, "nothing was ever stored");
    }

    #[test]
    fn takes_the_most_recent_of_this_replica() {
        let (mut queue, start) = (PrewarmQueue::default(), Instant::now());
        for (n, name) in [(0, "a"), (1, "b"), (2, "c")] {
            queue.add(key(name), start + n * SECOND, 100);
        }
        let now = start + 100 * SECOND;
        let mine = |key: &SessionKey| key.cluster.name != "c";
        assert_eq!(queue.next_check(now, mine), Some(key("b")));
        for name in ["a", "b", "c"] {
            queue.on_checked(&key(name), Some(Stored::of(1)), now - 50 * SECOND);
            queue.on_checked(&key(name), Some(Stored::of(1)), now);
        }
        assert_eq!(queue.next_load(now, mine), Some(key("b")));
        queue.postpone(&key("b"), now);
        assert_eq!(queue.next_load(now, mine), Some(key("a")));
        assert_eq!(queue.next_load(now + RETRY_LOAD, mine), Some(key("b")));
        queue.remove(&key("b"));
        assert_eq!(queue.next_load(now + RETRY_LOAD, mine), Some(key("a")));
        assert_eq!(queue.next_load(now, |_| true), Some(key("c")), "its replica is gone");
        assert_eq!(queue.next_load(now + MAX_AGE, |_| true), None);
    }

    #[test]
    fn a_second_death_resets_the_checks() {
        let (mut queue, start) = (PrewarmQueue::default(), Instant::now());
        queue.add(key("a"), start, 100);
        queue.on_checked(&key("a"), Some(Stored::of(1)), start + 10 * SECOND);
        queue.add(key("a"), start + 20 * SECOND, 100);
        queue.on_checked(&key("a"), Some(Stored::of(1)), start + 30 * SECOND);
        assert_eq!(queue.next_load(start + 30 * SECOND, |_| true), None);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut queue = PrewarmQueue::default();
        for n in 0..500 {
            queue.add(key(&n.to_string()), Instant::now(), 100);
        }
        assert_eq!(queue.waiting.len(), 100);
        assert_eq!(queue.waiting.back().map(|waiting| waiting.key.cluster.name.as_str()), Some("499"));
    }
}
