//! The jobs of sessions, as far as they are known: of an open one from its snapshot, of any other from a few small files.
//!
//! Snapshots leave their facts here when they are loaded. Else the files are read in the background (`files`), of sessions
//! on a shown page first, then of the newest (`sweep`), and never again once the session is over and its files are some
//! minutes old. The index is bounded by bytes, which are a part of the memory budget.

mod files;
mod sweep;

use super::catalog::ReadOutcome;
use super::fact_index::Known;
use super::load::now;
use super::source::Source;
use super::{OpenSession, Sessions};
use crate::liveness::State;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::run_facts::{FactSource, Outcome, RunFacts};
use ray_history_metrics::sessions::FactsRead;
use std::sync::Arc;

/// The jobs of a session, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The facts, as far as they were read.
    pub facts: Option<Arc<RunFacts>>,
    /// `true` if the session is over: a job that has not ended never will.
    pub is_over: bool,
    /// `true` if the session is known to be live.
    pub is_live: bool,
    /// `true` if facts are being read, and may soon be others.
    pub is_awaited: bool,
}

impl Run {
    /// Returns the outcome; `None` if it is not known, or may still come.
    pub fn outcome(&self) -> Option<Outcome> {
        self.facts.as_ref()?.outcome(self.is_over)
    }

    /// Returns the outcome in a sentence; words from logs are left out unless `shows_logs`.
    pub fn sentence(&self, shows_logs: bool) -> Option<String> {
        self.facts.as_ref()?.sentence(self.is_over, shows_logs)
    }
}

impl Sessions {
    /// Returns what is known of the jobs of a session that is shown. If its files should be read, they are, in the
    /// background.
    pub fn run(self: &Arc<Self>, key: &SessionKey) -> Run {
        let source = self.source();
        let (is_over, is_live) = (self.is_over(key), self.state(key) == State::Live);
        let known = source.facts.0.get(key);
        if let Some(open) = self.peek(key) {
            let facts = self.of_open(&source, key, known, &open, is_over);
            return Run { facts, is_over, is_live, is_awaited: false };
        }
        let is_awaited = self.is_due(key, known.as_ref(), is_over, true);
        if is_awaited {
            self.read_in_background(&source, key);
        }
        Run { facts: known.and_then(|known| known.facts), is_over, is_live, is_awaited }
    }

    /// Returns the facts of a session as far as they are known. Reads nothing.
    pub fn known_facts(&self, key: &SessionKey) -> Option<Arc<RunFacts>> {
        self.source().facts.facts(key)
    }

    /// Returns the outcome of a session of a source, as far as it was read. Files that were not read are, in the
    /// background, if `may_read`.
    pub(super) fn outcome(self: &Arc<Self>, source: &Source, key: &SessionKey, may_read: bool) -> ReadOutcome {
        let Some(facts) = source.facts.facts(key) else {
            if may_read {
                self.run(key);
            }
            return ReadOutcome::Unread;
        };
        // Of most sessions it does not depend on the state, the lookup of which takes longer.
        let outcome = facts.outcome(false).or_else(|| facts.outcome(self.is_over(key)));
        outcome.map_or(ReadOutcome::Open, ReadOutcome::Known)
    }

    /// Returns `true` if a session is dead, or shows a sign of its end.
    pub(super) fn is_over(&self, key: &SessionKey) -> bool {
        match self.known_state(key).0 {
            State::Dead => true,
            State::Live => false,
            State::Unknown => self.ended(key, self.peek(key).as_deref()).is_some(),
        }
    }

    /// Keeps the facts of a snapshot that was just loaded.
    pub(super) fn keep_facts(&self, source: &Source, session: &OpenSession) {
        let key = &session.key;
        let is_partial = session.has_unread_files() || session.nothing_read.is_some();
        let facts = RunFacts::of(&session.snapshot, FactSource::Snapshot, is_partial);
        let known = Known::of_snapshot(facts, self.is_over(key), source.catalog.listing().is_young(key));
        source.facts.0.kept().insert(key.clone(), known);
        self.count_facts();
    }

    /// Returns the facts of an open session, which are of its snapshot, unless they were evicted. That it is over may have
    /// become known since.
    fn of_open(
        &self,
        source: &Source,
        key: &SessionKey,
        known: Option<Known>,
        open: &OpenSession,
        is_over: bool,
    ) -> Option<Arc<RunFacts>> {
        let of_snapshot =
            |known: &Known| known.facts.as_ref().is_some_and(|facts| facts.source == FactSource::Snapshot);
        let known = known.filter(of_snapshot);
        if known.as_ref().is_none_or(|known| is_over && !known.was_over) {
            self.keep_facts(source, open);
            return source.facts.facts(key);
        }
        known?.facts
    }

    /// Returns `true` if the files of a session that is not open should be read now. Those of one that may go on are read
    /// only if it `is_shown`, and those of a live one never: they are uploaded when it ends.
    fn is_due(&self, key: &SessionKey, known: Option<&Known>, is_over: bool, is_shown: bool) -> bool {
        // Those of a session that went on are old as soon as it is over.
        let is_kept = |known: &Known| known.is_final || ((known.was_over || !is_over) && now() < known.until);
        if known.is_some_and(is_kept) {
            return false;
        }
        is_over || (is_shown && self.state(key) != State::Live)
    }

    fn read_in_background(self: &Arc<Self>, source: &Arc<Source>, key: &SessionKey) {
        if source.facts.0.claim(key) {
            let (sessions, source, key) = (Arc::clone(self), Arc::clone(source), key.clone());
            self.loader.spawn_background(async move {
                Box::pin(sessions.read_facts(&source, &key)).await;
            });
        }
    }

    /// Reads the files of a session that was claimed, and returns the number of requests.
    async fn read_facts(&self, source: &Arc<Source>, key: &SessionKey) -> u64 {
        let mut requests = 0;
        let read = async {
            let before = source.facts.0.peek(key);
            let places = source.places(key).await;
            let read = match places {
                Ok(places) => files::read(&source.store, key, &places, &self.metrics.catalog, &mut requests).await,
                Err(error) => Err(error),
            };
            let outcome = if read.is_ok() { FactsRead::Read } else { FactsRead::Failed };
            self.metrics.sessions.facts_read(outcome, requests);
            let is_over = self.is_over(key);
            let is_young = source.catalog.listing().is_young(key);
            match read {
                Ok(read) => Known::of(read, before.as_ref(), is_over, is_young),
                Err(error) => {
                    tracing::debug!(session.key = %key, error = %chain(&error), "facts of jobs could not be read");
                    Known::failed(before, is_over)
                }
            }
        };
        source.facts.0.run(key, read).await;
        self.count_facts();
        requests
    }

    fn count_facts(&self) {
        let source = self.source();
        self.metrics.sessions.facts(source.facts.len(), source.facts.bytes());
    }
}

#[cfg(test)]
mod tests;
