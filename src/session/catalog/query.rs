//! Questions to a listing: filters, and pages by key.
//!
//! A page begins after a session, not after a number of them: so it neither repeats nor skips any while sessions come
//! and go. Pure: no I/O, no clock; whether sessions live is passed in.

mod filter;

use super::listing::{Entry, Listing};
use super::table::Row;
use crate::liveness::{Liveness, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use filter::Filter;
use ray_history_core::base::name::{ClusterId, OwnerKind, SessionKey, SessionName};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

/// Which sessions are wanted; what is none or empty is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Exactly this namespace.
    pub namespace: Option<String>,
    /// Exactly this kind of owner.
    pub owner_kind: Option<OwnerKind>,
    /// Exactly this name of the owner.
    pub owner: Option<String>,
    /// Exactly this name of the cluster.
    pub cluster: Option<String>,
    /// Exactly this state.
    pub state: Option<State>,
    /// Begun at this time or later, in Unix microseconds of the head's own clock.
    pub from: Option<i64>,
    /// Begun before this time, in Unix microseconds of the head's own clock.
    pub until: Option<i64>,
    /// Words that must all occur in the namespace, the cluster's, the owner's or the session's name, or the owner's
    /// kind; upper and lower case are the same.
    pub text: Option<String>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// The first session of the page behind: those right before it are wanted. Wins over `after`.
    pub before: Option<Cursor>,
    /// Sessions on a page, at least one.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            namespace: None,
            owner_kind: None,
            owner: None,
            cluster: None,
            state: None,
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
    /// Sessions on a page, when nobody says otherwise.
    pub const LIMIT: usize = 100;
}

/// Some of the sessions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The sessions of this page.
    pub entries: Vec<Entry>,
    /// Where the next page begins; none on the last.
    pub next: Option<Cursor>,
    /// The `before` of the page in front; none on the first.
    pub previous: Option<Cursor>,
    /// How many sessions the query matches, on all pages.
    pub total: usize,
}

/// The end of a page; opaque to clients, and good for as long as the server's listing goes back so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(SessionKey);

/// What is no cursor of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list: take `next` of the page before, or leave it out to begin with the newest")]
pub struct NoCursor;

impl Cursor {
    /// Longer texts are nobody's cursor.
    const LONGEST: usize = 4096;
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.to_string()))
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let short = Some(text).filter(|text| text.len() <= Self::LONGEST).ok_or(NoCursor)?;
        let key = String::from_utf8(URL_SAFE_NO_PAD.decode(short).map_err(|_| NoCursor)?).map_err(|_| NoCursor)?;
        let [namespace, name, session] = key.split('/').collect::<Vec<_>>().try_into().map_err(|_| NoCursor)?;
        let session = SessionName::parse(session).ok_or(NoCursor)?;
        let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
        Ok(Self(SessionKey { cluster, session }))
    }
}

impl Listing {
    /// A page of the sessions that a query wants.
    pub fn page(&self, query: &Query, liveness: &Liveness) -> Page {
        let table = &*self.table;
        // Rows from `first` on, or the last ones before `end`.
        let first = query.after.as_ref().filter(|_| query.before.is_none()).map_or(0, |Cursor(key)| {
            let place = table.place(key);
            let listed = table.rows().get(place).is_some_and(|row| table.compare(row, key) == Ordering::Equal);
            place + usize::from(listed)
        });
        let end = query.before.as_ref().map(|Cursor(key)| table.place(key));
        let limit = query.limit.max(1);
        let mut page = Page::default();
        let judge = liveness.judge();
        let Some(mut filter) = Filter::new(table, query, judge.as_deref()) else { return page };
        let (mut shown, mut earlier, mut more): (VecDeque<&Row>, bool, bool);
        if filter.lets_all_pass() {
            let all = table.rows();
            let from = end.map_or(first, |end| end.saturating_sub(limit)).min(all.len());
            let to = end.unwrap_or(from.saturating_add(limit)).min(all.len());
            page.total = all.len();
            (shown, earlier, more) = (all[from..to].iter().collect(), from > 0, to < all.len());
        } else {
            (shown, earlier, more) = (VecDeque::new(), false, false);
            for (at, row) in table.rows().iter().enumerate().filter(|(_, row)| filter.wants(row)) {
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
        page.entries = shown.into_iter().filter_map(|row| self.entry(row)).collect();
        let cursor = |entry: Option<&Entry>| entry.map(|entry| Cursor(entry.key.clone()));
        page.previous = cursor(page.entries.first()).filter(|_| earlier);
        page.next = cursor(page.entries.last()).filter(|_| more);
        page
    }
}

#[cfg(test)]
mod tests;
