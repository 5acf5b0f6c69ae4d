//! The listing of all sessions that readers of the catalog get.

use super::row_states::RowStates;
use super::table::{Row, Table};
use super::visible::Visible;
use crate::liveness::{State, Watched};
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::time::Instant;

/// One stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The session.
    pub key: SessionKey,
    /// The owner of the cluster, if a marker or folder names one.
    pub owner: Option<Owner>,
    /// `true` if a marker was written. Without one the head was killed.
    pub marked: bool,
    /// Time at which the marker was written, in Unix microseconds by the store's clock. The session began before that.
    pub written: Option<i64>,
    /// `true` if the namespace is confirmed to be one. Where only a v1.6 layout names it, it may be a free id
    /// (`default` for clusters of any namespace): shown as stored, but of no use for access decisions and lookups in
    /// Kubernetes.
    pub namespace_known: bool,
}

/// An immutable listing, newest session first.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub(super) table: Arc<Table>,
    /// Changes whenever the sessions do. Only comparable within this process.
    pub version: u64,
    /// Sessions of which something was found, and which are not listed because retention deletes them.
    pub(super) hidden: Arc<Table>,
    /// Keys in marker folders that could not be understood.
    pub unknown_keys: Oddities,
    /// Places that could not be listed, with the reason. Sessions in them are missing here.
    pub skipped: Oddities,
    /// `true` if any folder of a known layout was found.
    pub recognised: bool,
    /// Roots that would be recognised, if nothing was: the user may have meant one of them.
    pub roots_below: Vec<String>,
    /// Time of the last successful listing of the markers.
    pub listed_at: Option<SystemTime>,
    /// The same moment on the monotonic clock, for measuring the age.
    pub(crate) listed_since: Option<Instant>,
    /// Time of the last successful walk of the data trees. Until the first one, sessions without a marker (their head
    /// was killed) are missing.
    pub walked_at: Option<SystemTime>,
    /// The error of the last attempt to renew the listing, if it failed.
    pub stale: Option<String>,
    /// `true` if that error is that the folder does not exist any more. A bucket may only be out of reach.
    pub folder_is_gone: bool,
}

/// Age of a marker, in microseconds, up to which files of its session may still come.
const YOUNG: i64 = 10 * 60 * 1_000_000;
/// A day in microseconds: a margin for the unknown time zones of heads, and for the duration of a walk.
const A_DAY: i64 = 86_400_000_000;

/// Numbers of sessions by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Live sessions.
    pub live: usize,
    /// Dead sessions.
    pub dead: usize,
    /// Sessions of unknown state.
    pub unknown: usize,
    /// Dead sessions with a marker and without any folder in the data trees: their collector never uploaded a log.
    pub dead_without_logs: usize,
}

/// Oddities of the bucket: their number, and the first examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Number of all oddities.
    pub count: u64,
    /// The first ones.
    pub examples: Vec<String>,
}

impl Oddities {
    /// Maximum number of examples.
    const EXAMPLES: usize = 20;

    pub(super) fn add(&mut self, example: &str) {
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES {
            self.examples.push(example.to_owned());
        }
    }

    pub(super) fn and(mut self, other: &Self) -> Self {
        other.examples.iter().for_each(|example| self.add(example));
        self.count += other.count - other.examples.len() as u64;
        self
    }
}

impl Listing {
    /// Returns the number of sessions.
    pub fn len(&self) -> usize {
        self.table.rows().len()
    }

