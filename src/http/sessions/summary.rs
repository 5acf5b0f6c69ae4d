//! A session's summary, available without loading it: its state, evidence that it is dead, its last write, and the time
//! zone of its head's clock.
//!
//! The state (`live`, `dead`, `unknown`) comes from the watch of clusters. Without a watch, the listing may contain
//! evidence, and so may the open session. The zone comes from the open session, or from what was read of its jobs. No
//! object is read for a summary.

use crate::http::state::State;
use jiff::{SignedDuration, Timestamp};
use ray_history_core::snapshot::run_facts::RunFacts;
use ray_history_session::catalog::Entry;
use ray_history_session::liveness::State as Life;
use ray_history_session::{Ended, KnownBy, OpenSession};

/// The summary of one session.
#[derive(Debug)]
pub(in crate::http) struct Summary {
    pub(in crate::http) state: Life,
    /// `true` if only the manifest of its head tells the state.
    pub(in crate::http) by_manifest: bool,
    /// Evidence that it is dead, if the state does not report it.
    pub(in crate::http) ended: Option<Ended>,
    /// Time of the last event of an open session, else the time at which its marker was written.
    pub(in crate::http) last_write: Option<Timestamp>,
    /// Minutes by which the head's clock is ahead of UTC.
    pub(in crate::http) zone: Option<i64>,
    /// The start of the head, if the zone is known.
    pub(in crate::http) started: Option<Timestamp>,
    open: bool,
}

/// Largest offset from UTC, in microseconds. A marker that is older than its session by more is ignored.
const WIDEST_ZONE: i64 = 14 * 60 * 60 * 1_000_000;
/// Time without events that is reported. Collectors store events every few minutes, so shorter gaps are normal.
const SILENCE: SignedDuration = SignedDuration::from_mins(10);

impl Summary {
    /// Returns the summary of a session, with the details of an open one.
    pub(in crate::http) fn of(state: &State, entry: &Entry) -> Self {
        let known = state.sessions.known_state(&entry.key);
        let open = state.sessions.peek(&entry.key);
        let ended = state.sessions.ended(&entry.key, open.as_deref());
        let facts = state.sessions.known_facts(&entry.key);
        Self::from(entry, open.as_deref(), facts.as_deref(), known, ended)
    }

    /// Returns the summary from the listing, the watches, manifests and the facts of jobs: the same on all replicas that
    /// have read these, whatever sessions they have open.
    pub(in crate::http) fn listed(state: &State, entry: &Entry) -> Self {
        let known = state.sessions.known_state(&entry.key);
        let ended = state.sessions.listed_as_ended(&entry.key).filter(|_| known.0 == Life::Unknown);
        let facts = state.sessions.known_facts(&entry.key);
        Self::from(entry, None, facts.as_deref(), known, ended)
    }

    fn from(
        entry: &Entry,
        open: Option<&OpenSession>,
        facts: Option<&RunFacts>,
        (state, by): (Life, Option<KnownBy>),
        ended: Option<Ended>,
    ) -> Self {
        let started = entry.key.session.local_micros();
        let as_of = open.map(|open| open.snapshot.as_of).filter(|as_of| *as_of > 0);
        let written = entry.written.filter(|written| started.is_none_or(|at| *written > at - WIDEST_ZONE));
        let last_write = match as_of {
            Some(nanos) => Timestamp::from_nanosecond(nanos.into()).ok(),
            None => written.and_then(|micros| Timestamp::from_microsecond(micros).ok()),
        };
        let zone = open.and_then(|open| open.snapshot.zone_minutes()).or_else(|| facts?.zone_minutes);
        let started = zone.zip(started).and_then(|(minutes, local)| {
            Timestamp::from_microsecond(local.checked_sub(minutes.checked_mul(60_000_000)?)?).ok()
        });
        let by_manifest = by == Some(KnownBy::Manifest);
        Self { state, by_manifest, ended, last_write, zone, started, open: as_of.is_some() }
    }

    /// Returns a CSS class and the text of the state.
    pub(in crate::http) fn word(&self) -> (&'static str, String) {
        let silent = self.last_write.filter(|_| self.open).map(|at| Timestamp::now().duration_since(at));
        match (self.state, self.ended, silent) {
            (Life::Unknown, Some(_), _) => ("dead", "ended".to_owned()),
            (Life::Unknown, None, Some(silent)) if silent >= SILENCE => {
                ("unknown", format!("no event for {}", span(silent)))
            }
            (state, ..) => (state.as_str(), state.as_str().to_owned()),
        }
    }

    /// Explains the state in a sentence.
    pub(in crate::http) fn sentence(&self) -> &'static str {
        match (self.state, self.ended) {
            (Life::Live, _) if self.by_manifest => "The collector of its head wrote its manifest within three minutes.",
            (Life::Dead, _) if self.by_manifest => "The collector of its head closed its manifest.",
            (Life::Live, _) => "Its cluster is running.",
            (Life::Dead, _) => "Its cluster is gone, or has a newer session.",
            (Life::Unknown, Some(Ended::NewerSession)) => "Its cluster has a newer session.",
            (Life::Unknown, Some(Ended::Marker)) => "Its head wrote its end marker.",
            (Life::Unknown, Some(Ended::HeadLog)) => "Its head's log says that it was told to stop.",
            (Life::Unknown, None) => "Its cluster is not watched, so it may be running or gone.",
        }
    }

    /// Describes the last write.
    pub(in crate::http) fn last_write_title(&self) -> &'static str {
        if self.open { "its last event" } else { "its marker was written" }
    }
}

/// Returns a time in a zone given in minutes, or in UTC, followed by the zone.
pub(in crate::http) fn local(at: Timestamp, zone: Option<i64>) -> String {
    let ahead = SignedDuration::from_mins(zone.unwrap_or(0));
    let there = at.checked_add(ahead).unwrap_or(at);
    format!("{} UTC{}", there.strftime("%Y-%m-%d %H:%M:%S"), zone.map_or_else(String::new, offset))
}

/// Returns the offset of a zone given in minutes, such as `+05:30`.
pub(in crate::http) fn offset(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// Returns a duration in its largest unit, such as `6 days`.
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
        Summary { state, by_manifest: false, ended, last_write, zone: None, started: None, open }
    }

    #[test]
    fn word_reports_state_and_silence() {
        for (summary, word) in [
            (summary(Life::Live, None, true, 0), "live"),
            (summary(Life::Dead, None, true, 200), "dead"),
            (summary(Life::Unknown, Some(Ended::Marker), false, 200), "ended"),
            (summary(Life::Unknown, None, true, 145), "no event for 6 days"),
            (summary(Life::Unknown, None, true, 3), "no event for 3 hours"),
            (summary(Life::Unknown, None, true, 0), "unknown"),
            // Without an open session only the marker is known, and later data may exist.
            (summary(Life::Unknown, None, false, 145), "unknown"),
        ] {
            assert_eq!(summary.word().1, word, "{summary:?}");
        }
    }

    #[test]
    fn times_include_the_zone() {
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
