//! One run: the plan, and the acts that follow from it.

use super::acting::{Acting, limits};
use super::errors::{Failure, Step, of_read, of_write};
use super::pace::tried;
use super::{Executor, FOLDER_PAUSE, Known, PAUSE, Run, RunOutcome};
use crate::brakes::State;
use crate::candidate::Candidate;
use crate::plan::{Plan, plan};
use crate::settings::{Mode, Settings};
use crate::tombstone::{Removed, Tombstone};
use crate::{time, tombstones};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_storage::Storage;
use ray_history_storage_write::Put;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::time::sleep;

/// Sessions whose objects are listed in one run.
const SURVEYS: usize = 1_000;
/// Deletions that begin together, and share a pause.
const BATCH: usize = 100;
/// The time for which a session goes last after a failure: longer than any break between runs, and not for ever, because
/// there may always be others.
const FAILED_KEPT: Nanos = 15 * time::DAY;

impl Executor {
    /// Plans, and acts if the mode is to delete. Sessions include hidden ones. The generation changes whenever a person
    /// changes the settings: [`Settings::revision`].
    ///
    /// # Errors
    /// Returns the outcome if no plan could be made: retention is off, or marks, the record or objects cannot be read.
    /// Nothing was written then.
    pub async fn run(
        &mut self,
        settings: &Settings,
        generation: &str,
        mut sessions: Vec<Candidate>,
        known: &dyn Known,
    ) -> Result<Run, RunOutcome> {
        if settings.mode == Mode::Off {
            return Err(RunOutcome::Idle);
        }
        let run = self.run_on(settings, generation, &mut sessions, known).await?;
        Ok(Run { sessions, ..run })
    }

    async fn run_on(
        &mut self,
        settings: &Settings,
        generation: &str,
        sessions: &mut [Candidate],
        known: &dyn Known,
    ) -> Result<Run, RunOutcome> {
        let (mut run, etag) = self.prepare(settings, generation, sessions, known).await?;
        if settings.mode == Mode::DryRun {
            run.outcome = run
                .state
                .halted
                .clone()
                .map_or(RunOutcome::DryRun, |halt| RunOutcome::Halted { message: halt.message });
            return Ok(run);
        }
        let Some(writer) = self.writer.clone() else { return Ok(Run { outcome: RunOutcome::ReadOnly, ..run }) };
        let limits = limits(&run.plan, sessions);
        let mut acting = Acting { settings, digest: settings.digest(), known, writer, limits, run };
        if let Err(Failure::Stop(outcome)) = self.act(&mut acting, sessions, etag).await {
            acting.run.outcome = outcome;
        }
        Ok(acting.run)
    }

    /// Reads marks and the record, lists what has to be listed, and plans.
    async fn prepare(
        &mut self,
        settings: &Settings,
        generation: &str,
        sessions: &mut [Candidate],
        known: &dyn Known,
    ) -> Result<(Run, Option<String>), RunOutcome> {
        let fails = |error| match of_read(error) {
            Failure::Stop(outcome) => outcome,
            Failure::Skip(message) => RunOutcome::StoreFails { message },
            Failure::Ended => RunOutcome::Idle,
        };
        let store = Arc::clone(&self.store);
        self.tombstones.refresh(&*store, &self.roots).await.map_err(fails)?;
        let (mut state, etag) = State::read(&*store, &self.root()).await.map_err(fails)?;
        let now = self.clock.now();
        let since = |from: Nanos| {
            let marks = self.tombstones.iter().filter_map(|(_, stored)| stored.tombstone.as_ref());
            marks.filter(|tombstone| tombstone.hides() && tombstone.changed >= from).count() as u64
        };
        state.begin(now, generation, sessions.len() as u64, since);
        self.recall(sessions);
        let mut planned = self.plan(settings, sessions, &state);
        if !planned.surveys.is_empty() {
            for at in planned.surveys.into_iter().take(SURVEYS) {
                let Some(session) = sessions.get_mut(at).filter(|_| known.goes_on()) else { break };
                match self.survey(session, None).await {
                    Ok(survey) => session.survey = Some(survey).filter(|survey| survey.objects > 0),
                    Err(Failure::Stop(outcome)) => return Err(outcome),
                    Err(Failure::Ended) => break,
                    // Not known stays not known: the session stays.
                    Err(Failure::Skip(message)) => {
                        tracing::debug!(session = %session.key, message, "a session cannot be listed");
                    }
                }
            }
            planned = self.plan(settings, sessions, &state);
        }
        Ok((Run::new(planned, state), etag))
    }

