//! Things that cannot be seen, or were not, which documents say.

use super::{Record, Records};
use crate::document::{Document, unseen_end};
use crate::facts::{Facts, Subject};
use crate::join::{Table, least};
use crate::time::Time;
use std::collections::BTreeSet;

impl Records {
    /// Notes that an object was not in a full listing: it went at some time since the one before.
    pub fn vanished(&mut self, uid: &str, seen: Time) {
        let pod_of = self.routes.of(uid).map(ToOwned::to_owned);
        if let Some(record) = self.objects.get_mut(uid) {
            let mut gone = record.subject();
            gone.gone_at = Some(seen);
            record.join(Facts { objects: Table::from_iter([gone]), ..Facts::default() }, &mut self.joins);
            self.tell_going_namespace(uid);
        } else if let Some(record) = pod_of.and_then(|owner| self.objects.get_mut(&owner))
            && let Some(pod) = record.facts.pods.get(&uid.to_owned())
        {
            let mut pod = pod.clone();
            least(&mut pod.gone_at, Some(seen));
            record.join(Facts { pods: Table::from_iter([pod]), ..Facts::default() }, &mut self.joins);
        }
    }

    /// Notes that an object went unseen of which only others tell, such as its pods, and this document.
    pub fn missed(&mut self, stored: Document, now: Time) {
        let (object, written_at) = (stored.object.clone(), stored.written_at);
        self.join_stored(stored);
        let unseen = self.facts(&object.uid).and_then(|facts| unseen_end(&object, &facts, written_at, now));
        if let Some(record) = self.objects.get_mut(&object.uid) {
            record.join(Facts { unseen: BTreeSet::from_iter(unseen), ..Facts::default() }, &mut self.joins);
        }
        self.vanished(&object.uid, now);
    }

    /// Returns `true` if anything is known of an object.
    pub fn knows(&self, uid: &str) -> bool {
        self.objects.contains_key(uid)
    }

    /// Returns `true` if the end of an object is known.
    pub fn has_end(&self, uid: &str) -> bool {
        self.objects.get(uid).and_then(Record::own).and_then(Subject::end).is_some()
    }

    /// Notes what cannot be seen of a namespace's objects (of all, without one): a gap of the watch, a permission that
    /// is missing.
    pub fn unseen(&mut self, namespace: Option<&str>, what: &str) {
        let unseen = BTreeSet::from([crate::text::one_line(what, 200)]);
        for record in self.objects.values_mut() {
            // Of objects that went before, everything was seen.
            let over = record.written.as_ref().is_some_and(|written| written.is_final);
            if !over && namespace.is_none_or(|namespace| namespace == record.id.namespace) {
                record.join(Facts { unseen: unseen.clone(), ..Facts::default() }, &mut self.joins);
            }
        }
    }

    /// Notes what cannot be seen of a namespace's objects (of all, without one) until further notice, those included that
    /// are found later.
    pub fn hide(&mut self, namespace: Option<&str>, what: &str) {
        let entry = (namespace.map(str::to_owned), crate::text::one_line(what, 200));
        if self.hidden.insert(entry) {
            self.unseen(namespace, what);
        }
    }

    /// Notes that what could not be seen of a namespace's objects can be seen again.
    pub fn reveal(&mut self, namespace: Option<&str>, what: &str) {
        self.hidden.remove(&(namespace.map(str::to_owned), crate::text::one_line(what, 200)));
    }
}
