//! All sessions in a compact form: some hundred bytes each, names stored once.
//!
//! Defines the order (newest first) and merges the sightings of one session in several places. Each row stores which
//! source has the session, markers or data folders, and with which owner, so that one source can be listed again while
//! the rows of the other stay. This module is pure: no I/O, no clock.

mod builder;

pub(super) use builder::{Builder, Sighting};

use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use ray_history_core::snapshot::intern::{Interned, Str};
use std::cmp::{Ordering, Reverse};

/// The kind of place where a session was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A marker object.
    Marker,
    /// A folder of a data tree.
    Data,
}

/// The sighting of a session by one source, in one word: seen or not, namespace confirmed or not, and the owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sighted(u32);

impl Sighted {
    const SEEN: u32 = 1;
    const NAMESPACE_KNOWN: u32 = 2;
    const OWNER: u32 = 2; // From this bit on: the owner's index plus one.

    fn new(owner: Option<u32>, namespace_known: bool) -> Self {
        let owner = owner.map_or(0, |at| (at + 1) << Self::OWNER);
        Self(Self::SEEN | if namespace_known { Self::NAMESPACE_KNOWN } else { 0 } | owner)
    }

    pub(super) fn seen(self) -> bool {
        self.0 & Self::SEEN != 0
    }

    pub(super) fn namespace_known(self) -> bool {
        self.0 & Self::NAMESPACE_KNOWN != 0
    }

    fn owner(self) -> Option<u32> {
        (self.0 >> Self::OWNER).checked_sub(1)
    }
}

/// One session of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Start by the head's clock, in microseconds; the smallest number for an invalid date.
    pub(super) micros: i64,
    /// Time at which the first marker was written, in Unix microseconds; `NEVER` without a marker or its time.
    written: i64,
    pub(super) session: Str,
    /// Index in the table's clusters.
    pub(super) cluster: u32,
    pub(super) marker: Sighted,
    pub(super) data: Sighted,
}

impl Row {
    const NEVER: i64 = i64::MAX;

    pub(super) fn written(&self) -> Option<i64> {
        (self.written != Self::NEVER).then_some(self.written)
    }

    pub(super) fn namespace_known(&self) -> bool {
        self.marker.namespace_known() || self.data.namespace_known()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    pub(super) namespace: Str,
    pub(super) name: Str,
    /// `true` if the namespace of any of its sessions is confirmed to be one.
    pub(super) namespace_known: bool,
    /// Row of the newest session.
    newest: u32,
    /// Row of the oldest session.
    oldest: u32,
}

/// An immutable table of sessions.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Sorted newest first, then by cluster and name.
    rows: Vec<Row>,
    /// Sorted by namespace, then name.
    clusters: Vec<Cluster>,
    owners: Vec<(OwnerKind, Str)>,
    texts: Interned,
}

impl Table {
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = (OwnerKind, &str)> {
        self.owners.iter().map(|(kind, name)| (*kind, self.texts.str(*name)))
    }

    pub(super) fn text(&self, text: Str) -> &str {
        self.texts.str(text)
    }

    pub(super) fn cluster(&self, row: &Row) -> Cluster {
        self.clusters[row.cluster as usize]
    }

    /// Returns the index of the owner in `owners`. An owner takes precedence over none: head and workers may have had
    /// different settings.
    pub(super) fn owner_at(&self, row: &Row) -> Option<u32> {
        let (marker, data) = (row.marker.owner(), row.data.owner());
        if data.is_none() || data == marker {
            return marker;
        }
        [marker, data]
            .into_iter()
            .flatten()
            .max_by_key(|at| self.owners.get(*at as usize).map(|(kind, name)| (*kind, self.texts.str(*name))))
    }

    pub(super) fn owner(&self, row: &Row) -> Option<Owner> {
        let (kind, name) = self.owners.get(self.owner_at(row)? as usize)?;
        Some(Owner { kind: *kind, name: self.texts.str(*name).to_owned() })
    }

    /// Returns the key of a row; `None` only if the table is corrupt.
    pub(super) fn key(&self, row: &Row) -> Option<SessionKey> {
        let cluster = self.cluster(row);
        let (namespace, name) = (self.text(cluster.namespace).to_owned(), self.text(cluster.name).to_owned());
        let session = SessionName::parse(self.text(row.session))?;
        Some(SessionKey { cluster: ClusterId { namespace, name }, session })
    }

