//! Things that cannot be seen, which documents say.

use super::Records;
use crate::facts::Facts;
use std::collections::BTreeSet;

impl Records {
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