    /// Returns `true` if there are no sessions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if another listing has the same sessions.
    pub(crate) fn has_sessions_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table)
    }

    /// Returns the index of a session among all, newest first.
    pub(crate) fn position(&self, key: &SessionKey) -> Option<usize> {
        self.table.find(key).map(|_| self.table.position(key))
    }

    /// Returns all sessions, newest first. Names are copied: for pages use `page`.
    pub fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.table.rows().iter().filter_map(|row| self.entry(row))
    }

    /// Returns the entry of a session.
    pub fn find(&self, key: &SessionKey) -> Option<Entry> {
        self.entry(self.table.find(key)?)
    }

    /// Returns the sessions of which something was found, and which are not listed because retention deletes them.
    pub(crate) fn hidden(&self) -> impl Iterator<Item = Entry> + '_ {
        self.hidden.rows().iter().filter_map(|row| entry(&self.hidden, row))
    }

    /// Returns the entry of a session that retention hides.
    pub(crate) fn find_hidden(&self, key: &SessionKey) -> Option<Entry> {
        entry(&self.hidden, self.hidden.find(key)?)
    }

    /// Returns `true` if a session has a marker, and `None` if it is not listed.
    pub fn is_marked(&self, key: &SessionKey) -> Option<bool> {
        Some(self.table.find(key)?.marker.seen())
    }

    /// Returns `true` if a newer session of the same cluster is listed, which means that this one is over.
    pub fn is_superseded(&self, key: &SessionKey) -> bool {
        let newest = self.table.find_cluster(&key.cluster).and_then(|cluster| self.table.newest(cluster));
        newest.is_some_and(|row| self.table.compare(row, key).is_lt())
    }

    /// Returns `true` if a session has a marker that shows its end. Collectors write the marker of a head's first
    /// session when the head is told to stop, and that of every later one at its start. The oldest listed session may
    /// be a later one, where the first was deleted, so the marker must also be written well after the session began.
    pub fn is_marked_at_end(&self, key: &SessionKey) -> bool {
        let oldest = self.table.find_cluster(&key.cluster).and_then(|cluster| self.table.oldest(cluster));
        let oldest = oldest.filter(|row| row.marker.seen() && self.table.compare(row, key).is_eq());
        let times = oldest.and_then(|row| Some((key.session.local_micros()?, row.written()?)));
        times.is_some_and(|(began, written)| !is_written_at_start(began, written))
    }

    /// Returns `true` if the marker of a session was written a few minutes ago: more files of it may still come.
    pub fn is_young(&self, key: &SessionKey) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let written = self.table.find(key).and_then(Row::written);
        written.is_some_and(|written| now.saturating_sub(written) < YOUNG)
    }

    /// Returns the number of sessions that may be seen.
    pub fn count(&self, visible: &Visible) -> usize {
        if visible.is_all() {
            return self.len();
        }
        let clusters = self.table.clusters().iter();
        let shown: Vec<bool> =
            clusters.map(|cluster| visible.shows_namespace(self.table.text(cluster.namespace))).collect();
        let is_visible = |row: &&Row| row.namespace_known() && shown.get(row.cluster as usize) == Some(&true);
        self.table.rows().iter().filter(is_visible).count()
    }

    /// Returns the namespaces of the sessions that may be seen in order, or `None` if there are more than `most`.
    pub fn namespaces(&self, most: usize, visible: &Visible) -> Option<Vec<&str>> {
        let mut names: Vec<&str> = Vec::new();
        for cluster in self.table.clusters() {
            let name = self.table.text(cluster.namespace);
            if names.last() != Some(&name) && visible.shows(name, cluster.namespace_known) {
                if names.len() == most {
                    return None;
                }
                names.push(name);
            }
        }
        Some(names)
    }

    /// Returns the namespaces in order that are confirmed to be one.
    pub fn confirmed_namespaces(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        let clusters = self.table.clusters().iter().filter(|cluster| cluster.namespace_known);
        clusters
            .map(|cluster| self.table.text(cluster.namespace))
            .filter(move |name| last.replace(*name) != Some(*name))
    }

    /// Returns `true` if the namespace of a session is confirmed to be one, and `None` if the session is not listed.
    pub fn is_namespace_known(&self, key: &SessionKey) -> Option<bool> {
        Some(self.table.find(key)?.namespace_known())
    }

    /// Returns the newest session of a cluster.
    pub fn latest(&self, cluster: &ClusterId) -> Option<Entry> {
        self.entry(self.table.newest(self.table.find_cluster(cluster)?)?)
    }

    /// Counts sessions by state, visiting every session once.
    pub fn counts(&self, watched: &Watched) -> Counts {
        let mut counts = Counts::default();
        let walked = self.walked_at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        // Only a walk that began after the session did shows that it has no folder.
        let walked = walked.map_or(i64::MIN, |at| i64::try_from(at.as_micros()).unwrap_or(i64::MAX) - A_DAY);
        let mut states = RowStates::new(&self.table, watched);
        for row in self.table.rows() {
            let state = states.of(row);
            match state {
                State::Live => counts.live += 1,
                State::Dead => counts.dead += 1,
                State::Unknown => counts.unknown += 1,
            }
            let without_logs = state == State::Dead && !row.data.seen() && row.micros < walked;
            counts.dead_without_logs += usize::from(without_logs);
        }
        counts
    }

    /// Returns the memory held by the sessions, in bytes.
    pub fn weight(&self) -> usize {
        self.table.weight() + self.hidden.weight()
    }

    pub(super) fn entry(&self, row: &Row) -> Option<Entry> {
        entry(&self.table, row)
    }
}

