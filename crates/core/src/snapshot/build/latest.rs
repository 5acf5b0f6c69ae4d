//! Field that several events set; it keeps the value with the greatest (event time, then content).

use super::Nanos;
use std::cmp::Ordering;

/// Value and time of the event that set it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Latest<T> {
    at: Nanos,
    value: T,
    set: bool,
}

impl<T: Copy + PartialEq + Default> Latest<T> {
    /// Creates a value set by an event at time `at`.
    pub(super) fn new(at: Nanos, value: T) -> Self {
        Self { at, value, set: true }
    }

    /// Returns the value; the default if none was set.
    pub(super) fn get(&self) -> T {
        self.value
    }

    /// Returns the time of the event that set it; zero if none did.
    pub(super) fn at(&self) -> Nanos {
        self.at
    }

    /// Returns `true` if an event set it.
    pub(super) fn is_set(&self) -> bool {
        self.set
    }

    /// Applies `rename` to the value, to translate handles into those of another catalogue.
    pub(super) fn map(self, rename: impl FnOnce(T) -> T) -> Self {
        if self.set { Self { value: rename(self.value), ..self } } else { self }
    }

    /// Keeps the later of the two values. `compare` orders contents and is called only if the times are equal.
    pub(super) fn join(&mut self, other: Self, compare: impl FnOnce(T, T) -> Ordering) {
        if !other.set {
            return;
        }
        let later = !self.set
            || match other.at.cmp(&self.at) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal => other.value != self.value && compare(other.value, self.value).is_gt(),
            };
        if later {
            *self = other;
        }
    }
}