    fn plan(&self, settings: &Settings, sessions: &[Candidate], state: &State) -> Plan {
        plan(settings, sessions, &self.tombstones, self.clock.now(), state.rests_until(), &self.failed)
    }

    /// Adds the listings and failures of earlier runs, and forgets those of sessions that are gone.
    fn recall(&mut self, sessions: &mut [Candidate]) {
        let listed: HashSet<&SessionKey> = sessions.iter().map(|session| &session.key).collect();
        self.surveys.retain(|key, _| listed.contains(key));
        let now = self.clock.now();
        self.failed.retain(|key, at| {
            let is_recent = now.saturating_sub(*at) < FAILED_KEPT;
            is_recent && (listed.contains(key) || self.tombstones.get(key).is_some())
        });
        self.looked.retain(|key, _| self.tombstones.get(key).is_some());
        for session in sessions {
            if session.survey.is_none() {
                session.survey = self.surveys.get(&session.key).copied();
            }
        }
    }

    async fn act(&mut self, acting: &mut Acting<'_>, sessions: &[Candidate], etag: Option<String>) -> Step<()> {
        // Without the record there are no brakes, so it comes first.
        let (root, writer) = (self.root(), Arc::clone(&acting.writer));
        let state = acting.run.state.clone();
        let noted = tried(|| state.write(&*writer, &root, etag.as_deref())).await.map_err(of_write)?;
        if let Some(halt) = &acting.run.state.halted {
            return Err(Failure::Stop(RunOutcome::Halted { message: halt.message.clone() }));
        }
        if noted == Put::Refused {
            // Somebody else runs: it follows the same plan.
            return Ok(());
        }
        let acted = self.follow(acting, sessions).await;
        self.total(acting).await?;
        acted
    }

    async fn follow(&mut self, acting: &mut Acting<'_>, sessions: &[Candidate]) -> Step<()> {
        let plan = acting.run.plan.clone();
        for unmark in &plan.unmarks {
            let done = self.unmark_planned(acting, &unmark.key, unmark.why).await;
            self.went(acting, &unmark.key, done)?;
        }
        let late = plan.late.iter().filter(|key| self.may_look(key)).cloned().collect();
        let due: Vec<SessionKey> = self.failed_last(plan.due);
        let mut begun = plan.begun;
        begun.extend(self.begin_all(acting, &self.failed_last(late)).await?);
        self.delete_all(acting, begun).await?;
        for batch in due.chunks(BATCH) {
            let begun = self.begin_all(acting, batch).await?;
            self.delete_all(acting, begun).await?;
        }
        let mut left = plan.marks.len();
        for mark in plan.marks.iter().chain(&plan.spares) {
            let Some(session) = sessions.get(mark.at).filter(|_| left > 0) else { continue };
            let done = self.mark(acting, session, mark).await;
            match self.went(acting, &session.key, done)? {
                Some(true) => left -= 1,
                Some(false) => {
                    self.failed.insert(session.key.clone(), self.clock.now());
                }
                None => {}
            }
        }
        for key in &plan.stale {
            let done = self.forget(acting, key).await;
            self.went(acting, key, done)?;
        }
        Ok(())
    }

