//! The order in which rollups are brought up to date. Pure: gets times as arguments.

use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::Day;
use ray_history_persist::{Days, MOST_AT_ONCE};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// Interval at which news is listed.
const LOOK: Duration = Duration::from_mins(1);
/// Time between two writes of the rollups of a day.
const WRITE: Duration = Duration::from_mins(5);
/// Interval at which all heads are compared with rollups.
const COMPARE: Duration = Duration::from_hours(24);
/// Sessions that wait in memory; the next comparison finds those beyond.
const MOST: usize = 100_000;

/// The next step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// All heads are compared with rollups.
    Compare,
    /// News is listed.
    Look,
    /// The rows of these sessions of one day are brought up to date.
    RollUp(Day, Vec<SessionKey>),
    /// The views are written, if they are others.
    Views,
}

/// The sessions that wait, and what was done when.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    waiting: BTreeMap<Day, BTreeSet<SessionKey>>,
    written: HashMap<Day, Instant>,
    looked: Option<Instant>,
    compared: Option<Instant>,
    viewed: Option<Instant>,
}

impl Schedule {
    /// Returns what is to be done next. First after the start all heads are compared, because nobody may have led before.
    pub(super) fn next(&mut self, now: Instant) -> Option<Action> {
        let is_due = |last: Option<Instant>, pause| last.is_none_or(|last| now >= last + pause);
        if is_due(self.compared, COMPARE) {
            return Some(Action::Compare);
        }
        if is_due(self.looked, LOOK) {
            return Some(Action::Look);
        }
        self.written.retain(|_, written| now < *written + WRITE);
        // The newest day is what people ask for.
        if let Some((day, sessions)) = self.waiting.iter().rev().find(|(day, _)| !self.written.contains_key(day)) {
            return Some(Action::RollUp(*day, sessions.iter().take(MOST_AT_ONCE).cloned().collect()));
        }
        is_due(self.viewed, COMPARE).then_some(Action::Views)
    }

    /// Notes that the views are up to date.
    pub(super) fn viewed(&mut self, now: Instant) {
        self.viewed = Some(now);
    }

    /// Takes sessions that wait, which were found by listing news.
    pub(super) fn looked(&mut self, found: Days, now: Instant) {
        self.looked = Some(now);
        self.add(found);
    }

    /// Takes sessions that wait, which were found by comparison.
    pub(super) fn compared(&mut self, found: Days, now: Instant) {
        self.compared = Some(now);
        self.add(found);
    }

    /// Notes that sessions of a day were brought up to date, or tried.
    pub(super) fn rolled(&mut self, day: Day, sessions: &[SessionKey], is_done: bool, now: Instant) {
        self.written.insert(day, now);
        if is_done && let Some(waiting) = self.waiting.get_mut(&day) {
            for session in sessions {
                waiting.remove(session);
            }
            if waiting.is_empty() {
                self.waiting.remove(&day);
            }
        }
    }

    fn add(&mut self, found: Days) {
        let mut room = MOST.saturating_sub(self.waiting.values().map(BTreeSet::len).sum());
        for (day, sessions) in found.into_iter().rev() {
            let waiting = self.waiting.entry(day).or_default();
            for session in sessions.into_iter().take(room) {
                room -= usize::from(waiting.insert(session));
            }
            if waiting.is_empty() {
                self.waiting.remove(&day);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    fn key(day: u32, n: usize) -> SessionKey {
        let session = SessionName::parse(&format!("session_2026-11-{day}_23-11-33_821800_{n}")).unwrap();
        SessionKey { cluster: ClusterId { namespace: "ml".into(), name: "rc".into() }, session }
    }

    fn days(keys: &[SessionKey]) -> Days {
        let mut days = Days::new();
        for key in keys {
            days.entry(Day::of(&key.session)).or_default().push(key.clone());
        }
        days
    }

    #[test]
    fn heads_are_compared_first_and_news_each_minute() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        assert_eq!(schedule.next(start), Some(Action::Compare));
        schedule.compared(Days::new(), start);
        assert_eq!(schedule.next(start), Some(Action::Look));
        schedule.looked(Days::new(), start);
        assert_eq!(schedule.next(start), Some(Action::Views));
        schedule.viewed(start);
        assert_eq!(schedule.next(start), None);
        assert_eq!(schedule.next(start + LOOK), Some(Action::Look));
        schedule.looked(Days::new(), start + COMPARE);
        assert_eq!(schedule.next(start + COMPARE), Some(Action::Compare));
    }

    #[test]
    fn a_day_is_written_once_in_five_minutes() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        schedule.viewed(start);
        schedule.compared(days(&[key(22, 1)]), start);
        schedule.looked(days(&[key(22, 1), key(23, 1)]), start);
        let (first, second) = (Day::of(&key(22, 1).session), Day::of(&key(23, 1).session));
        assert_eq!(schedule.next(start), Some(Action::RollUp(second, vec![key(23, 1)])));
        schedule.rolled(second, &[key(23, 1)], true, start);
        assert_eq!(schedule.next(start), Some(Action::RollUp(first, vec![key(22, 1)])));
        // It came to nothing, and waits as those do that come meanwhile.
        schedule.rolled(first, &[key(22, 1)], false, start);
        schedule.looked(days(&[key(22, 2), key(23, 2)]), start + LOOK);
        assert_eq!(schedule.next(start + LOOK), None);
        schedule.looked(Days::new(), start + WRITE);
        assert_eq!(schedule.next(start + WRITE), Some(Action::RollUp(second, vec![key(23, 2)])));
        schedule.rolled(second, &[key(23, 2)], true, start + WRITE);
        assert_eq!(schedule.next(start + WRITE), Some(Action::RollUp(first, vec![key(22, 1), key(22, 2)])));
    }

    #[test]
    fn many_sessions_are_taken_in_parts() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let all: Vec<SessionKey> = (0..=MOST_AT_ONCE).map(|n| key(22, n)).collect();
        schedule.compared(days(&all), now);
        schedule.looked(Days::new(), now);
        let Some(Action::RollUp(day, first)) = schedule.next(now) else { panic!("nothing to do") };
        assert_eq!(first.len(), MOST_AT_ONCE);
        schedule.rolled(day, &first, true, now);
        schedule.looked(Days::new(), now + WRITE);
        let Some(Action::RollUp(_, second)) = schedule.next(now + WRITE) else { panic!("nothing to do") };
        assert_eq!(second.len(), 1);
    }
}
