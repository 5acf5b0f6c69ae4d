//! The result of one pass over the store: sessions, and oddities.

use super::listing::Oddities;
use super::table::{Builder, Sighting, Source};
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_core::layout::Marker;
use ray_history_storage::Error;

/// The sessions and oddities that a pass has found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sessions: Builder,
    pub(super) unknown_keys: Oddities,
    pub(super) skipped: Oddities,
    pub(super) recognised: bool,
    pub(super) roots_below: Vec<String>,
}

impl Found {
    /// Adds a session whose marker was last written at `written`, in nanoseconds since 1970.
    pub(super) fn marker(&mut self, marker: &Marker, written: Option<i64>) {
        if !self.can_be_opened(&marker.key, marker.owner.as_ref()) {
            return;
        }
        let seen = Sighting::of(&marker.key, marker.owner.as_ref(), marker.namespace_known);
        let written = written.map(|nanos| nanos / 1_000);
        self.sessions.add(Source::Marker, Sighting { written, ..seen });
    }

    /// Adds a session whose data folder was found.
    pub(super) fn data(&mut self, key: &SessionKey, owner: Option<&Owner>, namespace_known: bool) {
        self.recognised = true;
        if !self.can_be_opened(key, owner) {
            return;
        }
        self.sessions.add(Source::Data, Sighting::of(key, owner, namespace_known));
    }

    /// Returns `true` if a request can name the session, and counts it as odd otherwise: no URL, and no key of some
    /// stores, has a part that is `.` or `..`, and Kubernetes names have no control characters.
    fn can_be_opened(&mut self, key: &SessionKey, owner: Option<&Owner>) -> bool {
        let is_name = |name: &str| name != "." && name != ".." && !name.contains(|c: char| c.is_control() || c == '/');
        let names = [Some(&key.cluster.namespace), Some(&key.cluster.name), owner.map(|owner| &owner.name)];
        let all = names.into_iter().flatten().all(|name| is_name(name));
        if !all {
            self.unknown_keys.add(&key.to_string());
        }
        all
    }

    /// Counts places that could not be listed.
    pub(super) fn skip<'a>(&mut self, errors: impl IntoIterator<Item = &'a Error>) {
        for error in errors {
            self.skipped.add(&error.to_string());
        }
    }
}
