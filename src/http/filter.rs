//! Which sessions of the listing a request wants, and which page of them: parameters in, entries out.
//!
//! Pages are found by the key of the entry before, so that sessions which come and go meanwhile neither repeat nor hide
//! others. Must never cost more than one pass over the listing.

use super::error::Error;
use super::listing::life;
use super::path::{segments, session_key, session_path};
use crate::liveness::State as Life;
use crate::session::catalog::Entry;
use crate::session::{OwnerKind, SessionKey};
use std::cmp::Reverse;

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    namespace: Option<String>,
    cluster: Option<String>,
    owner_kind: Option<OwnerKind>,
    owner: Option<String>,
    state: Option<Life>,
    started_after: Option<i64>,
    started_before: Option<i64>,
    words: Vec<String>,
    limit: usize,
    after: Option<SessionKey>,
}

/// A page of what fits.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) entries: Vec<&'a Entry>,
    /// How many fit in all.
    pub(super) total: usize,
    /// What to give as `after`, when there is more.
    pub(super) next: Option<String>,
}

impl Filter {
    /// Reads a query; what is unknown is ignored, what cannot be read is an error that names it.
    pub(super) fn parse(query: &str, default_limit: usize, max_limit: usize) -> Result<Self, Error> {
        let parameters = actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?;
        let mut filter = Self { limit: default_limit, ..Self::default() };
        for (name, value) in parameters.into_inner() {
            if value.is_empty() {
                continue;
            }
            let bad = |allowed: &str| Error::BadRequest(format!("{name}={value:?}: {allowed}"));
            match name.as_str() {
                "namespace" => filter.namespace = Some(value),
                "cluster" => filter.cluster = Some(value),
                "owner" | "ownerName" => filter.owner = Some(value),
                "ownerKind" => {
                    let kind = OwnerKind::from_folder(&value.to_ascii_lowercase());
                    filter.owner_kind = Some(kind.ok_or_else(|| bad("rayjob or rayservice is wanted"))?);
                }
                "state" => {
                    filter.state = Some(life(&value).ok_or_else(|| bad("live, dead or unknown is wanted"))?);
                }
                "startedAfter" | "startedBefore" => {
                    let at: jiff::Timestamp =
                        value.parse().map_err(|_| bad("a time such as 2026-11-24T12:00:00Z is wanted"))?;
                    let at = Some(at.as_microsecond());
                    if name == "startedAfter" { filter.started_after = at } else { filter.started_before = at }
                }
                "q" => filter.words = value.to_lowercase().split_whitespace().map(str::to_owned).collect(),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=max_limit).contains(limit));
                    filter.limit = limit.ok_or_else(|| bad(&format!("a number from 1 to {max_limit} is wanted")))?;
                }
                "after" => {
                    filter.after = Some(cursor(&value).ok_or_else(|| bad("`next` of the page before is wanted"))?);
                }
                _ => {}
            }
        }
        Ok(filter)
    }

    /// A page of entries, which are sorted newest first.
    pub(super) fn page<'a>(&self, entries: &'a [Entry], state: impl Fn(&SessionKey) -> Life) -> Page<'a> {
        let behind = self.after.as_ref().map_or(0, |after| entries.partition_point(|e| rank(&e.key) <= rank(after)));
        let mut page = Page { entries: Vec::new(), total: 0, next: None };
        for (at, entry) in entries.iter().enumerate() {
            if !self.fits(entry, &state) {
                continue;
            }
            page.total += 1;
            if at < behind {
                continue;
            }
            if page.entries.len() < self.limit {
                page.entries.push(entry);
            } else if page.next.is_none() {
                page.next = page.entries.last().map(|last| session_path(&last.key).trim_end_matches('/').to_owned());
            }
        }
        page
    }

    fn fits(&self, entry: &Entry, state: &impl Fn(&SessionKey) -> Life) -> bool {
        let Entry { key, owner, .. } = entry;
        let is = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        let started = || key.session.local_micros().unwrap_or(0);
        is(&self.namespace, &key.cluster.namespace)
            && is(&self.cluster, &key.cluster.name)
            && self.owner_kind.is_none_or(|kind| owner.as_ref().is_some_and(|owner| owner.kind == kind))
            && (self.owner.as_ref()).is_none_or(|name| owner.as_ref().is_some_and(|owner| owner.name == *name))
            && self.started_after.is_none_or(|after| started() >= after)
            && self.started_before.is_none_or(|before| started() < before)
            && self.words.iter().all(|word| {
                let has = |name: &str| name.to_lowercase().contains(word);
                has(&key.cluster.namespace)
                    || has(&key.cluster.name)
                    || has(key.session.as_str())
                    || owner.as_ref().is_some_and(|owner| has(&owner.name) || has(owner.kind.folder()))
            })
            && self.state.is_none_or(|wanted| state(key) == wanted)
    }
}

/// The order of a listing: newest first, then by name.
fn rank(key: &SessionKey) -> (Reverse<Option<i64>>, &SessionKey) {
    (Reverse(key.session.local_micros()), key)
}

fn cursor(text: &str) -> Option<SessionKey> {
    let names = segments(text).ok()?;
    match &names[..] {
        [namespace, cluster, session] => session_key([namespace, cluster, session]).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
