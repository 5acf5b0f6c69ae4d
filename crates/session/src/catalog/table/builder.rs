//! Collects sessions in any order, merges the sightings of one session, and sorts them.

use super::{Cluster, Row, Sighted, Source, Table, micros};
use ray_history_core::base::name::{Owner, OwnerKind, SessionKey, SessionName};
use ray_history_core::snapshot::intern::{Interner, Str};
use std::cmp::Reverse;
use std::collections::HashMap;

/// One sighting of a session, with borrowed names.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Sighting<'a> {
    pub(in super::super) namespace: &'a str,
    pub(in super::super) cluster: &'a str,
    pub(in super::super) session: &'a str,
    pub(in super::super) owner: Option<(OwnerKind, &'a str)>,
    pub(in super::super) namespace_known: bool,
    /// Time at which the marker was written, in Unix microseconds.
    pub(in super::super) written: Option<i64>,
}

/// The merged sightings of a session.
#[derive(Clone, Copy, Debug)]
struct Merged {
    /// Sightings by source.
    sighted: [Sighted; 2],
    written: i64,
}

impl Default for Merged {
    fn default() -> Self {
        Self { sighted: <[Sighted; 2]>::default(), written: Row::NEVER }
    }
}

/// A table under construction.
#[derive(Debug, Default)]
pub(in super::super) struct Builder {
    texts: Interner,
    clusters: HashMap<(Str, Str), u32>,
    owners: Vec<(OwnerKind, Str)>,
    owner_index: HashMap<(OwnerKind, Str), u32>,
    sessions: HashMap<(u32, Str), Merged>,
}

impl Builder {
    /// Adds a session, or merges the sighting into one that was added before.
    pub(in super::super) fn add(&mut self, source: Source, seen: Sighting<'_>) {
        let cluster = (self.texts.str(seen.namespace), self.texts.str(seen.cluster));
        let next = self.clusters.len() as u32;
        let cluster = *self.clusters.entry(cluster).or_insert(next);
        let session = self.texts.str(seen.session);
        let owner = seen.owner.map(|(kind, name)| self.owner(kind, name));
        let merged = self.sessions.entry((cluster, session)).or_default();
        // The earlier of two markers counts: the session existed by then.
        merged.written = merged.written.min(seen.written.unwrap_or(Row::NEVER));
        let sighted = &mut merged.sighted[source as usize];
        let name = |at: Option<u32>| at.and_then(|at| self.owners.get(at as usize));
        let rank = |at| name(at).map(|(kind, name)| (*kind, self.texts.values().str(*name)));
        // Two places of one source may name different owners: the choice must not depend on their order.
        let owner = if rank(owner) > rank(sighted.owner()) { owner } else { sighted.owner() };
        let known = seen.namespace_known || sighted.namespace_known();
        *sighted = Sighted::new(owner, known);
    }

    /// Copies the sightings of one source from another table.
    pub(in super::super) fn copy_source(&mut self, table: &Table, source: Source) {
        for row in table.rows() {
            let sighted = if source == Source::Marker { row.marker } else { row.data };
            if !sighted.seen() {
                continue;
            }
            let cluster = table.cluster(row);
            let owner = sighted.owner().and_then(|at| table.owners.get(at as usize));
            self.add(
                source,
                Sighting {
                    namespace: table.text(cluster.namespace),
                    cluster: table.text(cluster.name),
                    session: table.text(row.session),
                    owner: owner.map(|(kind, name)| (*kind, table.text(*name))),
                    namespace_known: sighted.namespace_known(),
                    written: row.written().filter(|_| source == Source::Marker),
                },
            );
        }
    }

    /// Moves a session to another table, if it was added.
    pub(in super::super) fn move_to(&mut self, other: &mut Self, key: &SessionKey) {
        let Some(merged) = self.place(key).and_then(|place| self.sessions.remove(&place)) else { return };
        for (source, sighted) in [Source::Marker, Source::Data].into_iter().zip(merged.sighted) {
            if sighted.seen() {
                let owner = sighted.owner().and_then(|at| self.owners.get(at as usize));
                let named = Sighting {
                    owner: owner.map(|(kind, name)| (*kind, self.texts.values().str(*name))),
                    written: Some(merged.written).filter(|_| source == Source::Marker),
                    ..Sighting::of(key, None, sighted.namespace_known())
                };
                other.add(source, named);
            }
        }
    }

    fn place(&self, key: &SessionKey) -> Option<(u32, Str)> {
        let known = |text: &str| self.texts.find(text.as_bytes()).map(Str);
        let cluster = (known(&key.cluster.namespace)?, known(&key.cluster.name)?);
        Some((*self.clusters.get(&cluster)?, known(key.session.as_str())?))
    }

    /// Sorts and freezes the table, without sessions that `wanted` (namespace, whether it is confirmed to be one)
    /// rejects.
    pub(in super::super) fn finish(self, wanted: impl Fn(&str, bool) -> bool) -> Table {
        let Self { texts, clusters, owners, owner_index: _, sessions } = self;
        let texts = texts.freeze();
        let mut sorted: Vec<((Str, Str), u32)> = clusters.into_iter().collect();
        sorted.sort_unstable_by_key(|((namespace, name), _)| (texts.str(*namespace), texts.str(*name)));
        let mut renamed = vec![0; sorted.len()];
        for (new, (_, old)) in sorted.iter().enumerate() {
            renamed[*old as usize] = new as u32;
        }
        let clusters: Vec<(Str, Str)> = sorted.into_iter().map(|(names, _)| names).collect();
        let rows = sessions.into_iter().map(|((cluster, session), Merged { sighted: [marker, data], written })| {
            let start = SessionName::parse(texts.str(session)).map_or(i64::MIN, |name| micros(&name));
            Row { micros: start, written, session, cluster: renamed[cluster as usize], marker, data }
        });
        let mut rows: Vec<Row> =
            rows.filter(|row| wanted(texts.str(clusters[row.cluster as usize].0), row.namespace_known())).collect();
        rows.sort_unstable_by_key(|row| (Reverse(row.micros), row.cluster, texts.str(row.session)));
        rows.shrink_to_fit();
        let mut clusters: Vec<Cluster> = clusters
            .into_iter()
            .map(|(namespace, name)| Cluster { namespace, name, namespace_known: false, newest: u32::MAX, oldest: 0 })
            .collect();
        for (at, row) in rows.iter().enumerate() {
            let cluster = &mut clusters[row.cluster as usize];
            cluster.newest = cluster.newest.min(at as u32);
            cluster.oldest = at as u32;
            cluster.namespace_known |= row.namespace_known();
        }
        let mut owners = owners;
        owners.shrink_to_fit();
        Table { rows, clusters, owners, texts }
    }

    fn owner(&mut self, kind: OwnerKind, name: &str) -> u32 {
        let owner = (kind, self.texts.str(name));
        *self.owner_index.entry(owner).or_insert_with(|| {
            self.owners.push(owner);
            self.owners.len() as u32 - 1
        })
    }
}

impl<'a> Sighting<'a> {
    /// Creates a sighting of parsed names.
    pub(in super::super) fn of(key: &'a SessionKey, owner: Option<&'a Owner>, namespace_known: bool) -> Self {
        Self {
            namespace: &key.cluster.namespace,
            cluster: &key.cluster.name,
            session: key.session.as_str(),
            owner: owner.map(|owner| (owner.kind, owner.name.as_str())),
            namespace_known,
            written: None,
        }
    }
}
