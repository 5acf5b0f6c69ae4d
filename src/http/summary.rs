//! The summary of a session that needs no load: its state and the sign that it is dead, in words, its last write, and
//! the zone of its head's clock.
//!
//! The state (`live`, `dead`, `unknown`) is what the watch of clusters knows. Where nothing watches, the listing may
//! know more, and the session itself while it is open. No object is read for it.

use super::state::State;
use crate::liveness::State as Life;
use crate::session::catalog::Entry;
use crate::session::{Ended, OpenSession};
use jiff::{SignedDuration, Timestamp};
use ray_history_core::ray_api::metadata::offset_minutes;

/// Everything known of one session without loading it.
#[derive(Debug)]
pub(super) struct Summary {
    state: Life,
    /// The sign that it is dead, where the state does not say so.
    pub(super) ended: Option<Ended>,
    /// The last event of a session that is open; else when its marker was written.
    pub(super) last_write: Option<Timestamp>,
    /// Minutes by which the head's clock is ahead of UTC; known while the session is open.
    pub(super) zone: Option<i64>,
    /// The start of the head, where the zone is known.
    pub(super) started: Option<Timestamp>,
    open: bool,
}

/// Clocks are at most so far from UTC: a marker that is older than its session by more tells nothing.
const WIDEST_ZONE: i64 = 14 * 60 * 60 * 1_000_000;
/// Collectors store events every few minutes: shorter silence is none.
const SILENCE: SignedDuration = SignedDuration::from_mins(10);

impl Summary {
    /// Returns that of a session, with what only an open one tells.
    pub(super) fn of(state: &State, entry: &Entry) -> Self {
        Self::from(state, entry, state.sessions.peek(&entry.key).as_deref())
    }

    /// Returns that of a session by the listing alone, the same on all replicas whatever they have open.
    pub(super) fn listed(state: &State, entry: &Entry) -> Self {
        Self::from(state, entry, None)
    }

    fn from(state: &State, entry: &Entry, open: Option<&OpenSession>) -> Self {
        let started = entry.key.session.local_micros();
        let as_of = open.map(|open| open.snapshot.as_of).filter(|as_of| *as_of > 0);
        let written = entry.written.filter(|written| started.is_none_or(|at| *written > at - WIDEST_ZONE));
        let last_write = match as_of {
            Some(nanos) => Timestamp::from_nanosecond(nanos.into()).ok(),
            None => written.and_then(|micros| Timestamp::from_microsecond(micros).ok()),
        };
        let zone = open.and_then(|open| offset_minutes(&open.snapshot));
        let started = zone.zip(started).and_then(|(minutes, local)| {
            Timestamp::from_microsecond(local.checked_sub(minutes.checked_mul(60_000_000)?)?).ok()
        });
        let ended = state.sessions.ended(&entry.key, open);
        Self { state: state.sessions.state(&entry.key), ended, last_write, zone, started, open: as_of.is_some() }
    }

    /// Returns a class for style sheets, and the word for people.
    pub(super) fn word(&self) -> (&'static str, String) {
        let silent = self.last_write.filter(|_| self.open).map(|at| Timestamp::now().duration_since(at));
        match (self.state, self.ended, silent) {
            (Life::Unknown, Some(_), _) => ("dead", "ended".to_owned()),
            (Life::Unknown, None, Some(silent)) if silent >= SILENCE => {
                ("unknown", format!("no event for {}", span(silent)))
            }
            (state, ..) => (state.as_str(), state.as_str().to_owned()),
        }
    }

    /// Explains the word.
    pub(super) fn sentence(&self) -> &'static str {
        match (self.state, self.ended) {
            (Life::Live, _) => "Its cluster is running.",
            (Life::Dead, _) => "Its cluster is gone, or has a newer session.",
            (Life::Unknown, Some(Ended::NewerSession)) => "Its cluster has a newer session.",
            (Life::Unknown, Some(Ended::Marker)) => "Its head said so: its marker was written at the end.",
            (Life::Unknown, Some(Ended::HeadLog)) => "Its head's log says that it was told to stop.",
            (Life::Unknown, None) => "Nothing watches its cluster, so it may be running or gone.",
        }
    }

    /// Names the last write.
    pub(super) fn what_was_last(&self) -> &'static str {
        if self.open { "its last event" } else { "its marker was written" }
    }
}

/// Returns a moment in a zone, given in minutes, or in UTC; with the zone behind it.
pub(super) fn local(at: Timestamp, zone: Option<i64>) -> String {
    let ahead = SignedDuration::from_mins(zone.unwrap_or(0));
    let there = at.checked_add(ahead).unwrap_or(at);
    format!("{} UTC{}", there.strftime("%Y-%m-%d %H:%M:%S"), zone.map_or_else(String::new, offset))
}

/// Returns `+05:30`, the offset of a zone given in minutes.
pub(super) fn offset(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// Returns `6 days`: the span in the largest unit that fits.
fn span(long: SignedDuration) -> String {
    let minutes = long.as_mins();
    let (number, unit) = match minutes {
        ..120 => (minutes, "minute"),
        120..2_880 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(state: Life, ended: Option<Ended>, open: bool, hours_ago: i64) -> Summary {
        let last_write = Some(Timestamp::now() - SignedDuration::from_hours(hours_ago));
        Summary { state, ended, last_write, zone: None, started: None, open }
    }

    #[test]
    fn the_word_says_what_is_known() {
        for (summary, word) in [
            (summary(Life::Live, None, true, 0), "live"),
            (summary(Life::Dead, None, true, 200), "dead"),
            (summary(Life::Unknown, Some(Ended::Marker), false, 200), "ended"),
            (summary(Life::Unknown, None, true, 145), "no event for 6 days"),
            (summary(Life::Unknown, None, true, 3), "no event for 3 hours"),
            (summary(Life::Unknown, None, true, 0), "unknown"),
            // Of one that is not open only the marker is known, and data may have come later.
            (summary(Life::Unknown, None, false, 145), "unknown"),
        ] {
            assert_eq!(summary.word().1, word, "{summary:?}");
        }
    }

    #[test]
    fn times_have_their_zone() {
        let at: Timestamp = "2026-11-22T23:20:35Z".parse().unwrap();
        for (zone, text) in [
            (None, "2026-11-22 23:20:35 UTC"),
            (Some(0), "2026-11-22 23:20:35 UTC+00:00"),
            (Some(330), "2026-11-23 04:50:35 UTC+05:30"),
            (Some(-210), "2026-11-22 19:50:35 UTC-03:30"),
        ] {
            assert_eq!(local(at, zone), text);
        }
        assert_eq!(span(SignedDuration::from_mins(60 * 24 * 2)), "2 days");
    }
}
