//! Joining: commutative, associative and idempotent, so that order, repeats and several writers change nothing.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// A value that joins with another observation of the same thing.
pub trait Join {
    /// Joins the other observation into this one.
    fn join(&mut self, other: Self);
}

/// Keeps the lesser of the values that are set.
pub fn least<T: Ord>(value: &mut Option<T>, other: Option<T>) {
    if let Some(other) = other
        && value.as_ref().is_none_or(|value| other < *value)
    {
        *value = Some(other);
    }
}

/// Keeps the greater of two values; those that are not set are the least.
pub fn greatest<T: Ord>(value: &mut T, other: T) {
    if other > *value {
        *value = other;
    }
}

/// A thing that is known by a key.
pub trait Keyed: Join {
    /// The key.
    type Key: Ord;

    /// Returns the key.
    fn key(&self) -> Self::Key;
}

/// Things by their key; on the wire an array.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<T: Keyed>(BTreeMap<T::Key, T>);

impl<T: Keyed> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Keyed> Table<T> {
    /// Joins one thing.
    pub fn add(&mut self, thing: T) {
        match self.0.entry(thing.key()) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(thing);
            }
            std::collections::btree_map::Entry::Occupied(mut present) => present.get_mut().join(thing),
        }
    }

    /// Returns the thing with a key.
    pub fn get(&self, key: &T::Key) -> Option<&T> {
        self.0.get(key)
    }

    /// Returns the things in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.values()
    }

    /// Returns the number of things.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes the thing with a key.
    pub fn remove(&mut self, key: &T::Key) -> Option<T> {
        self.0.remove(key)
    }

    /// Keeps the `count` things with the greatest rank, and returns the others.
    pub fn keep_greatest<R: Ord>(&mut self, count: usize, rank: impl Fn(&T) -> R) -> Vec<T> {
        if self.0.len() <= count {
            return Vec::new();
        }
        let mut all: Vec<T> = std::mem::take(&mut self.0).into_values().collect();
        // A stable sort: things of one rank stay in the order of their keys.
        all.sort_by_key(|thing| std::cmp::Reverse(rank(thing)));
        let rest = all.split_off(count);
        self.0 = all.into_iter().map(|thing| (thing.key(), thing)).collect();
        rest
    }
}

impl<T: Keyed> Join for Table<T> {
    fn join(&mut self, other: Self) {
        for thing in other.0.into_values() {
            self.add(thing);
        }
    }
}

impl<T: Keyed> FromIterator<T> for Table<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut table = Self::default();
        for thing in things {
            table.add(thing);
        }
        table
    }
}

impl<T: Keyed + Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values())
    }
}

impl<'de, T: Keyed + Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<T>::deserialize(deserializer)?.into_iter().collect())
    }
}
