//! What one pass over the store found: sessions, and what is odd.

use super::listing::Oddities;
use super::table::{Builder, Sighting, Source};
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_core::layout::Marker;
use ray_history_storage::Error;

/// A pass that goes on.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sessions: Builder,
    pub(super) unknown_keys: Oddities,
    pub(super) skipped: Oddities,
    pub(super) recognised: bool,
    pub(super) roots_below: Vec<String>,
}

impl Found {
    /// A marker was found, last written at this time, in nanoseconds since 1970.
    pub(super) fn marker(&mut self, marker: &Marker, written: Option<i64>) {
        if !self.can_be_opened(&marker.key, marker.owner.as_ref()) {
            return;
        }
        let seen = Sighting::of(&marker.key, marker.owner.as_ref(), marker.namespace_known);
        let written = written.map(|nanos| nanos / 1_000);
        self.sessions.add(Source::Marker, Sighting { written, ..seen });
    }

    /// A folder with the data of a session was found.
    pub(super) fn data(&mut self, key: &SessionKey, owner: Option<&Owner>, namespace_known: bool) {
        self.recognised = true;
        if !self.can_be_opened(key, owner) {
            return;
        }
        self.sessions.add(Source::Data, Sighting::of(key, owner, namespace_known));
    }

    /// Only what can be asked for is listed: no URL, and no key of some stores, has a part that is `.` or `..`, and a
    /// name with control characters is none of Kubernetes. Others are counted.
    fn can_be_opened(&mut self, key: &SessionKey, owner: Option<&Owner>) -> bool {
        let is_name = |name: &str| name != "." && name != ".." && !name.contains(|c: char| c.is_control() || c == '/');
        let names = [Some(&key.cluster.namespace), Some(&key.cluster.name), owner.map(|owner| &owner.name)];
        let all = names.into_iter().flatten().all(|name| is_name(name));
        if !all {
            self.unknown_keys.add(&key.to_string());
        }
        all
    }

    /// Some places could not be listed.
    pub(super) fn skip<'a>(&mut self, errors: impl IntoIterator<Item = &'a Error>) {
        for error in errors {
            self.skipped.add(&error.to_string());
        }
    }
}
