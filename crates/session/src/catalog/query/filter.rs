//! The conditions of a query, prepared for one table: names are compared once per cluster and owner, not per session.

use super::super::row_states::RowStates;
use super::super::table::{Row, Table};
use super::{Manifests, Outcomes, Query, ReadOutcome};
use crate::liveness::{State, Watched};
use memchr::memmem::Finder;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_manifest::proof::Verdict;

/// Maximum number of words. Further words are ignored.
const MAX_WORDS: usize = 16;

/// A query prepared for one table.
pub(super) struct Filter<'a> {
    table: &'a Table,
    from: i64,
    until: i64,
    state: Option<(State, RowStates<'a>)>,
    /// `true` if sessions of an unconfirmed namespace match, too.
    unconfirmed: bool,
    verdict: Option<&'static str>,
    manifests: Manifests<'a>,
    outcome: Option<(Outcome, RowStates<'a>)>,
    outcomes: Outcomes<'a>,
    /// Sessions whose manifests, or the facts of whose jobs, were not read.
    unread: usize,
    /// The names that were looked up last; their memory is reused.
    key: Option<SessionKey>,
    /// By index of the cluster: `None` if its names do not match, otherwise a bit for each word that occurs in them.
    clusters: Option<Vec<Option<u16>>>,
    /// By index of the owner. The last element stands for no owner.
    owners: Option<Vec<Option<u16>>>,
    words: Vec<Finder<'static>>,
    lower: String,
}

impl<'a> Filter<'a> {
    /// Creates a filter, or returns `None` if no session can match.
    pub(super) fn new(
        table: &'a Table,
        query: &Query,
        watched: &'a Watched,
        manifests: Manifests<'a>,
        outcomes: Outcomes<'a>,
    ) -> Option<Self> {
        let text = query.text.as_deref().unwrap_or_default().to_lowercase();
        let words: Vec<Finder<'static>> =
            text.split_whitespace().take(MAX_WORDS).map(|word| Finder::new(word).into_owned()).collect();
        let mut filter = Self {
            table,
            from: query.from.unwrap_or(i64::MIN),
            until: query.until.unwrap_or(i64::MAX),
            state: query.state.map(|wanted| (wanted, RowStates::new(table, watched))),
            unconfirmed: query.visible.is_all(),
            verdict: query.verdict,
            manifests,
            outcome: query.outcome.map(|wanted| (wanted, RowStates::new(table, watched))),
            outcomes,
            unread: 0,
            key: None,
            clusters: None,
            owners: None,
            words,
            lower: String::new(),
        };
        let wanted = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        let all_visible = query.visible.is_all();
        if !filter.words.is_empty() || query.namespace.is_some() || query.cluster.is_some() || !all_visible {
            let clusters = table.clusters().iter().map(|cluster| {
                let (namespace, name) = (table.text(cluster.namespace), table.text(cluster.name));
                let fits = wanted(&query.namespace, namespace) && wanted(&query.cluster, name);
                let fits = fits && query.visible.shows_namespace(namespace);
                fits.then(|| filter.word_bits([namespace, name]))
            });
            filter.clusters = Some(clusters.collect::<Vec<_>>());
        }
        if !filter.words.is_empty() || query.owner_kind.is_some() || query.owner.is_some() {
            let owners = table.owners().map(|(kind, name)| {
                let fits = query.owner_kind.is_none_or(|wanted| wanted == kind) && wanted(&query.owner, name);
                fits.then(|| filter.word_bits([kind.folder(), name]))
            });
            let mut owners: Vec<_> = owners.collect();
            owners.push((query.owner_kind.is_none() && query.owner.is_none()).then_some(0));
            filter.owners = Some(owners);
        }
        let none = |list: &Option<Vec<Option<u16>>>| list.as_ref().is_some_and(|list| list.iter().all(Option::is_none));
        (!none(&filter.clusters) && !none(&filter.owners) && filter.from < filter.until).then_some(filter)
    }

    pub(super) fn matches_all(&self) -> bool {
        let no_time = self.from == i64::MIN && self.until == i64::MAX;
        let of_session = self.state.is_none() && self.verdict.is_none() && self.outcome.is_none();
        self.clusters.is_none() && self.owners.is_none() && of_session && no_time
    }

    pub(super) fn matches(&mut self, row: &Row) -> bool {
        // An invalid date is the smallest number, so it is in no range with a beginning.
        if row.micros < self.from || (row.micros >= self.until && self.until != i64::MAX) {
            return false;
        }
        if !self.unconfirmed && !row.namespace_known() {
            return false;
        }
        let mut found = 0;
        if let Some(clusters) = &self.clusters {
            let Some(Some(words)) = clusters.get(row.cluster as usize) else { return false };
            found |= words;
        }
        if let Some(owners) = &self.owners {
            let at = self.table.owner_at(row).map_or(owners.len() - 1, |at| at as usize);
            let Some(Some(words)) = owners.get(at) else { return false };
            found |= words;
        }
        let all = ((1_u32 << self.words.len()) - 1) as u16;
        if found != all {
            let mut name = self.table.text(row.session);
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                name.clone_into(&mut self.lower);
                self.lower.make_ascii_lowercase();
                name = &self.lower;
            }
            let missing = self.words.iter().enumerate().filter(|(at, _)| found & (1 << at) == 0);
            if missing.into_iter().any(|(_, word)| word.find(name.as_bytes()).is_none()) {
                return false;
            }
        }
        // Checked last, because they may need a lookup by key.
        let unread = self.unread;
        let fits = self.has_state_and_verdict(row) && self.has_outcome(row);
        self.unread = self.unread.min(unread + 1);
        fits
    }

    /// Returns the number of sessions that may match once their manifests and the facts of their jobs are read.
    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    fn has_state_and_verdict(&mut self, row: &Row) -> bool {
        let state = self.state.as_mut().map(|(wanted, states)| (*wanted, states.of(row)));
        let by_watch = state.filter(|(_, state)| *state != State::Unknown);
        if by_watch.is_some_and(|(wanted, state)| state != wanted) {
            return false;
        }
        if self.verdict.is_none() && (state.is_none() || by_watch.is_some()) {
            return true;
        }
        let told = self.table.key_into(row, &mut self.key).and_then(|key| (self.manifests)(key));
        let Some(told) = told else {
            self.unread += 1;
            // Until then nothing is known.
            return self.verdict.is_none() && state.is_none_or(|(wanted, state)| state == wanted);
        };
        let state =
            state.map(|(wanted, state)| (wanted, by_watch.map_or(told.state.unwrap_or(state), |(_, state)| state)));
        state.is_none_or(|(wanted, state)| state == wanted)
            && self.verdict.is_none_or(|wanted| told.verdict.map(Verdict::as_str) == Some(wanted))
    }

    fn has_outcome(&mut self, row: &Row) -> bool {
        let Some((wanted, states)) = &mut self.outcome else { return true };
        let read = self.table.key_into(row, &mut self.key).map_or(ReadOutcome::Open, |key| (self.outcomes)(key));
        // The files of a live session are not there yet.
        self.unread += usize::from(read == ReadOutcome::Unread && states.of(row) != State::Live);
        read == ReadOutcome::Known(*wanted)
    }

    /// Returns a bit for each word that occurs in one of these names.
    fn word_bits(&mut self, names: [&str; 2]) -> u16 {
        if self.words.is_empty() {
            return 0;
        }
        self.lower.clear();
        for name in names {
            if name.is_ascii() {
                self.lower.push_str(name);
            } else {
                // Case beyond ASCII may change lengths.
                self.lower.push_str(&name.to_lowercase());
            }
            self.lower.push('\n');
        }
        self.lower.make_ascii_lowercase();
        let found = self.words.iter().enumerate().filter(|(_, word)| word.find(self.lower.as_bytes()).is_some());
        found.fold(0, |bits, (at, _)| bits | 1 << at)
    }
}
