//! A field that several events set: it keeps the value with the greatest (event time, then content).

use super::Nanos;
use std::cmp::Ordering;

/// A value and the time of the event that set it. Time zero means "never set".
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Latest<T> {
    at: Nanos,
    value: T,
    set: bool,
}

impl<T: Copy + PartialEq + Default> Latest<T> {
    /// A value that an event of that time set.
    pub(super) fn new(at: Nanos, value: T) -> Self {
        Self { at, value, set: true }
    }

    /// The value; the default when none was ever set.
    pub(super) fn get(&self) -> T {
        self.value
    }

    /// The time of the event that set it; zero when none did.
    pub(super) fn at(&self) -> Nanos {
        self.at
    }

    /// Whether any event set it.
    pub(super) fn is_set(&self) -> bool {
        self.set
    }

    /// Changes handles into those of another catalogue.
    pub(super) fn map(self, rename: impl FnOnce(T) -> T) -> Self {
        if self.set { Self { value: rename(self.value), ..self } } else { self }
    }

    /// Keeps the later of the two; `compare` orders contents and is only asked when the times are equal.
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
