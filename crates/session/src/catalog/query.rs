//! Queries on a listing: filters, and pages by key.
//!
//! A page begins after a session, not after a number of sessions, so it neither repeats nor skips any while sessions
//! come and go. This module is pure: no I/O, no clock; the states of sessions are passed in.

mod filter;
mod loose;
mod order;

pub use order::{Cursor, NoCursor, Sort, SortBy};

use super::found_runs::FoundRuns;
use super::listing::{Entry, Listing};
use super::visible::Visible;
use crate::ledger_rows::{Packed, Rows};
use crate::liveness::{State, Watched};
use filter::Filter;
use loose::LooseRuns;
use order::{At, Item};
use ray_history_core::base::name::{OwnerKind, SessionKey};
use ray_history_core::snapshot::run_facts::{Outcome, RunFacts};
use ray_history_manifest::proof::Verdict;
use ray_history_obituary::cause::Code;
use ray_history_obituary::ledger::Row;
use std::cmp::Ordering;
use std::sync::Arc;

/// A filter of sessions. A field that is `None` or empty is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The sessions that may be found at all. Counts, pages and cursors know no others.
    pub visible: Visible,
    /// The exact namespace.
    pub namespace: Option<String>,
    /// The exact kind of owner.
    pub owner_kind: Option<OwnerKind>,
    /// The exact name of the owner.
    pub owner: Option<String>,
    /// The exact name of the cluster.
    pub cluster: Option<String>,
    /// The exact state.
    pub state: Option<State>,
    /// The exact verdict, one of `Verdict::WORDS`.
    pub verdict: Option<&'static str>,
    /// The exact outcome.
    pub outcome: Option<Outcome>,
    /// The exact first cause.
    pub cause: Option<Code>,
    /// Ray's type of an error of a job or of a failed task attempt. Case is ignored.
    pub error_type: Option<String>,
    /// Keys and values that the metadata of one job must all have.
    pub metadata: Vec<(String, String)>,
    /// `true` to find only sessions that are marked for deletion.
    pub expiring: bool,
    /// Earliest start, in Unix microseconds of the head's own clock.
    pub from: Option<i64>,
    /// End of the range of starts (exclusive), in Unix microseconds of the head's own clock.
    pub until: Option<i64>,
    /// Words that must all occur in the name of the namespace, cluster, owner or session, or in the owner's kind. Case
    /// is ignored.
    pub text: Option<String>,
    /// The order.
    pub sort: Sort,
    /// `true` to find runs of which no session is listed, too.
    pub runs: bool,
    /// The namespaces that are served, which limit such runs; all if `None`. The listing is limited already.
    pub served: Option<Arc<[String]>>,
    /// End of the previous page.
    pub after: Option<Cursor>,
    /// First session of the following page: the page right before it is returned. Takes precedence over `after`.
    pub before: Option<Cursor>,
    /// Number of sessions on a page; at least one.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            visible: Visible::All,
            namespace: None,
            owner_kind: None,
            owner: None,
            cluster: None,
            state: None,
            verdict: None,
            outcome: None,
            cause: None,
            error_type: None,
            metadata: Vec::new(),
            sort: Sort::default(),
            runs: false,
            expiring: false,
            served: None,
            from: None,
            until: None,
            text: None,
            after: None,
            before: None,
            limit: Self::LIMIT,
        }
    }
}

impl Query {
    /// Default number of sessions on a page.
    pub const LIMIT: usize = 100;
}

/// A run of which no session is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LooseRun {
    /// Number of the sessions of its page that come before it.
    pub before: usize,
    /// Its row.
    pub row: Row,
}

