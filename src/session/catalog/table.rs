//! All sessions in a compact form: some hundred bytes each, names kept once.
//!
//! Owns the order (newest first) and the rule by which a session told by several places is one. Each row remembers
//! which source tells of it, markers or data folders, and with which owner: so one source can be listed anew while
//! the other's rows stay. Pure: no I/O, no clock.

mod builder;

pub(super) use builder::{Builder, Sighting};

use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use ray_history_core::snapshot::intern::{Interned, Str};
use std::cmp::{Ordering, Reverse};

/// Where a session was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A marker object.
    Marker,
    /// A folder of a data tree.
    Data,
}

/// What one source tells of a session: nothing, or whether the namespace is one, and the owner, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told(u32);

impl Told {
    const SEEN: u32 = 1;
    const NAMESPACE_KNOWN: u32 = 2;
    const OWNER: u32 = 2; // From this bit on: the owner's place in its list, and one.

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

/// One session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Its start as its head's clock had it; the smallest number for a date that does not exist.
    pub(super) micros: i64,
    /// When its first marker was written, in Unix microseconds; `NEVER` when no marker, or no store, tells.
    written: i64,
    pub(super) session: Str,
    /// Place in the table's clusters.
    pub(super) cluster: u32,
    pub(super) marker: Told,
    pub(super) data: Told,
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
    /// Row of its newest session.
    newest: u32,
    /// Row of its oldest session.
    oldest: u32,
}

/// The sessions: immutable.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Newest first, then by cluster and name.
    rows: Vec<Row>,
    /// By namespace, then name.
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

    /// Place in `owners`. An owner, if any source has one, wins: head and workers may have had different settings.
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

    /// The key of a row; none only if the table were broken.
    pub(super) fn key(&self, row: &Row) -> Option<SessionKey> {
        let cluster = self.cluster(row);
        let (namespace, name) = (self.text(cluster.namespace).to_owned(), self.text(cluster.name).to_owned());
        let session = SessionName::parse(self.text(row.session))?;
        Some(SessionKey { cluster: ClusterId { namespace, name }, session })
    }

    /// The same, into the memory of the key before: for those who ask of every row.
    pub(super) fn key_into<'k>(&self, row: &Row, key: &'k mut Option<SessionKey>) -> Option<&'k SessionKey> {
        let Some(known) = key else {
            *key = self.key(row);
            return key.as_ref();
        };
        self.cluster_into(row, &mut known.cluster);
        known.session.set(self.text(row.session)).then_some(known)
    }

    /// The names of a row's cluster, into the memory of those before.
    pub(super) fn cluster_into(&self, row: &Row, known: &mut ClusterId) {
        let cluster = self.cluster(row);
        self.text(cluster.namespace).clone_into(&mut known.namespace);
        self.text(cluster.name).clone_into(&mut known.name);
    }

    /// Place of the first row that does not come before a key.
    pub(super) fn place(&self, key: &SessionKey) -> usize {
        self.rows.partition_point(|row| self.compare(row, key) == Ordering::Less)
    }

    /// How a row stands to a key, in the order of the rows.
    pub(super) fn compare(&self, row: &Row, key: &SessionKey) -> Ordering {
        let cluster = self.cluster(row);
        let place = |micros, namespace, name, session| (Reverse(micros), [namespace, name, session].map(str::as_bytes));
        let ours = place(row.micros, self.text(cluster.namespace), self.text(cluster.name), self.text(row.session));
        let ClusterId { namespace, name } = &key.cluster;
        ours.cmp(&place(micros(&key.session), namespace, name, key.session.as_str()))
    }

    pub(super) fn find(&self, key: &SessionKey) -> Option<&Row> {
        self.rows.get(self.place(key)).filter(|row| self.compare(row, key) == Ordering::Equal)
    }

    /// Place of a cluster in `clusters`.
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

    /// Whether another table has the same sessions, told in the same way.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.rows.len() == other.rows.len()
            && self.rows.iter().zip(&other.rows).all(|(a, b)| self.told(a) == other.told(b))
    }

    /// Whether the data folders tell this table already what they tell another one of a session.
    pub(super) fn tells(&self, other: &Self, row: &Row) -> bool {
        let known = other.key(row).and_then(|key| self.find(&key).copied());
        known.is_some_and(|known| self.told(&Row { marker: Told(0), ..known }) == other.told(row))
    }

    /// Everything about a row, without handles of this table.
    fn told<'a>(&'a self, row: &Row) -> impl PartialEq + use<'a> {
        let cluster = self.cluster(row);
        let told = |told: Told| {
            let owner = told.owner().and_then(|at| self.owners.get(at as usize));
            (told.seen(), told.namespace_known(), owner.map(|(kind, name)| (*kind, self.text(*name))))
        };
        let names = [cluster.namespace, cluster.name, row.session].map(|text| self.text(text));
        (names, told(row.marker), told(row.data))
    }

    /// Memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>()
            + self.rows.capacity() * size_of::<Row>()
            + self.clusters.capacity() * size_of::<Cluster>()
            + self.owners.capacity() * size_of::<(OwnerKind, Str)>()
            + self.texts.weight()
    }
}

/// The start that rows are sorted by.
pub(super) fn micros(session: &SessionName) -> i64 {
    session.local_micros().unwrap_or(i64::MIN)
}
