//! Sessions that have died and are to be loaded before anybody asks. Pure: told what died, what was stored, and when.
//!
//! Owns the order (most recent first), the bound, and when uploads have gone quiet: two looks at the listing, some time
//! apart, show the same. Who loads decides whether there is room; who asks, whether it is this replica's turn.

use crate::session::Stored;
use ray_history_core::base::name::SessionKey;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// The first look: pods that are stopped upload their last files within their grace period.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Between two looks at first; half as much again after each that shows something new, up to the longest.
const LOOKS: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(10);

/// After a load for which there was no room.
const NO_ROOM: Duration = Duration::from_secs(10);

/// A session that could not be loaded meanwhile is let go: whoever wants it loads it.
const WORTH: Duration = Duration::from_hours(1);

/// Sessions to be loaded, the oldest in front.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    key: SessionKey,
    died: Instant,
    /// What the last look showed.
    stored: Option<Stored>,
    quiet: bool,
    /// Nothing is to be done before.
    due: Instant,
    /// Until the next look.
    pause: Duration,
}

impl Queue {
    /// A session died.
    pub(super) fn died(&mut self, key: SessionKey, now: Instant, most: usize) {
        self.done(&key);
        let due = now + FIRST_LOOK;
        self.waiting.push_back(Waiting { key, died: now, stored: None, quiet: false, due, pause: LOOKS });
        while self.waiting.len() > most {
            self.waiting.pop_front();
        }
    }

    /// The session to look at now: the most recent whose turn it is.
    pub(super) fn look(&mut self, now: Instant, mine: impl Fn(&SessionKey) -> bool) -> Option<SessionKey> {
        self.next(now, false, mine)
    }

    /// The session to load now: the most recent of those whose uploads have gone quiet.
    pub(super) fn load(&mut self, now: Instant, mine: impl Fn(&SessionKey) -> bool) -> Option<SessionKey> {
        self.next(now, true, mine)
    }

    /// What a look showed; nothing, when the store has nothing or gave no answer.
    pub(super) fn looked(&mut self, key: &SessionKey, stored: Option<Stored>, now: Instant) {
        let Some(waiting) = self.find(key) else { return };
        waiting.quiet = stored.is_some() && waiting.stored == stored;
        waiting.stored = stored;
        waiting.due = if waiting.quiet { now } else { now + waiting.pause };
        waiting.pause = (waiting.pause * 3 / 2).min(LONGEST);
    }

    /// There was no room for a session.
    pub(super) fn no_room(&mut self, key: &SessionKey, now: Instant) {
        if let Some(waiting) = self.find(key) {
            waiting.due = now + NO_ROOM;
        }
    }

    /// A session was loaded, or turned out not to be worth it.
    pub(super) fn done(&mut self, key: &SessionKey) {
        self.waiting.retain(|waiting| waiting.key != *key);
    }

    fn next(&mut self, now: Instant, quiet: bool, mine: impl Fn(&SessionKey) -> bool) -> Option<SessionKey> {
        self.waiting.retain(|waiting| now.duration_since(waiting.died) <= WORTH);
        let mut ready = self.waiting.iter().rev().filter(|waiting| waiting.quiet == quiet && waiting.due <= now);
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

    /// What a replica that acts at once does with one session that died at the start: seconds of looks, and of the
    /// load. The store shows these, look by look.
    fn history(shows: &[Option<u128>]) -> (Vec<u64>, Option<u64>) {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.died(key("a"), start, 100);
        let (mut looks, mut shows) = (Vec::new(), shows.iter());
        for second in 0..4_000 {
            let now = start + u32::try_from(second).unwrap() * SECOND;
            if queue.look(now, |_| true).is_some() {
                looks.push(second);
                queue.looked(&key("a"), shows.next().copied().flatten().map(Stored::of), now);
            }
            if queue.load(now, |_| true).is_some() {
                return (looks, Some(second));
            }
        }
        (looks, None)
    }

    #[test]
    fn a_session_is_loaded_when_two_looks_show_the_same_and_looked_at_ever_more_rarely_until_then() {
        for (shows, looks, loaded) in [
            (vec![Some(1), Some(1)], vec![10, 40], Some(40)),
            (vec![Some(1), Some(2), Some(2)], vec![10, 40, 85], Some(85)),
            (vec![Some(1), Some(2), Some(3), Some(4), Some(4)], vec![10, 40, 85, 153, 255], Some(255)),
            (vec![None, None, Some(1), Some(1)], vec![10, 40, 85, 153], Some(153)),
            (vec![Some(1), None, Some(1), Some(1)], vec![10, 40, 85, 153], Some(153)),
        ] {
            assert_eq!(history(&shows), (looks, loaded), "{shows:?}");
        }
    }

    #[test]
    fn a_session_that_never_goes_quiet_is_let_go_after_few_looks() {
        let ever_more: Vec<_> = (0..100).map(Some).collect();
        let (looks, loaded) = history(&ever_more);
        assert_eq!(loaded, None);
        assert!(looks.len() < 14 && looks.last().is_some_and(|last| *last <= 3_600), "{looks:?}");
        assert_eq!(history(&[]).1, None, "nothing was ever stored");
    }

    #[test]
    fn the_most_recent_comes_first_and_what_is_another_replicas_is_left_to_it() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        for (n, name) in [(0, "a"), (1, "b"), (2, "c")] {
            queue.died(key(name), start + n * SECOND, 100);
        }
        let now = start + 100 * SECOND;
        let mine = |key: &SessionKey| key.cluster.name != "c";
        assert_eq!(queue.look(now, mine), Some(key("b")));
        for name in ["a", "b", "c"] {
            queue.looked(&key(name), Some(Stored::of(1)), now - 50 * SECOND);
            queue.looked(&key(name), Some(Stored::of(1)), now);
        }
        assert_eq!(queue.load(now, mine), Some(key("b")));
        queue.no_room(&key("b"), now);
        assert_eq!(queue.load(now, mine), Some(key("a")));
        assert_eq!(queue.load(now + NO_ROOM, mine), Some(key("b")));
        queue.done(&key("b"));
        assert_eq!(queue.load(now + NO_ROOM, mine), Some(key("a")));
        assert_eq!(queue.load(now, |_| true), Some(key("c")), "its replica is gone");
        assert_eq!(queue.load(now + WORTH, |_| true), None);
    }

    #[test]
    fn a_session_that_dies_again_begins_anew() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.died(key("a"), start, 100);
        queue.looked(&key("a"), Some(Stored::of(1)), start + 10 * SECOND);
        queue.died(key("a"), start + 20 * SECOND, 100);
        queue.looked(&key("a"), Some(Stored::of(1)), start + 30 * SECOND);
        assert_eq!(queue.load(start + 30 * SECOND, |_| true), None);
    }

    #[test]
    fn no_more_sessions_wait_than_could_be_kept() {
        let mut queue = Queue::default();
        for n in 0..500 {
            queue.died(key(&n.to_string()), Instant::now(), 100);
        }
        assert_eq!(queue.waiting.len(), 100);
        assert_eq!(queue.waiting.back().map(|waiting| waiting.key.cluster.name.as_str()), Some("499"));
    }
}