    /// Checks sessions and begins to delete those that pass. Returns these.
    async fn begin_all(&mut self, acting: &mut Acting<'_>, keys: &[SessionKey]) -> Step<Vec<SessionKey>> {
        let mut begun = Vec::new();
        for key in keys {
            let done = self.begin(acting, key).await;
            if self.went(acting, key, done)? == Some(true) {
                begun.push(key.clone());
            }
        }
        Ok(begun)
    }

    /// Deletes sessions, after the pause.
    async fn delete_all(&mut self, acting: &mut Acting<'_>, keys: Vec<SessionKey>) -> Step<()> {
        if keys.is_empty() {
            return Ok(());
        }
        sleep(if self.store.listing_is_free() { FOLDER_PAUSE } else { PAUSE }).await;
        for key in self.failed_last(keys) {
            let done = self.delete(acting, &key).await;
            self.went(acting, &key, done)?;
        }
        Ok(())
    }

    /// Returns the value of a step, if it was made. A session that failed goes last from now on; a failure that others
    /// would have, too, ends the run, and so does a change of mode or leader.
    fn went<T>(&mut self, acting: &mut Acting<'_>, key: &SessionKey, done: Step<T>) -> Step<Option<T>> {
        let value = match done {
            Ok(value) => Some(value),
            Err(failure) => {
                let now = self.clock.now();
                match failure {
                    Failure::Ended => return Err(failure),
                    Failure::Stop(outcome) => {
                        self.failed.insert(key.clone(), now);
                        acting.run.fail(key, outcome.message().unwrap_or_default());
                        return Err(Failure::Stop(outcome));
                    }
                    Failure::Skip(message) => {
                        self.failed.insert(key.clone(), now);
                        tracing::warn!(session = %key, message, "retention cannot go on with a session");
                        acting.run.fail(key, &message);
                        None
                    }
                }
            }
        };
        if acting.known.goes_on() { Ok(value) } else { Err(Failure::Ended) }
    }

    fn failed_last(&self, mut keys: Vec<SessionKey>) -> Vec<SessionKey> {
        keys.sort_by_key(|key| self.failed.get(key).copied());
        keys
    }

    /// Returns `true` once a day for each deleted session.
    fn may_look(&self, key: &SessionKey) -> bool {
        let now = self.clock.now();
        self.looked.get(key).is_none_or(|looked| now.saturating_sub(*looked) >= time::DAY)
    }

    /// Adds what was deleted to the record.
    async fn total(&mut self, acting: &mut Acting<'_>) -> Step<()> {
        if acting.run.deleted == 0 {
            return Ok(());
        }
        let (store, root) = (Arc::clone(&self.store), self.root());
        let (mut state, etag) = State::read(&*store, &root).await.map_err(of_read)?;
        let Run { deleted, objects, bytes, .. } = acting.run;
        state.count(deleted, Removed { objects, bytes }, self.clock.now());
        let writer = Arc::clone(&acting.writer);
        // Of two that count at once, one is lost: these are numbers to look at.
        tried(|| state.write(&*writer, &root, etag.as_deref())).await.map_err(of_write)?;
        acting.run.state = state;
        Ok(())
    }

    /// Reads the mark of a session as it is now.
    pub(super) async fn stored(&self, key: &SessionKey) -> Step<Option<(tombstones::Stored, Tombstone)>> {
        let stored_at = self.tombstones.get(key).map(|stored| stored.key.clone());
        let at = stored_at.unwrap_or_else(|| crate::keys::tombstone(&self.root(), key));
        let store: &dyn Storage = &*self.store;
        let stored = tombstones::read(store, &at).await.map_err(of_read)?;
        match stored {
            None => Ok(None),
            Some(stored) => match stored.tombstone.clone() {
                Some(tombstone) => Ok(Some((stored, tombstone))),
                None => Err(Failure::Skip("its mark is of another version, or cannot be read".to_owned())),
            },
        }
    }
}
