//! Questions to a listing: filters, and pages by key.
//!
//! A page begins after a session, not after a number of them: so it neither repeats nor skips any while sessions come
//! and go. Pure: no I/O, no clock; whether sessions live is passed in.

mod filter;

use super::listing::{Entry, Listing};
use crate::base::name::{ClusterId, OwnerKind, SessionKey, SessionName};
use crate::liveness::{Liveness, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use filter::Filter;
use std::cmp::Ordering;
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
        let first = query.after.as_ref().map_or(0, |Cursor(key)| {
            let place = table.place(key);
            let listed = table.rows().get(place).is_some_and(|row| table.compare(row, key) == Ordering::Equal);
            place + usize::from(listed)
        });
        let limit = query.limit.max(1);
        let (mut page, mut more) = (Page::default(), false);
        let judge = liveness.judge();
        let Some(mut filter) = Filter::new(table, query, judge.as_deref()) else { return page };
        if filter.lets_all_pass() {
            let rest = table.rows().get(first..).unwrap_or_default();
            page.total = table.rows().len();
            page.entries = rest.iter().take(limit).filter_map(|row| self.entry(row)).collect();
            more = rest.len() > limit;
        } else {
            for (at, row) in table.rows().iter().enumerate().filter(|(_, row)| filter.wants(row)) {
                page.total += 1;
                if at >= first && page.entries.len() < limit {
                    page.entries.extend(self.entry(row));
                } else {
                    more |= at >= first;
                }
            }
        }
        page.next = page.entries.last().filter(|_| more).map(|entry| Cursor(entry.key.clone()));
        page
    }
}

#[cfg(test)]
mod tests;
