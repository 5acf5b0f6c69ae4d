//! The rows of one cluster, by the names of their sessions and by time: a cluster that is made again every hour has
//! thousands of both.

use super::{Candidates, Packed};
use crate::liveness::StartBounds;
use ray_history_core::base::name::SessionName;
use std::collections::HashMap;
use std::ops::Range;

/// Microseconds before the start of a run within which its session may begin: the clocks of nodes differ.
const EARLY: i64 = 60_000_000;

/// The rows of one cluster.
#[derive(Debug)]
pub(crate) struct RowsOfCluster<'a> {
    all: &'a [Packed],
    /// By the name of a session.
    named: HashMap<&'a str, Vec<usize>>,
    /// Rows that name no session, by their start.
    unnamed: Vec<Unnamed>,
}

#[derive(Clone, Copy, Debug)]
struct Unnamed {
    from: i64,
    /// The last end of this row and of all that began before it.
    last: i64,
    at: usize,
}

impl<'a> RowsOfCluster<'a> {
    /// Returns the rows in a range of all.
    pub(crate) fn new(all: &'a [Packed], range: Range<usize>) -> Self {
        let mut rows = Self { all, named: HashMap::new(), unnamed: Vec::new() };
        for at in range {
            let Some(row) = all.get(at) else { continue };
            for name in row.sessions() {
                rows.named.entry(name).or_default().push(at);
            }
            if let (false, Some(from)) = (row.names_sessions(), row.from()) {
                rows.unnamed.push(Unnamed { from, last: row.to().unwrap_or(i64::MAX), at });
            }
        }
        rows.unnamed.sort_unstable_by_key(|row| (row.from, row.at));
        let mut last = i64::MIN;
        for row in &mut rows.unnamed {
            last = last.max(row.last);
            row.last = last;
        }
        rows
    }

    /// Returns the rows that may tell of a listed session. `zone` returns the minutes by which the clock of its head is ahead
    /// of UTC, if they are known.
    pub(crate) fn of_session(
        &self,
        session: &SessionName,
        written: Option<i64>,
        namespace_known: bool,
        zone: &dyn Fn() -> Option<i64>,
    ) -> Candidates<'a> {
        let start = StartBounds::from_name(session);
        let start = written.map_or(start, |written| start.no_later_than(written));
        let found = self.candidates(session.as_str(), start);
        if !namespace_known {
            return found.that_name(session.as_str());
        }
        let exact = found.is_ambiguous().then(|| zone().zip(session.local_micros())).flatten();
        exact.map_or(found, |(minutes, local)| {
            let began = local.saturating_sub(minutes.saturating_mul(60_000_000));
            let exact = StartBounds { earliest: began, latest: began, guess: began };
            self.candidates(session.as_str(), exact)
        })
    }

    /// Returns the rows that may tell of a session which began within these bounds.
    ///
    /// Rows name their sessions. Of those that do not, all count that went on when the session may have begun: its start is
    /// known to some hours only while the time zone of its head is not.
    fn candidates(&self, session: &str, start: StartBounds) -> Candidates<'a> {
        if let Some(named) = self.named.get(session) {
            return Candidates(named.iter().filter_map(|at| Some((*at, self.all.get(*at)?))).collect());
        }
        let begun = self.unnamed.partition_point(|row| row.from.saturating_sub(EARLY) <= start.latest);
        let begun = self.unnamed[..begun].iter().rev().take_while(|row| row.last >= start.earliest);
        let rows = begun.filter_map(|row| Some((row.at, self.all.get(row.at)?)));
        let mut found: Vec<(usize, &Packed)> =
            rows.filter(|(_, row)| row.to().is_none_or(|to| to >= start.earliest)).collect();
        found.sort_unstable_by_key(|(at, _)| *at);
        Candidates(found)
    }
}
