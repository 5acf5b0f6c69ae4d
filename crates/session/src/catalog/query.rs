//! Queries on a listing: filters, and pages by key.
//!
//! A page begins after a session, not after a number of sessions, so it neither repeats nor skips any while sessions
//! come and go. This module is pure: no I/O, no clock; the states of sessions are passed in.

mod filter;

use super::listing::{Entry, Listing};
use super::table::Row;
use super::visible::Visible;
use crate::liveness::{State, Watched};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use filter::Filter;
use ray_history_core::base::name::{ClusterId, OwnerKind, SessionKey, SessionName};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_manifest::proof::Verdict;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

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
    /// Earliest start, in Unix microseconds of the head's own clock.
    pub from: Option<i64>,
    /// End of the range of starts (exclusive), in Unix microseconds of the head's own clock.
    pub until: Option<i64>,
    /// Words that must all occur in the name of the namespace, cluster, owner or session, or in the owner's kind. Case
    /// is ignored.
    pub text: Option<String>,
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

/// A page of sessions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The sessions of this page.
    pub entries: Vec<Entry>,
    /// The `after` of the next page; `None` on the last.
    pub next: Option<Cursor>,
    /// The `before` of the previous page; `None` on the first.
    pub previous: Option<Cursor>,
    /// Number of sessions that match the query, on all pages.
    pub total: usize,
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

/// Returns the outcome of a session.
pub(super) type Outcomes<'a> = &'a dyn Fn(&SessionKey) -> ReadOutcome;

/// The end of a page. Opaque to clients, and valid for as long as the server's listing goes back so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(SessionKey);

/// The text is not a cursor of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list: take `next` of the previous page, or leave it out to begin with the newest")]
pub struct NoCursor;

impl Cursor {
    /// Maximum length of a cursor in bytes.
    const MAX_LEN: usize = 4096;
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.to_string()))
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let short = Some(text).filter(|text| text.len() <= Self::MAX_LEN).ok_or(NoCursor)?;
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(short).map_err(|_| NoCursor)?).map_err(|_| NoCursor)?;
        let [namespace, name, session] = key.split('/').collect::<Vec<_>>().try_into().map_err(|_| NoCursor)?;
        let session = SessionName::parse(session).ok_or(NoCursor)?;
        let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
        Ok(Self(SessionKey { cluster, session }))
    }
}

impl Listing {
    /// Returns a page of the sessions that match a query, of which no outcome is known.
    pub fn page(&self, query: &Query, watched: &Watched, manifests: Manifests<'_>) -> Page {
        self.page_with(query, watched, manifests, &|_| ReadOutcome::Unread)
    }

    /// Returns a page of the sessions that match a query. Manifests are asked for where a state or a verdict depends on
    /// them, outcomes where one is wanted.
    pub fn page_with(
        &self,
        query: &Query,
        watched: &Watched,
        manifests: Manifests<'_>,
        outcomes: Outcomes<'_>,
    ) -> Page {
        let table = &*self.table;
        // The page has rows from `first` on, or the last ones before `end`.
        let first = query.after.as_ref().filter(|_| query.before.is_none()).map_or(0, |Cursor(key)| {
            let position = table.position(key);
            let listed = table.rows().get(position).is_some_and(|row| table.compare(row, key) == Ordering::Equal);
            position + usize::from(listed)
        });
        let end = query.before.as_ref().map(|Cursor(key)| table.position(key));
        let limit = query.limit.max(1);
        let mut page = Page::default();
        let Some(mut filter) = Filter::new(table, query, watched, manifests, outcomes) else { return page };
        let (mut shown, mut earlier, mut more): (VecDeque<&Row>, bool, bool);
        if filter.matches_all() {
            let all = table.rows();
            let from = end.map_or(first, |end| end.saturating_sub(limit)).min(all.len());
            let to = end.unwrap_or(from.saturating_add(limit)).min(all.len());
            page.total = all.len();
            (shown, earlier, more) = (all[from..to].iter().collect(), from > 0, to < all.len());
        } else {
            (shown, earlier, more) = (VecDeque::new(), false, false);
            for (at, row) in table.rows().iter().enumerate().filter(|(_, row)| filter.matches(row)) {
                page.total += 1;
                if at < first {
                    earlier = true;
                } else if end.map_or(shown.len() == limit, |end| at >= end) {
                    more = true;
                } else {
                    if shown.len() == limit {
                        shown.pop_front();
                        earlier = true;
                    }
                    shown.push_back(row);
                }
            }
        }
        page.unread = filter.unread();
        page.entries = shown.into_iter().filter_map(|row| self.entry(row)).collect();
        let cursor = |entry: Option<&Entry>| entry.map(|entry| Cursor(entry.key.clone()));
        page.previous = cursor(page.entries.first()).filter(|_| earlier);
        page.next = cursor(page.entries.last()).filter(|_| more);
        page
    }
}

#[cfg(test)]
mod tests;