    /// Returns the key of a row like `key`, reusing the memory of `key`. For callers that visit every row.
    pub(super) fn key_into<'k>(&self, row: &Row, key: &'k mut Option<SessionKey>) -> Option<&'k SessionKey> {
        let Some(known) = key else {
            *key = self.key(row);
            return key.as_ref();
        };
        self.cluster_into(row, &mut known.cluster);
        known.session.set(self.text(row.session)).then_some(known)
    }

    /// Writes the names of a row's cluster into `known`, reusing its memory.
    pub(super) fn cluster_into(&self, row: &Row, known: &mut ClusterId) {
        let cluster = self.cluster(row);
        self.text(cluster.namespace).clone_into(&mut known.namespace);
        self.text(cluster.name).clone_into(&mut known.name);
    }

    /// Returns the index of the first row that does not come before a key.
    pub(super) fn position(&self, key: &SessionKey) -> usize {
        self.rows.partition_point(|row| self.compare(row, key) == Ordering::Less)
    }

    /// Compares a row with a key in the order of the rows.
    pub(super) fn compare(&self, row: &Row, key: &SessionKey) -> Ordering {
        let cluster = self.cluster(row);
        let place = |micros, namespace, name, session| (Reverse(micros), [namespace, name, session].map(str::as_bytes));
        let ours = place(row.micros, self.text(cluster.namespace), self.text(cluster.name), self.text(row.session));
        let ClusterId { namespace, name } = &key.cluster;
        ours.cmp(&place(micros(&key.session), namespace, name, key.session.as_str()))
    }

    pub(super) fn find(&self, key: &SessionKey) -> Option<&Row> {
        self.rows.get(self.position(key)).filter(|row| self.compare(row, key) == Ordering::Equal)
    }

    /// Returns the index of a cluster in `clusters`.
    pub(super) fn find_cluster(&self, id: &ClusterId) -> Option<usize> {
        let names = |cluster: &Cluster| [self.text(cluster.namespace), self.text(cluster.name)];
        self.clusters.binary_search_by(|cluster| names(cluster).cmp(&[&id.namespace, &id.name])).ok()
    }

    pub(super) fn newest(&self, cluster: usize) -> Option<&Row> {
        self.rows.get(self.clusters.get(cluster)?.newest as usize)
    }

    pub(super) fn oldest(&self, cluster: usize) -> Option<&Row> {
        self.rows.get(self.clusters.get(cluster)?.oldest as usize)
    }

    /// Returns `true` if another table has the same sessions with the same sightings.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.rows.len() == other.rows.len()
            && self.rows.iter().zip(&other.rows).all(|(a, b)| self.content(a) == other.content(b))
    }

    /// Returns `true` if this table already has the data sighting that `row` of another table has.
    pub(super) fn has_data_of(&self, other: &Self, row: &Row) -> bool {
        let known = other.key(row).and_then(|key| self.find(&key).copied());
        known.is_some_and(|known| self.content(&Row { marker: Sighted(0), ..known }) == other.content(row))
    }

    /// Returns everything about a row, without indices of this table.
    fn content<'a>(&'a self, row: &Row) -> impl PartialEq + use<'a> {
        let cluster = self.cluster(row);
        let sighted = |sighted: Sighted| {
            let owner = sighted.owner().and_then(|at| self.owners.get(at as usize));
            (sighted.seen(), sighted.namespace_known(), owner.map(|(kind, name)| (*kind, self.text(*name))))
        };
        let names = [cluster.namespace, cluster.name, row.session].map(|text| self.text(text));
        (names, sighted(row.marker), sighted(row.data))
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>()
            + self.rows.capacity() * size_of::<Row>()
            + self.clusters.capacity() * size_of::<Cluster>()
            + self.owners.capacity() * size_of::<(OwnerKind, Str)>()
            + self.texts.weight()
    }
}

/// Returns the start that rows are sorted by.
pub(super) fn micros(session: &SessionName) -> i64 {
    session.local_micros().unwrap_or(i64::MIN)
}
