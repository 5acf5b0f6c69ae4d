//! One run: the plan, and the acts that follow from it.

use super::acting::{Acting, limits};
use super::errors::{Failure, Step, no_tag, of_preparing, of_read, of_write};
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
use tokio::time::timeout;

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
        let digest = settings.digest();
        let mut acting = Acting { settings, digest, known, writer, limits, run, refused: Vec::new() };
        if let Err(Failure::Stop(outcome)) = self.act(&mut acting, sessions, etag).await {
            acting.run.outcome = outcome;
        } else if let Some((_, outcome)) = acting.refused.into_iter().next() {
            // The others went on, and a person has to know.
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
        let store = Arc::clone(&self.store);
        self.tombstones.refresh(&*store, &self.roots).await.map_err(of_preparing)?;
        let (mut state, etag) = State::read(&*store, &self.root()).await.map_err(of_preparing)?;
        let now = self.clock.now();
        let since = |from: Nanos| {
            let marks = self.tombstones.iter().filter_map(|(_, stored)| stored.tombstone.as_ref());
            // Hidden since the check, which is before the last change.
            let hidden = |tombstone: &Tombstone| tombstone.checked.unwrap_or(tombstone.changed);
            marks.filter(|tombstone| tombstone.hides() && hidden(tombstone) >= from).count() as u64
        };
        // Those that we delete are listed as long as there is something of them.
        let shown = sessions.iter().filter(|session| !self.tombstones.hides(&session.key)).count();
        state.begin(now, generation, shown as u64, since);
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
        acting.goes_on()?;
        if etag.is_none() && !acting.run.state.schema.is_empty() {
            return Err(no_tag(&crate::keys::state(&self.root())));
        }
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
        let total = self.total(acting).await;
        acted.and(total)
    }

    async fn follow(&mut self, acting: &mut Acting<'_>, sessions: &[Candidate]) -> Step<()> {
        let plan = acting.run.plan.clone();
        for unmark in &plan.unmarks {
            let done = self.unmark_planned(acting, &unmark.key, unmark.why).await;
            self.went(acting, &unmark.key, done)?;
        }
        for key in &plan.restored {
            let done = self.restore(acting, key).await;
            self.went(acting, key, done)?;
        }
        // Before deletions, which may take days, and may be refused.
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
        let late = plan.late.iter().filter(|key| self.may_look(key)).cloned().collect();
        let due: Vec<SessionKey> = self.failed_last(plan.due);
        let (failed, mut begun): (Vec<_>, Vec<_>) =
            plan.begun.into_iter().partition(|key| self.failed.contains_key(key));
        begun.extend(self.begin_all(acting, &self.failed_last(late)).await?);
        self.delete_all(acting, begun).await?;
        for batch in due.chunks(BATCH) {
            let begun = self.begin_all(acting, batch).await?;
            self.delete_all(acting, begun).await?;
        }
        self.delete_all(acting, failed).await
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
        let pause = if self.store.listing_is_free() { FOLDER_PAUSE } else { PAUSE };
        if timeout(pause, acting.known.ended()).await.is_ok() {
            return Err(Failure::Ended);
        }
        acting.goes_on()?;
        for key in self.failed_last(keys) {
            let done = self.delete(acting, &key).await;
            self.went(acting, &key, done)?;
        }
        Ok(())
    }

    /// Returns the value of a step, if it was made. A session that failed goes last from now on. A failure of the store
    /// that a second session has, too, ends the run, and so does a change of mode or leader.
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
                        if acting.is_refused_again(key, &outcome) {
                            return Err(Failure::Stop(outcome));
                        }
                        None
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
        acting.goes_on()?;
        Ok(value)
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
        if acting.run.deleted == 0 && acting.run.objects == 0 {
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
                Some(_) if stored.etag.is_none() => Err(no_tag(&at)),
                Some(tombstone) => Ok(Some((stored, tombstone))),
                None => Err(Failure::Skip("its mark is of another version, or cannot be read".to_owned())),
            },
        }
    }
}
