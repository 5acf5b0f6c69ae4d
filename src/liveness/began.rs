//! When a session began: bounds in Unix microseconds, from its name and from whatever narrows them.
//!
//! Pure. The time in a name is in the head's own zone, which nobody may have written down.

use crate::base::name::SessionName;

const HOUR: i64 = 3_600_000_000;

/// Zones lie between twelve hours behind UTC and fourteen before it.
const BEHIND: i64 = 12 * HOUR;
const BEFORE: i64 = 14 * HOUR;

/// Bounds of a session's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Began {
    /// Not before this.
    pub earliest: i64,
    /// Not after this.
    pub latest: i64,
    /// The best guess between the two: sessions of one cluster are in this order.
    pub guess: i64,
}

impl Began {
    /// What a name alone tells: about a day.
    pub fn from_name(name: &SessionName) -> Self {
        match name.local_micros() {
            Some(local) => Self { earliest: local - BEFORE, latest: local + BEHIND, guess: local },
            None => Self { earliest: i64::MIN, latest: i64::MAX, guess: i64::MIN },
        }
    }

    /// Something of the session was there at this time. The guess stays: whether it is right by some hours does not
    /// matter among sessions of one head, and those of others are told apart by the bounds.
    #[must_use]
    pub fn no_later_than(self, micros: i64) -> Self {
        Self { latest: self.latest.min(micros).max(self.earliest), ..self }
    }
}
