//! The jobs of a session as lists and reports show them: how they ended, in a word and in a sentence.
//!
//! Words that were read from a log are for those who may read the logs of the namespace; what Ray's own API shows is for
//! all who see the session.

use crate::http::request::Call;
use crate::http::state::State;
use futures_util::future::join_all;
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::run_facts::{JobFacts, Outcome, RunFacts};
use ray_history_obituary::ledger::Row;
use ray_history_session::Run;
use ray_history_session::catalog::Entry;
use std::collections::BTreeSet;

/// The jobs of a session, as far as they are known and may be shown.
#[derive(Debug)]
pub(in crate::http) struct ShownRun {
    run: Run,
    /// The row that has Kubernetes' side of its end.
    told: Option<Row>,
    shows_logs: bool,
}

impl ShownRun {
    /// Returns what is known of one session. What is not known may be read in the background.
    pub(in crate::http) async fn of(call: &Call<'_>, entry: &Entry) -> Self {
        let run = call.state.sessions.run(&entry.key);
        let shows_logs = has_words_of_logs(&run) && call.permit.shows_logs(&entry.key.cluster.namespace).await;
        Self { run, told: call.state.sessions.why(&entry.key), shows_logs }
    }

    /// Returns what is known of one session to a command that reads the store itself, logs included.
    pub(in crate::http) fn of_store(state: &State, entry: &Entry) -> Self {
        Self { run: state.sessions.run(&entry.key), told: state.sessions.why(&entry.key), shows_logs: true }
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
        let shown = shown.map(|(run, entry)| Self {
            run,
            told: call.state.sessions.why(&entry.key),
            shows_logs: given.contains(&entry.key.cluster.namespace),
        });
        shown.collect()
    }

    /// Returns the facts, as far as they were read. Words of logs are in them: see `last_words`.
    pub(in crate::http) fn facts(&self) -> Option<&RunFacts> {
        self.run.facts.as_deref()
    }

    /// Returns the row of the ledger that tells of the run.
    pub(in crate::http) fn told(&self) -> Option<&Row> {
        self.told.as_ref()
    }

    /// Returns the outcome; `None` if it is not known, or may still come. What Kubernetes knew counts before what the jobs
    /// tell, unless it is nothing.
    pub(in crate::http) fn outcome(&self) -> Option<Outcome> {
        let told = self.told.as_ref().map(|told| told.outcome).filter(|outcome| *outcome != Outcome::Unknown);
        let is_over = || self.told.as_ref().is_some_and(|told| told.to.is_some());
        told.or_else(|| self.run.outcome()).or_else(|| is_over().then_some(Outcome::Unknown))
    }

    /// Returns the first cause, as far as it is the reason of the shown outcome.
    pub(in crate::http) fn cause(&self) -> Option<&Row> {
        let of_jobs = self.run.outcome();
        self.told.as_ref().filter(|told| {
            let is_shown =
                told.outcome != Outcome::Unknown || of_jobs.is_none_or(|outcome| outcome == Outcome::Unknown);
            told.code.is_some() && is_shown
        })
    }

    /// Returns the outcome in a sentence: that of the first cause, else what the jobs tell.
    pub(in crate::http) fn sentence(&self) -> Option<String> {
        let of_jobs = || {
            // Words of jobs explain their own outcome only.
            let is_theirs = self.run.outcome().is_none_or(|outcome| Some(outcome) == self.outcome());
            self.run.sentence(self.shows_logs).filter(|_| is_theirs)
        };
        self.cause().and_then(Row::sentence).or_else(of_jobs).or_else(|| self.told.as_ref().map(without_cause))
    }

    /// Returns the duration in nanoseconds: up to the end of the last job, else of the run.
    pub(in crate::http) fn duration(&self) -> Option<Nanos> {
        let of_jobs = self.facts().and_then(RunFacts::duration);
        of_jobs.or_else(|| self.told.as_ref().and_then(duration))
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

/// Returns the duration of a run in nanoseconds, if it has ended.
pub(in crate::http) fn duration(row: &Row) -> Option<Nanos> {
    row.to?.0.checked_sub(row.from?.0).filter(|long| *long >= 0)
}

/// Returns the sentence of a run of which no cause is known.
pub(in crate::http) fn without_cause(row: &Row) -> String {
    match (row.outcome, row.to) {
        (Outcome::Succeeded, _) => "It succeeded.".to_owned(),
        (_, None) => "It has not ended.".to_owned(),
        (_, Some(_)) => "Nothing that was seen tells why it ended.".to_owned(),
    }
}

fn has_words_of_logs(run: &Run) -> bool {
    run.facts.as_ref().is_some_and(|facts| facts.has_words_of_logs())
}
