//! Runs that ended while this process ran, each counted once, for the metrics.

use super::Obituaries;
use crate::ledger_rows::Packed;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_obituary::facts::Kind;
use std::collections::HashMap;

const MINUTE: i64 = 60_000_000;
/// Microseconds for which the outcome of a run that ended may still come.
const SETTLES: i64 = 5 * MINUTE;
/// Microseconds after its end for which a run is counted.
const LATEST: i64 = 24 * 60 * MINUTE;

/// Runs that were counted, with their ends.
#[derive(Debug)]
pub(super) struct Ended {
    /// The time from which on ends count, in Unix microseconds.
    since: i64,
    counted: HashMap<[String; 2], i64>,
}

impl Ended {
    /// Counts ends from a time on.
    pub(super) fn since(since: i64) -> Self {
        Self { since, counted: HashMap::new() }
    }

    /// Returns the outcomes of the runs that ended and were not counted.
    fn count<'a>(&mut self, rows: impl Iterator<Item = &'a Packed>, now: i64) -> Vec<Outcome> {
        let from = self.since.max(now.saturating_sub(LATEST));
        let mut outcomes = Vec::new();
        for row in rows {
            let Some(to) = row.to().filter(|to| *to >= from) else { continue };
            let is_settled = row.outcome != Outcome::Unknown || now.saturating_sub(to) >= SETTLES;
            if is_settled && self.counted.insert(key(row), to).is_none() {
                outcomes.push(row.outcome);
            }
        }
        self.counted.retain(|_, to| *to >= from);
        outcomes
    }
}

/// Returns the same names for the rows of a `RayJob` and of the cluster that it owns about one run.
fn key(row: &Packed) -> [String; 2] {
    let [kind, _, owner] = row.owner();
    let is_owned = row.kind == Kind::RayCluster && kind == Kind::RayJob.name() && !owner.is_empty();
    [if is_owned { owner } else { row.uid() }, row.run()].map(str::to_owned)
}

impl Obituaries {
    /// Returns the outcomes of the runs that ended since this index was made and were not counted; `now` in Unix
    /// microseconds.
    pub(crate) fn count_ended(&self, now: i64) -> Vec<Outcome> {
        let rows = self.rows();
        // Of a run that a RayJob tells, too, its row counts, which comes first here.
        let of = |kind: Kind| rows.all().iter().filter(move |row| (row.kind == Kind::RayJob) == (kind == Kind::RayJob));
        self.ended.lock().count(of(Kind::RayJob).chain(of(Kind::RayCluster)), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_obituary::document::ObjectId;
    use ray_history_obituary::facts::OwnerRef;
    use ray_history_obituary::ledger::Row;
    use ray_history_obituary::time::Time;
    use std::sync::Arc;

    #[test]
    fn each_run_that_ended_since_the_start_is_counted_once() {
        const START: i64 = 1_000 * 60 * MINUTE;
        let row = |kind: Kind, uid: &str, minutes: Option<i64>, outcome: Outcome| Row {
            object: ObjectId { kind, namespace: "ns".into(), name: "rc".into(), uid: uid.into() },
            owner: (kind == Kind::RayCluster).then(|| OwnerRef {
                kind: "RayJob".into(),
                name: "job".into(),
                uid: "job".into(),
            }),
            run: "head".into(),
            cluster: "rc".into(),
            to: minutes.map(|minutes| Time((START + minutes * MINUTE) * 1_000)),
            outcome,
            revision: 1,
            ..Row::default()
        };
        let store = Arc::new(ray_history_storage::memory::Memory::default());
        let obituaries = Obituaries::new(store, Vec::new(), 1 << 20);
        *obituaries.ended.lock() = Ended::since(START);
        let count = |minutes: i64| obituaries.count_ended(START + minutes * MINUTE);
        obituaries.apply([
            row(Kind::RayJob, "before", Some(-1), Outcome::Failed),
            row(Kind::RayJob, "goes on", None, Outcome::Unknown),
            row(Kind::RayJob, "job", Some(1), Outcome::Failed),
            row(Kind::RayCluster, "cluster", Some(1), Outcome::Unknown),
            row(Kind::RayJob, "open", Some(2), Outcome::Unknown),
        ]);
        assert_eq!(count(3), [Outcome::Failed]);
        assert!(count(4).is_empty(), "nor are the job and its cluster two runs");
        obituaries.apply([Row { revision: 2, ..row(Kind::RayJob, "open", Some(2), Outcome::Stopped) }]);
        assert_eq!(count(5), [Outcome::Stopped]);
        obituaries.apply([row(Kind::RayJob, "unknown", Some(5), Outcome::Unknown)]);
        assert_eq!((count(6), count(10)), (vec![], vec![Outcome::Unknown]));
        assert!(count(3 * 24 * 60).is_empty(), "what is old is forgotten, and not counted again");
        assert!(obituaries.ended.lock().counted.is_empty());
    }
}