fn entry(table: &Table, row: &Row) -> Option<Entry> {
    Some(Entry {
        key: table.key(row)?,
        owner: table.owner(row),
        marked: row.marker.seen(),
        written: row.written(),
        namespace_known: row.namespace_known(),
    })
}

/// Groups of sessions, newest first.
impl Listing {
    /// Returns the sessions of a cluster.
    pub fn of_cluster(&self, cluster: &ClusterId) -> Vec<Entry> {
        let Some(at) = self.table.find_cluster(cluster) else { return Vec::new() };
        self.entries(|row| row.cluster as usize == at)
    }

    /// Returns the sessions of clusters with this owner.
    pub fn of_owner(&self, namespace: &str, kind: OwnerKind, name: &str) -> Vec<Entry> {
        let Some(at) = self.table.owners().position(|owner| owner == (kind, name)) else { return Vec::new() };
        self.entries(|row| {
            self.table.owner_at(row) == Some(at as u32)
                && self.table.text(self.table.cluster(row).namespace) == namespace
        })
    }

    /// Returns the sessions of clusters without a known owner whose name satisfies a predicate.
    pub fn without_owner_where(&self, namespace: &str, wanted: impl Fn(&str) -> bool) -> Vec<Entry> {
        let names = self.table.clusters().iter();
        let wanted: Vec<bool> = names
            .map(|cluster| self.table.text(cluster.namespace) == namespace && wanted(self.table.text(cluster.name)))
            .collect();
        self.entries(|row| wanted.get(row.cluster as usize) == Some(&true) && self.table.owner_at(row).is_none())
    }

    /// Returns the newest sessions of a namespace that may be seen, at most `limit`, and the number of all.
    pub fn newest_of(&self, namespace: &str, limit: usize, visible: &Visible) -> (Vec<Entry>, usize) {
        let rows = self.table.rows().iter();
        let mut rows = rows.filter(|row| {
            self.table.text(self.table.cluster(row).namespace) == namespace
                && visible.shows(namespace, row.namespace_known())
        });
        let newest: Vec<Entry> = rows.by_ref().take(limit).filter_map(|row| self.entry(row)).collect();
        let total = newest.len() + rows.count();
        (newest, total)
    }

    fn entries(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Entry> {
        self.table.rows().iter().filter(|row| wanted(row)).filter_map(|row| self.entry(row)).collect()
    }
}

/// Returns `true` if a marker may have been written within a minute before or after the time in a session's name, both
/// in Unix microseconds. The latter is in the time zone of the head, so it is off by up to 14 hours, in steps of a
/// quarter of an hour; the former has whole seconds of the store's clock, so it may be the earlier one.
fn is_written_at_start(began: i64, written: i64) -> bool {
    const MINUTE: i64 = 60 * 1_000_000;
    const FARTHEST: i64 = (14 * 60 + 1) * MINUTE;
    let after = written.saturating_sub(began);
    (-FARTHEST..FARTHEST).contains(&after) && (after + MINUTE).rem_euclid(15 * MINUTE) < 2 * MINUTE
}
