//! Bounds of a session's start, in Unix microseconds: from its name, narrowed by later evidence.
//!
//! Pure. The time in a name is in the head's own zone, which may be unknown.

use ray_history_core::base::name::SessionName;

const HOUR: i64 = 3_600_000_000;

/// Time zones lie between twelve hours behind UTC and fourteen ahead of it.
const BEHIND: i64 = 12 * HOUR;
const AHEAD: i64 = 14 * HOUR;

/// Bounds of a session's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartBounds {
    /// The earliest possible start.
    pub earliest: i64,
    /// The latest possible start.
    pub latest: i64,
    /// The best guess between the two; it orders the sessions of one cluster.
    pub guess: i64,
}

impl StartBounds {
    /// Returns the bounds from a name alone, about a day apart.
    pub fn from_name(name: &SessionName) -> Self {
        match name.local_micros() {
            Some(local) => Self { earliest: local - AHEAD, latest: local + BEHIND, guess: local },
            None => Self { earliest: i64::MIN, latest: i64::MAX, guess: i64::MIN },
        }
    }

    /// Narrows the bounds: something of the session existed at this time. The guess stays, because an error of some
    /// hours does not matter among sessions of one head, and other heads' sessions are separated by the bounds.
    #[must_use]
    pub fn no_later_than(self, micros: i64) -> Self {
        Self { latest: self.latest.min(micros).max(self.earliest), ..self }
    }
}