/// A page of sessions, and of runs without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The sessions of this page.
    pub entries: Vec<Entry>,
    /// Runs without a session, in their places between the sessions.
    pub runs: Vec<LooseRun>,
    /// The `after` of the next page; `None` on the last.
    pub next: Option<Cursor>,
    /// The `before` of the previous page; `None` on the first.
    pub previous: Option<Cursor>,
    /// Number of sessions and runs that match the query, on all pages.
    pub total: usize,
    /// Number of runs without a session among them.
    pub runs_total: usize,
    /// Number of sessions that may match once their manifests and the facts of their jobs are read.
    pub unread: usize,
}

/// The last word of a session's manifests; of an open session, its proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The state, if no watch tells it.
    pub state: Option<State>,
    /// The verdict; `None` if nothing is known.
    pub verdict: Option<Verdict>,
}

/// Returns the last word of a session's manifests; `None` if they were not read.
pub(super) type Manifests<'a> = &'a dyn Fn(&SessionKey) -> Option<Told>;

/// The outcome of a session, as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The facts of its jobs were not read.
    Unread,
    /// It may still come.
    Open,
    /// The outcome.
    Known(Outcome),
}

/// Returns the facts of a session's jobs; `None` if they were not read.
pub(super) type FactsOf<'a> = &'a dyn Fn(&SessionKey) -> Option<Arc<RunFacts>>;

/// Returns the outcome of a session.
pub(super) type Outcomes<'a> = &'a dyn Fn(&SessionKey) -> ReadOutcome;

/// The sources of what lists know of sessions beyond their names.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Returns the last word of a session's manifests; `None` if they were not read.
    pub(crate) manifests: Manifests<'a>,
    /// Returns the outcome of a session by its jobs.
    pub(crate) outcomes: Outcomes<'a>,
    /// Returns the facts of a session's jobs, as far as they were read.
    pub(crate) facts: FactsOf<'a>,
    /// Rows of the ledger by session.
    pub(crate) found: Option<&'a FoundRuns>,
    /// Returns `true` if a session is marked for deletion.
    pub(crate) expiring: &'a dyn Fn(&SessionKey) -> bool,
}

impl Listing {
    /// Returns a page of the sessions that match a query, of which no outcome is known.
    pub fn page(&self, query: &Query, watched: &Watched, manifests: Manifests<'_>) -> Page {
        let asked = Asked {
            manifests,
            outcomes: &|_| ReadOutcome::Unread,
            facts: &|_| None,
            found: None,
            expiring: &|_| false,
        };
        self.page_with(query, watched, asked)
    }

    /// Returns a page of the sessions, and of the runs without one, that match a query. Manifests are asked for where a
    /// state or a verdict depends on them, outcomes and facts where they are wanted or sorted by.
    pub(crate) fn page_with(&self, query: &Query, watched: &Watched, asked: Asked<'_>) -> Page {
        let (table, limit) = (&*self.table, query.limit.max(1));
        let loose: Vec<&Packed> = asked.found.map_or_else(Vec::new, |found| {
            let runs = LooseRuns::new(query);
            let matching = |row: &&Packed| runs.as_ref().is_some_and(|runs| runs.matches(row));
            found.without_session().filter(matching).collect()
        });
        let filter = Filter::new(table, query, watched, asked);
        // Pages of everything need not visit everything.
        if loose.is_empty()
            && query.sort == Sort::default()
            && let Some(true) = filter.as_ref().map(Filter::matches_all)
            && let Some(page) = self.page_of_all(query, limit)
        {
            return page;
        }
        let (mut items, mut unread) = (Vec::new(), 0);
        if let Some(mut filter) = filter {
            for (at, row) in table.rows().iter().enumerate() {
                if filter.matches(at, row) {
                    items.push((filter.value(query.sort, at, row), Item::Session(row)));
                }
            }
            unread = filter.unread();
        }
        let is_sorted = query.sort == Sort::default() && loose.is_empty();
        items.extend(loose.into_iter().map(|row| {
            let long = row.from().zip(row.to()).map(|(from, to)| to.saturating_sub(from));
            let value = query.sort.value(row.from().unwrap_or(i64::MIN), long, row.known_outcome());
            (value, Item::Run(row))
        }));
        if !is_sorted {
            // Stable: sessions and runs that are sorted already are one merge.
            items.sort_by(|a, b| a.1.compare(a.0, *b, table));
        }
        Page { unread, ..self.cut(&items, query) }
    }

