//! All rows of the ledger that are known, in an immutable table that readers share.
//!
//! Sorted by namespace and cluster, because a list asks for the rows of a session's cluster. Rows of one run join by the
//! greatest revision, so the order in which they come, and repeats, make no difference. Pure: no I/O, no clock.

mod of_cluster;
mod packed;

pub(crate) use of_cluster::RowsOfCluster;
pub(crate) use packed::Packed;

use ray_history_core::base::name::ClusterId;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::Row;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// The rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    rows: Vec<Packed>,
    weight: usize,
}

/// The rows that a join left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Rows with names that no object has.
    pub(crate) refused: usize,
    /// Rows for which there was no memory, the oldest.
    pub(crate) dropped: usize,
}

impl Rows {
    /// Returns these rows joined with others, in at most so many bytes. The oldest of what does not fit is left out.
    pub(crate) fn joined(&self, others: Vec<Row>, is_told: bool, bytes: usize) -> (Self, LeftOut) {
        let mut left_out = LeftOut::default();
        let mut namespaces: BTreeSet<Arc<str>> = self.rows.iter().map(|row| Arc::clone(row.namespace())).collect();
        // By uid and run.
        let mut new: HashMap<String, HashMap<String, Packed>> = HashMap::new();
        for row in others {
            let namespace = namespaces.get(&*row.object.namespace).cloned();
            let namespace = namespace.unwrap_or_else(|| Arc::from(&*row.object.namespace));
            namespaces.insert(Arc::clone(&namespace));
            let Some(packed) = Packed::of(&row, namespace, is_told) else {
                left_out.refused += 1;
                continue;
            };
            let runs = new.entry(row.object.uid).or_default();
            if runs.get(&row.run).is_none_or(|known| packed.beats(known)) {
                runs.insert(row.run, packed);
            }
        }
        let mut rows = Vec::with_capacity(self.rows.len() + new.len());
        for known in &self.rows {
            match new.get_mut(known.uid()).and_then(|runs| runs.remove(known.run())) {
                Some(mut packed) if packed.beats(known) => {
                    packed.is_told |= known.is_told;
                    rows.push(packed);
                }
                other => {
                    let mut known = known.clone();
                    known.is_told |= other.is_some_and(|packed| packed.is_told);
                    rows.push(known);
                }
            }
        }
        rows.extend(new.into_values().flat_map(HashMap::into_values));
        let (rows, dropped) = Self::of(rows, bytes);
        left_out.dropped = dropped;
        (rows, left_out)
    }

    /// Returns the rows that a recorder told.
    pub(crate) fn told(&self) -> Self {
        Self::of(self.rows.iter().filter(|row| row.is_told).cloned().collect(), usize::MAX).0
    }

    /// Sorts rows, without those that another of the same object took the place of. The oldest are dropped until the others
    /// take at most so many bytes.
    fn of(mut rows: Vec<Packed>, bytes: usize) -> (Self, usize) {
        // Stable: a sorted table with some rows after it is one merge.
        rows.sort_by(|a, b| a.place().cmp(&b.place()));
        let replaced = replaced(&rows);
        let mut at = 0;
        rows.retain(|_| {
            at += 1;
            !replaced.contains(&(at - 1))
        });
        let weight = |rows: &[Packed]| rows.iter().map(Packed::weight).sum::<usize>();
        let mut held = weight(&rows);
        let mut dropped = 0;
        if held > bytes {
            let mut by_age: Vec<(i64, usize)> = rows.iter().enumerate().map(|(at, row)| (row.last(), at)).collect();
            by_age.sort_unstable();
            let mut old = BTreeSet::new();
            for (_, at) in by_age {
                if held <= bytes {
                    break;
                }
                held -= rows[at].weight();
                old.insert(at);
            }
            dropped = old.len();
            let mut at = 0;
            rows.retain(|_| {
                at += 1;
                !old.contains(&(at - 1))
            });
        }
        rows.shrink_to_fit();
        (Self { rows, weight: held }, dropped)
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the time of the oldest row, by which rows are dropped.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.rows.iter().map(Packed::last).min()
    }

    /// Returns the memory held, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Returns all rows.
    pub(crate) fn all(&self) -> &[Packed] {
        &self.rows
    }

