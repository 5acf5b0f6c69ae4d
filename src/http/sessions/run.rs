//! The jobs of a session as lists and reports show them: how they ended, in a word and in a sentence.
//!
//! Words that were read from a log are for those who may read the logs of the namespace; what Ray's own API shows is for
//! all who see the session.

use crate::http::request::Call;
use crate::http::state::State;
use futures_util::future::join_all;
use ray_history_core::snapshot::run_facts::{JobFacts, Outcome, RunFacts};
use ray_history_session::Run;
use ray_history_session::catalog::Entry;
use std::collections::BTreeSet;

/// The jobs of a session, as far as they are known and may be shown.
#[derive(Debug)]
pub(in crate::http) struct ShownRun {
    run: Run,
    shows_logs: bool,
}

impl ShownRun {
    /// Returns what is known of one session. What is not known may be read in the background.
    pub(in crate::http) async fn of(call: &Call<'_>, entry: &Entry) -> Self {
        let run = call.state.sessions.run(&entry.key);
        let shows_logs = has_words_of_logs(&run) && call.permit.shows_logs(&entry.key.cluster.namespace).await;
        Self { run, shows_logs }
    }

    /// Returns what is known of one session to a command that reads the store itself, logs included.
    pub(in crate::http) fn of_store(state: &State, entry: &Entry) -> Self {
        Self { run: state.sessions.run(&entry.key), shows_logs: true }
    }

    /// Returns what is known of each session. Rights are asked for once for each namespace.
    pub(in crate::http) async fn of_all(call: &Call<'_>, entries: &[Entry]) -> Vec<Self> {
        let runs: Vec<Run> = entries.iter().map(|entry| call.state.sessions.run(&entry.key)).collect();
        let namespace = |entry: &Entry| entry.key.cluster.namespace.clone();
        let asked = entries.iter().zip(&runs).filter(|(_, run)| has_words_of_logs(run));
        let asked: BTreeSet<String> = asked.map(|(entry, _)| namespace(entry)).collect();
        let rights = asked.into_iter().map(|namespace| async {
            let shows_logs = call.permit.shows_logs(&namespace).await;
            shows_logs.then_some(namespace)
        });
        let given: BTreeSet<String> = join_all(rights).await.into_iter().flatten().collect();
        let shown = runs.into_iter().zip(entries);
        shown.map(|(run, entry)| Self { run, shows_logs: given.contains(&entry.key.cluster.namespace) }).collect()
    }

    /// Returns the facts, as far as they were read. Words of logs are in them: see `last_words`.
    pub(in crate::http) fn facts(&self) -> Option<&RunFacts> {
        self.run.facts.as_deref()
    }

    /// Returns the outcome; `None` if it is not known, or may still come.
    pub(in crate::http) fn outcome(&self) -> Option<Outcome> {
        self.run.outcome()
    }

    /// Returns the outcome in a sentence.
    pub(in crate::http) fn sentence(&self) -> Option<String> {
        self.run.sentence(self.shows_logs)
    }

    /// Returns `true` if a job has not ended, and the session is not known to be over.
    pub(in crate::http) fn is_unfinished(&self) -> bool {
        !self.run.is_over && self.facts().is_some_and(|facts| facts.counts.unfinished > 0)
    }

    /// Returns `true` if the session is known to be live.
    pub(in crate::http) fn is_live(&self) -> bool {
        self.run.is_live
    }

    /// Returns `true` if the facts are being read, and there are none yet.
    pub(in crate::http) fn is_awaited(&self) -> bool {
        self.run.is_awaited && self.run.facts.is_none()
    }

    /// Returns the line that tells most about the failure of a job, if it may be shown.
    pub(in crate::http) fn last_words<'a>(&self, job: &'a JobFacts) -> Option<&'a str> {
        job.last_words.as_ref().filter(|words| self.shows_logs || !words.from_log).map(|words| &*words.text)
    }
}

fn has_words_of_logs(run: &Run) -> bool {
    run.facts.as_ref().is_some_and(|facts| facts.has_words_of_logs())
}