    /// Returns a page of runs that match a query, the newest first, whether or not a session of them is listed.
    pub(crate) fn page_of_runs(&self, query: &Query, rows: &Rows) -> Page {
        let query = Query { runs: true, sort: Sort::default(), ..query.clone() };
        let Some(runs) = LooseRuns::new(&query) else { return Page::default() };
        let mut items: Vec<(i64, Item<'_>)> =
            rows.all().iter().filter(|row| runs.matches(row)).map(|row| (0, Item::Run(row))).collect();
        items.sort_unstable_by(|a, b| a.1.compare(a.0, *b, &self.table));
        self.cut(&items, &query)
    }

    /// Cuts a page out of all items in their order.
    fn cut(&self, items: &[(i64, Item<'_>)], query: &Query) -> Page {
        let (table, limit) = (&*self.table, query.limit.max(1));
        let before = |cursor: &Cursor, ordering: Ordering| {
            items.partition_point(|(value, item)| item.compare_with(*value, cursor, table) <= ordering)
        };
        // The page has items from the end of the one before, or the last ones before the begin of the one after.
        let (from, to) = match (&query.before, &query.after) {
            (Some(end), _) => {
                let end = before(end, Ordering::Less);
                (end.saturating_sub(limit), end)
            }
            (None, Some(after)) => {
                let from = before(after, Ordering::Equal);
                (from, from.saturating_add(limit).min(items.len()))
            }
            (None, None) => (0, limit.min(items.len())),
        };
        let cursor = |at: usize| items.get(at).and_then(|(value, item)| item.cursor(*value, table));
        let runs_total = items.iter().filter(|(_, item)| matches!(item, Item::Run(_))).count();
        let mut page = Page { total: items.len(), runs_total, ..Page::default() };
        page.previous = cursor(from).filter(|_| from > 0 && from < to);
        page.next = to.checked_sub(1).and_then(cursor).filter(|_| to < items.len() && from < to);
        for (_, item) in &items[from..to] {
            match item {
                Item::Session(row) => page.entries.extend(self.entry(row)),
                Item::Run(row) => page.runs.push(LooseRun { before: page.entries.len(), row: row.row() }),
            }
        }
        page
    }

    /// Returns a page of all sessions, the newest first; `None` for a cursor of something else.
    fn page_of_all(&self, query: &Query, limit: usize) -> Option<Page> {
        let (table, all) = (&*self.table, self.table.rows());
        let key = |cursor: &Cursor| match &cursor.at {
            At::Session(key) if cursor.value == 0 => Some(key.clone()),
            At::Session(_) | At::Run { .. } => None,
        };
        let (from, to) = match (&query.before, &query.after) {
            (Some(end), _) => {
                let end = table.position(&key(end)?);
                (end.saturating_sub(limit), end)
            }
            (None, after) => {
                let first = match after {
                    Some(after) => {
                        let key = key(after)?;
                        table.position(&key) + usize::from(table.find(&key).is_some())
                    }
                    None => 0,
                };
                (first, first.saturating_add(limit).min(all.len()))
            }
        };
        let entries: Vec<Entry> = all.get(from..to)?.iter().filter_map(|row| self.entry(row)).collect();
        let cursor = |entry: Option<&Entry>| entry.map(|entry| Cursor { value: 0, at: At::Session(entry.key.clone()) });
        Some(Page {
            previous: cursor(entries.first()).filter(|_| from > 0),
            next: cursor(entries.last()).filter(|_| to < all.len()),
            entries,
            total: all.len(),
            ..Page::default()
        })
    }
}

#[cfg(test)]
mod tests;
