//! The way from pods, Jobs and Events to the objects that they belong to, and the facts that wait for one.

use crate::facts::{Facts, Kind};
use crate::join::Join;
use std::collections::BTreeMap;

/// Facts that wait. An Event may be told before its pod, hardly ever much earlier.
const WAITING: usize = 2_000;
/// Ways that are remembered.
const WAYS: usize = 200_000;

/// A name of an object that is not known yet.
type Name = (Kind, String, String);

/// Ways, and facts that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    ways: BTreeMap<String, String>,
    by_uid: BTreeMap<String, Facts>,
    by_name: BTreeMap<Name, BTreeMap<String, Facts>>,
}

impl Routes {
    /// Notes that a pod or a Job belongs to an object.
    pub(super) fn lead(&mut self, thing: &str, object: &str) {
        if !self.ways.contains_key(thing) {
            if self.ways.len() >= WAYS {
                self.ways.pop_first();
            }
            self.ways.insert(thing.to_owned(), object.to_owned());
        }
    }

    /// Returns the object that a thing belongs to.
    pub(super) fn of(&self, thing: &str) -> Option<&str> {
        self.ways.get(thing).map(String::as_str)
    }

    /// Keeps facts until the thing with a uid is known.
    pub(super) fn keep(&mut self, uid: &str, facts: Facts) {
        if uid.is_empty() {
            return;
        }
        if self.by_uid.len() >= WAITING && !self.by_uid.contains_key(uid) {
            self.by_uid.pop_first();
        }
        self.by_uid.entry(uid.to_owned()).or_default().join(facts);
    }

    /// Returns the facts that waited for a thing.
    pub(super) fn take(&mut self, uid: &str) -> Option<Facts> {
        self.by_uid.remove(uid)
    }

    /// Keeps the facts of a thing until the object with a name is known.
    pub(super) fn keep_named(&mut self, kind: Kind, namespace: &str, name: &str, thing: &str, facts: Facts) {
        let name = (kind, namespace.to_owned(), name.to_owned());
        if self.by_name.len() >= WAITING && !self.by_name.contains_key(&name) {
            self.by_name.pop_first();
        }
        let things = self.by_name.entry(name).or_default();
        if things.len() < WAITING {
            things.entry(thing.to_owned()).or_default().join(facts);
        }
    }

    /// Returns the things that waited for an object.
    pub(super) fn take_named(&mut self, kind: Kind, namespace: &str, name: &str) -> BTreeMap<String, Facts> {
        self.by_name.remove(&(kind, namespace.to_owned(), name.to_owned())).unwrap_or_default()
    }

    /// Forgets the things of an object.
    pub(super) fn forget(&mut self, object: &str) {
        self.ways.retain(|_, of| of != object);
        self.by_uid.remove(object);
    }

    /// Returns the bytes of memory.
    pub(super) fn weight(&self) -> usize {
        let ways: usize = self.ways.iter().map(|(thing, object)| thing.len() + object.len() + 64).sum();
        let named = self.by_name.values().flat_map(BTreeMap::values);
        let waiting: usize = self.by_uid.values().chain(named).map(Facts::weight).sum();
        ways + waiting
    }
}
