//! One listing of all sessions: what readers of the catalog see.

use super::states::States;
use super::table::{Row, Table};
use crate::liveness::{Judge, State};
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::time::Instant;

/// One stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which session.
    pub key: SessionKey,
    /// Who owns its cluster, if any marker or folder says so.
    pub owner: Option<Owner>,
    /// Whether a marker was written; without one its head was killed.
    pub marked: bool,
    /// When its marker was written, in Unix microseconds by the store's clock; it began before that.
    pub written: Option<i64>,
    /// Whether the namespace is one. Where only a v1.6 layout names it, it may be a free id (`default` for clusters of
    /// any namespace): to be shown as stored, but of no use for access decisions and lookups in Kubernetes.
    pub namespace_known: bool,
}

/// A listing: immutable, newest session first.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub(super) table: Arc<Table>,
    /// Changes whenever the sessions do; for this process only.
    pub version: u64,
    /// Keys in marker folders that could not be understood.
    pub unknown_keys: Oddities,
    /// Places that could not be listed, and why; sessions in there are missing here.
    pub skipped: Oddities,
    /// Whether any folder of a known layout was found.
    pub recognised: bool,
    /// Roots that would be recognised, when nothing was: the user may have meant one of them.
    pub roots_below: Vec<String>,
    /// When the markers were last listed with success; never, when none.
    pub listed_at: Option<SystemTime>,
    /// The same moment, by a clock that is never set: what its age is measured by.
    pub(in crate::session) listed_since: Option<Instant>,
    /// When the data trees were last walked with success. Until then, sessions without a marker (their head was killed)
    /// are missing.
    pub walked_at: Option<SystemTime>,
    /// Why the listing could not be renewed since, if it could not.
    pub stale: Option<String>,
    /// Whether that is because there is no such bucket or folder any more.
    pub store_missing: bool,
}

/// The clocks of heads are in zones that nobody knows, and a walk takes its time.
const A_DAY: i64 = 86_400_000_000;

/// How many sessions there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Live ones.
    pub live: usize,
    /// Dead ones.
    pub dead: usize,
    /// Those of which nobody knows.
    pub unknown: usize,
    /// Dead ones with a marker and without any folder in the data trees: their collector never uploaded a log.
    pub dead_without_logs: usize,
}

/// What is odd about the bucket: counted, with the first examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

impl Oddities {
    /// Examples kept.
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
    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.table.rows().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All sessions, newest first. Names are copied: for pages use `page`.
    pub fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.table.rows().iter().filter_map(|row| self.entry(row))
    }

    /// The entry of a session.
    pub fn find(&self, key: &SessionKey) -> Option<Entry> {
        self.entry(self.table.find(key)?)
    }

    /// Returns whether a session has a marker; none when it is not listed.
    pub fn is_marked(&self, key: &SessionKey) -> Option<bool> {
        Some(self.table.find(key)?.marker.seen())
    }

    /// Returns `true` if a newer session of the same cluster is listed: then this one is over.
    pub fn is_superseded(&self, key: &SessionKey) -> bool {
        let newest = self.table.find_cluster(&key.cluster).and_then(|cluster| self.table.newest(cluster));
        newest.is_some_and(|row| self.table.compare(row, key).is_lt())
    }

    /// Returns `true` if a session has a marker that tells its end: collectors write that of a head's first session when
    /// the head is told to stop, and that of every later one at its start. The first that is listed may be a later one,
    /// where the first was deleted, so the marker must also be written well after the session began.
    pub fn is_marked_at_end(&self, key: &SessionKey) -> bool {
        let oldest = self.table.find_cluster(&key.cluster).and_then(|cluster| self.table.oldest(cluster));
        let oldest = oldest.filter(|row| row.marker.seen() && self.table.compare(row, key).is_eq());
        let times = oldest.and_then(|row| Some((key.session.local_micros()?, row.written()?)));
        times.is_some_and(|(began, written)| !is_written_at_start(began, written))
    }

    /// Returns the namespaces of all sessions, in order; none where there are more than `most`.
    pub fn namespaces(&self, most: usize) -> Option<Vec<&str>> {
        let mut names: Vec<&str> = Vec::new();
        for cluster in self.table.clusters() {
            let name = self.table.text(cluster.namespace);
            if names.last() != Some(&name) {
                if names.len() == most {
                    return None;
                }
                names.push(name);
            }
        }
        Some(names)
    }

    /// The newest session of a cluster.
    pub fn latest(&self, cluster: &ClusterId) -> Option<Entry> {
        self.entry(self.table.newest(self.table.find_cluster(cluster)?)?)
    }

    /// How many sessions are in each state; one look at every session.
    pub fn counts(&self, judge: Option<&dyn Judge>) -> Counts {
        let mut counts = Counts::default();
        let walked = self.walked_at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        // Only a walk that began after a session did can tell that it has no folder.
        let walked = walked.map_or(i64::MIN, |at| i64::try_from(at.as_micros()).unwrap_or(i64::MAX) - A_DAY);
        let mut states = States::new(&self.table, judge);
        for row in self.table.rows() {
            let state = states.of(row);
            match state {
                State::Live => counts.live += 1,
                State::Dead => counts.dead += 1,
                State::Unknown => counts.unknown += 1,
            }
            let silent = state == State::Dead && !row.data.seen() && row.micros < walked;
            counts.dead_without_logs += usize::from(silent);
        }
        counts
    }

    /// Memory held by the sessions, in bytes.
    pub fn weight(&self) -> usize {
        self.table.weight()
    }

    pub(super) fn entry(&self, row: &Row) -> Option<Entry> {
        Some(Entry {
            key: self.table.key(row)?,
            owner: self.table.owner(row),
            marked: row.marker.seen(),
            written: row.written(),
            namespace_known: row.namespace_known(),
        })
    }
}

