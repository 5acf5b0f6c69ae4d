//! Marks and pins of a store, as they were last listed.

use crate::error::{Deletion, Error};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_retention::{Phase, Pins, Tombstone, Tombstones, time};

/// Marks and pins as they were last listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// The marks.
    pub tombstones: Tombstones,
    /// The pins.
    pub pins: Pins,
    /// `true` once they were listed.
    pub is_listed: bool,
}

/// The deletion that waits for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The time before which it is not deleted.
    pub not_before: Nanos,
    /// The sentence that says why.
    pub reason: String,
}

impl Marks {
    /// Returns the deletion that waits for a session; `None` if it is not marked.
    pub fn expiry(&self, key: &SessionKey) -> Option<Expiry> {
        let mark = self.marked(key)?;
        Some(Expiry { not_before: mark.not_before, reason: mark.reason.clone() })
    }

    /// Returns `true` if a session is marked.
    pub fn is_marked(&self, key: &SessionKey) -> bool {
        self.marked(key).is_some()
    }

    fn marked(&self, key: &SessionKey) -> Option<&Tombstone> {
        self.mark(key).filter(|mark| mark.phase == Phase::Marked)
    }

    fn mark(&self, key: &SessionKey) -> Option<&Tombstone> {
        self.tombstones.get(key)?.tombstone.as_ref()
    }

    /// Returns the error for a session that is being deleted or was.
    pub(crate) fn deleted(&self, key: &SessionKey) -> Option<Error> {
        let mark = self.mark(key).filter(|mark| mark.hides())?;
        let (day, is_over) = (time::day(mark.changed), mark.phase == Phase::Deleted);
        Some(Error::Deleted(key.clone(), Box::new(Deletion { day, reason: mark.reason.clone(), is_over })))
    }

    /// Returns the time from which the next session may be deleted, as far as marks tell; zero while one is.
    pub(super) fn next_deletion(&self) -> Option<Nanos> {
        let marks = self.tombstones.iter().filter_map(|(_, stored)| stored.tombstone.as_ref());
        let times = marks.filter_map(|mark| match mark.phase {
            Phase::Marked => Some(mark.not_before),
            Phase::Deleting => Some(0),
            _ => None,
        });
        times.min()
    }
}
