//! The conditions of a query, prepared for one table: names are compared once per cluster and owner, not per session.

use super::super::row_states::RowStates;
use super::super::table::{Row, Table};
use super::{Asked, Query, ReadOutcome, Sort, SortBy};
use crate::ledger_rows::Packed;
use crate::liveness::{State, Watched};
use memchr::memmem::Finder;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::run_facts::{JobFacts, Outcome};
use ray_history_manifest::proof::Verdict;
use ray_history_obituary::cause::Code;

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
    outcome: Option<Outcome>,
    cause: Option<Code>,
    error_type: Option<String>,
    expiring: bool,
    metadata: Vec<(String, String)>,
    /// The states, for sessions that were not read.
    states: RowStates<'a>,
    asked: Asked<'a>,
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
    pub(super) fn new(table: &'a Table, query: &Query, watched: &'a Watched, asked: Asked<'a>) -> Option<Self> {
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
            outcome: query.outcome,
            cause: query.cause,
            error_type: query.error_type.clone(),
            expiring: query.expiring,
            metadata: query.metadata.clone(),
            states: RowStates::new(table, watched),
            asked,
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
        let of_run = self.outcome.is_none() && self.cause.is_none() && !self.asks_for_jobs();
        let of_session = self.state.is_none() && self.verdict.is_none() && !self.expiring && of_run;
        self.clusters.is_none() && self.owners.is_none() && of_session && no_time
    }

    pub(super) fn matches(&mut self, at: usize, row: &Row) -> bool {
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
        if self.expiring && !self.table.key_into(row, &mut self.key).is_some_and(|key| (self.asked.expiring)(key)) {
            return false;
        }
        // Checked last, because they may need a lookup by key.
        let unread = self.unread;
        let fits = self.has_state_and_verdict(row) && self.has_outcome(at, row) && self.has_jobs(row);
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
        let told = self.table.key_into(row, &mut self.key).and_then(|key| (self.asked.manifests)(key));
        let Some(told) = told else {
            self.count_unread(row);
            // Until then nothing is known.
            return self.verdict.is_none() && state.is_none_or(|(wanted, state)| state == wanted);
        };
        let state =
            state.map(|(wanted, state)| (wanted, by_watch.map_or(told.state.unwrap_or(state), |(_, state)| state)));
        state.is_none_or(|(wanted, state)| state == wanted)
            && self.verdict.is_none_or(|wanted| told.verdict.map(Verdict::as_str) == Some(wanted))
    }

    /// Returns the row of the ledger that tells of a session.
    fn told(&self, at: usize) -> Option<&'a Packed> {
        self.asked.found?.row(at)
    }

    /// Compares outcome and cause. What Kubernetes knew of the end counts before what the jobs tell.
    fn has_outcome(&mut self, at: usize, row: &Row) -> bool {
        let told = self.told(at);
        if self.cause.is_some_and(|wanted| told.and_then(|told| told.code) != Some(wanted)) {
            return false;
        }
        let Some(wanted) = self.outcome else { return true };
        if let Some(told) = told.filter(|told| told.outcome != Outcome::Unknown) {
            return told.outcome == wanted;
        }
        let read = self.table.key_into(row, &mut self.key).map_or(ReadOutcome::Open, |key| (self.asked.outcomes)(key));
        match read {
            ReadOutcome::Unread => self.count_unread(row),
            // A run that is over and of which nothing tells how.
            ReadOutcome::Open => {
                return wanted == Outcome::Unknown && told.is_some_and(|told| told.to().is_some());
            }
            ReadOutcome::Known(_) => {}
        }
        read == ReadOutcome::Known(wanted)
    }

    fn asks_for_jobs(&self) -> bool {
        self.error_type.is_some() || !self.metadata.is_empty()
    }

    /// Compares error types and metadata of jobs.
    fn has_jobs(&mut self, row: &Row) -> bool {
        if !self.asks_for_jobs() {
            return true;
        }
        let facts = self.table.key_into(row, &mut self.key).and_then(|key| {
            let facts = (self.asked.facts)(key);
            // Files that were not read are, in the background.
            if facts.is_none() {
                (self.asked.outcomes)(key);
            }
            facts
        });
        let Some(facts) = facts else {
            self.count_unread(row);
            return false;
        };
        let errors = || {
            let of_attempts = facts.failed_attempts.iter().flatten().map(|(name, _)| &**name);
            of_attempts.chain(facts.jobs.iter().filter_map(|job| job.error_type.as_deref()))
        };
        let has = |job: &JobFacts, (key, value): &(String, String)| {
            job.metadata.iter().any(|(known, of_job)| **known == **key && **of_job == **value)
        };
        self.error_type.as_ref().is_none_or(|wanted| errors().any(|name| name.eq_ignore_ascii_case(wanted)))
            && (self.metadata.is_empty()
                || facts.jobs.iter().any(|job| self.metadata.iter().all(|wanted| has(job, wanted))))
    }

    /// Counts a session that may match once its files are read. Those of a live session are not there yet.
    fn count_unread(&mut self, row: &Row) {
        self.unread += usize::from(self.states.of(row) != State::Live);
    }

    /// Returns the number that a session is sorted by. Reads nothing.
    pub(super) fn value(&mut self, sort: Sort, at: usize, row: &Row) -> i64 {
        if sort.by == SortBy::Started {
            return sort.value(row.micros, None, None);
        }
        let told = self.told(at);
        let facts = self.table.key_into(row, &mut self.key).and_then(|key| (self.asked.facts)(key));
        let of_row = || told.and_then(|told| Some(told.to()?.saturating_sub(told.from()?)));
        let long = facts.as_ref().and_then(|facts| facts.duration()).map(|nanos| nanos / 1_000).or_else(of_row);
        let outcome = told.map(|told| told.outcome).filter(|outcome| *outcome != Outcome::Unknown);
        let outcome = outcome.or_else(|| {
            let read = self.key.as_ref().filter(|_| facts.is_some()).map(|key| (self.asked.outcomes)(key));
            if let Some(ReadOutcome::Known(outcome)) = read {
                Some(outcome)
            } else {
                told.and_then(Packed::known_outcome)
            }
        });
        sort.value(row.micros, long, outcome)
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