    /// Returns the rows of a cluster, which are in `range`.
    pub(crate) fn rows_of_cluster(&self, range: Range<usize>) -> RowsOfCluster<'_> {
        RowsOfCluster::new(&self.rows, range)
    }

    /// Returns the indices of the rows of a cluster.
    pub(crate) fn of_cluster(&self, cluster: &ClusterId) -> Range<usize> {
        let ClusterId { namespace, name } = cluster;
        let wanted = [namespace.as_str(), name.as_str()];
        let from = self.rows.partition_point(|row| row.cluster_place() < wanted);
        let count = self.rows[from..].iter().take_while(|row| row.cluster_place() == wanted).count();
        from..from + count
    }

    /// Returns at most so many wanted objects of which no row says that its document is final, the newest first.
    pub(crate) fn not_final(&self, limit: usize, wants: impl Fn(&ObjectId) -> bool) -> Vec<ObjectId> {
        let mut objects: HashMap<&str, (i64, Option<&Packed>)> = HashMap::new();
        for row in self.rows.iter().filter(|row| row.kind != Kind::RayService) {
            let (last, open) = objects.entry(row.uid()).or_insert((i64::MIN, Some(row)));
            *last = row.last().max(*last);
            // Of a run that was left out since, an old row may stay.
            if row.is_final {
                *open = None;
            }
        }
        let open = objects.into_values().filter_map(|(last, row)| Some((last, row?)));
        let mut open: Vec<(i64, &Packed)> = open.collect();
        open.sort_unstable_by(|(one, a), (other, b)| (other, b.uid()).cmp(&(one, a.uid())));
        open.into_iter().map(|(_, row)| row.object()).filter(wants).take(limit).collect()
    }

    /// Returns the rows of an object.
    pub(crate) fn of_object(&self, namespace: &str, uid: &str) -> impl Iterator<Item = &Packed> {
        let from = self.rows.partition_point(|row| **row.namespace() < *namespace);
        self.rows[from..]
            .iter()
            .take_while(move |row| **row.namespace() == *namespace)
            .filter(move |row| row.uid() == uid)
    }
}

/// Rows that may tell of one session, with their indices.
#[derive(Debug)]
pub(crate) struct Candidates<'a>(Vec<(usize, &'a Packed)>);

impl Candidates<'_> {
    /// Returns only the rows that name a session: by time alone, that of another namespace could be meant.
    pub(crate) fn that_name(self, session: &str) -> Self {
        Self(self.0.into_iter().filter(|(_, row)| row.sessions().any(|name| name == session)).collect())
    }

    /// Returns the indices.
    pub(crate) fn all(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(at, _)| *at)
    }

    /// Returns `true` if there are rows of several runs, so that it cannot be told which one the session belongs to.
    pub(crate) fn is_ambiguous(&self) -> bool {
        let mut runs = self.0.iter().map(|(_, row)| row.run());
        runs.next().is_some_and(|first| runs.any(|run| run != first))
    }

    /// Returns the row that tells most: that of the `RayJob` which owns the cluster, else that of the cluster, else that of
    /// the only `RayJob` which used it. `None` if it cannot be told which.
    pub(crate) fn best(&self) -> Option<usize> {
        if self.is_ambiguous() {
            return None;
        }
        let of_clusters = self.0.iter().filter(|(_, row)| row.kind == Kind::RayCluster);
        let jobs = || self.0.iter().filter(|(_, row)| row.kind == Kind::RayJob);
        let Some((at, cluster)) = of_clusters.max_by_key(|(_, row)| (row.from(), row.uid())) else {
            return jobs().next().filter(|_| jobs().count() == 1).map(|(at, _)| *at);
        };
        let [_, _, owner] = cluster.owner();
        let job = jobs().find(|(_, row)| row.uid() == owner);
        Some(job.map_or(*at, |(at, _)| *at))
    }
}

/// Returns the indices of rows in whose place another row came: before the head pod of a run is known it has the name of
/// its cluster, and before that none.
fn replaced(rows: &[Packed]) -> BTreeSet<usize> {
    let mut newest: HashMap<&str, u64> = HashMap::new();
    for row in rows {
        let newest = newest.entry(row.uid()).or_default();
        *newest = row.revision.max(*newest);
    }
    let mut heads: HashMap<(&str, &str), u64> = HashMap::new();
    for row in rows.iter().filter(|row| row.run() != row.cluster()) {
        let revision = heads.entry((row.uid(), row.cluster())).or_default();
        *revision = row.revision.max(*revision);
    }
    let is_replaced = |row: &Packed| {
        let by = if row.cluster().is_empty() { newest.get(row.uid()) } else { heads.get(&(row.uid(), row.cluster())) };
        row.run() == row.cluster() && by.is_some_and(|revision| *revision > row.revision)
    };
    rows.iter().enumerate().filter(|(_, row)| is_replaced(row)).map(|(at, _)| at).collect()
}