/// By what belongs together, newest first.
impl Listing {
    /// The sessions of a cluster.
    pub fn of_cluster(&self, cluster: &ClusterId) -> Vec<Entry> {
        let Some(at) = self.table.find_cluster(cluster) else { return Vec::new() };
        self.entries(|row| row.cluster as usize == at)
    }

    /// The sessions of clusters with this owner.
    pub fn of_owner(&self, namespace: &str, kind: OwnerKind, name: &str) -> Vec<Entry> {
        let Some(at) = self.table.owners().position(|owner| owner == (kind, name)) else { return Vec::new() };
        self.entries(|row| {
            self.table.owner_at(row) == Some(at as u32)
                && self.table.text(self.table.cluster(row).namespace) == namespace
        })
    }

    /// The sessions of clusters without a known owner whose name is wanted.
    pub fn of_nobody_where(&self, namespace: &str, wanted: impl Fn(&str) -> bool) -> Vec<Entry> {
        let names = self.table.clusters().iter();
        let wanted: Vec<bool> = names
            .map(|cluster| self.table.text(cluster.namespace) == namespace && wanted(self.table.text(cluster.name)))
            .collect();
        self.entries(|row| wanted.get(row.cluster as usize) == Some(&true) && self.table.owner_at(row).is_none())
    }

    /// The newest sessions of a namespace, at most so many, and how many there are.
    pub fn newest_of(&self, namespace: &str, limit: usize) -> (Vec<Entry>, usize) {
        let rows = self.table.rows().iter();
        let mut rows = rows.filter(|row| self.table.text(self.table.cluster(row).namespace) == namespace);
        let newest: Vec<Entry> = rows.by_ref().take(limit).filter_map(|row| self.entry(row)).collect();
        let total = newest.len() + rows.count();
        (newest, total)
    }

    fn entries(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Entry> {
        self.table.rows().iter().filter(|row| wanted(row)).filter_map(|row| self.entry(row)).collect()
    }
}
/// Returns `true` if a marker may have been written within a minute of the time in a session's name, both in Unix
/// microseconds. That time is in the zone of the head, so it is off by up to 14 hours, in steps of a quarter of an hour.
fn is_written_at_start(began: i64, written: i64) -> bool {
    const MINUTE: i64 = 60 * 1_000_000;
    const ZONES: std::ops::Range<i64> = -14 * 60 * MINUTE..14 * 60 * MINUTE + MINUTE;
    let after = written.saturating_sub(began);
    ZONES.contains(&after) && after.rem_euclid(15 * MINUTE) < MINUTE
}
