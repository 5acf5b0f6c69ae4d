//! The rows of the ledger that tell of listed sessions, and those of runs that have none.
//!
//! Found for all sessions at once, because filters ask for all of them: sessions and rows are both sorted by cluster.
//! Pure: zones of heads are passed in.

use super::listing::Listing;
use crate::ledger_rows::{Packed, Rows, RowsOfCluster};
use ray_history_core::base::name::SessionKey;
use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// No row.
const NONE: u32 = u32::MAX;

/// Rows of the ledger by session.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// By index of the session's row in the listing; empty if there are no rows.
    of_session: Vec<u32>,
    /// Rows of which no session is listed, the newest first.
    without_session: Vec<u32>,
    /// `true` if a session could not be told from others because the zone of its head is not known.
    pub(crate) is_ambiguous: bool,
}

impl Runs {
    /// Returns the row that tells of the session at an index of the listing.
    pub(crate) fn of(&self, at: usize) -> Option<usize> {
        self.of_session.get(at).filter(|row| **row != NONE).map(|row| *row as usize)
    }

    /// Returns the rows of which no session is listed, the newest first.
    pub(crate) fn without_session(&self) -> &[u32] {
        &self.without_session
    }
}

impl Listing {
    /// Finds the row that tells of each session. `zone` returns the minutes by which a head's clock is ahead of UTC.
    pub(crate) fn runs(&self, rows: &Rows, zone: &dyn Fn(&SessionKey) -> Option<i64>) -> Runs {
        if rows.all().is_empty() {
            return Runs::default();
        }
        let table = &*self.table;
        let ranges = self.ranges(rows);
        let mut of_clusters: HashMap<u32, RowsOfCluster<'_>> = HashMap::new();
        let mut runs = Runs { of_session: vec![NONE; table.rows().len()], ..Runs::default() };
        let mut has_session = vec![false; rows.all().len()];
        for (at, row) in table.rows().iter().enumerate() {
            let Some(range) = ranges.get(row.cluster as usize).filter(|range| !range.is_empty()) else { continue };
            let Some(key) = table.key(row) else { continue };
            let of_cluster = of_clusters.entry(row.cluster).or_insert_with(|| rows.rows_of_cluster(range.clone()));
            let zone = || zone(&key);
            let candidates = of_cluster.of_session(&key.session, row.written(), row.namespace_known(), &zone);
            runs.is_ambiguous |= candidates.is_ambiguous() && zone().is_none();
            for candidate in candidates.all() {
                has_session[candidate] = true;
            }
            if let Some(best) = candidates.best() {
                runs.of_session[at] = best as u32;
            }
        }
        let of_owners = told_by_owner(rows.all());
        let without = rows.all().iter().enumerate().filter(|(at, row)| {
            // Of a run that goes well its session comes.
            !has_session[*at] && (row.to().is_some() || row.code.is_some()) && !of_owners.contains(at)
        });
        runs.without_session = without.map(|(at, _)| at as u32).collect();
        let order = |at: &u32| rows.all().get(*at as usize).map(|row| (Reverse(row.from()), row.place()));
        runs.without_session.sort_by(|a, b| order(a).cmp(&order(b)));
        runs
    }

    /// Returns the rows of each cluster of the listing.
    fn ranges(&self, rows: &Rows) -> Vec<Range<usize>> {
        let (all, mut at) = (rows.all(), 0);
        let clusters = self.table.clusters().iter().map(|cluster| {
            let place = [self.table.text(cluster.namespace), self.table.text(cluster.name)];
            while all.get(at).is_some_and(|row| row.cluster_place() < place) {
                at += 1;
            }
            let from = at;
            while all.get(at).is_some_and(|row| row.cluster_place().cmp(&place) == Ordering::Equal) {
                at += 1;
            }
            from..at
        });
        clusters.collect()
    }
}

/// Returns the rows of clusters of which the `RayJob` that owns them tells the same run.
fn told_by_owner(rows: &[Packed]) -> HashSet<usize> {
    let runs: HashSet<[&str; 3]> = rows.iter().map(|row| [row.uid(), row.cluster(), row.run()]).collect();
    let is_told = |row: &Packed| {
        let [_, _, owner] = row.owner();
        !owner.is_empty() && runs.contains(&[owner, row.cluster(), row.run()])
    };
    rows.iter().enumerate().filter(|(_, row)| is_told(row)).map(|(at, _)| at).collect()
}
