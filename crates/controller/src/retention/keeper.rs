//! The task that plans and acts, again and again, for one set of rules and one store.

use super::condition::State;
use super::known::{Numbers, Watching};
use crate::announce::Retained;
use crate::obituaries::Store;
use crate::system_uid::system_uid;
use kube::Client;
use parking_lot::Mutex;
use ray_history_core::base::chain::chain;
use ray_history_core::base::time::Nanos;
use ray_history_metrics::retention::Outcome;
use ray_history_retention::time::DAY;
use ray_history_retention::{Clock, Executor, Mode, Run, RunOutcome, Settings};
use ray_history_session::Sessions;
use ray_history_session::retention::Planned;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// The pause between two runs.
const HOUR: Duration = Duration::from_secs(3_600);
/// The pause while a run has left something to do: sessions that were not listed yet.
const SOON: Duration = Duration::from_secs(60);
/// The pause after a failure of the store, and before the list of sessions is there.
const AGAIN: Duration = Duration::from_secs(300);
/// The pause between two looks whether the list is there.
const LOOK: Duration = Duration::from_secs(5);

/// The system's clock.
#[derive(Debug)]
struct System;

impl Clock for System {
    fn now(&self) -> Nanos {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
    }
}

/// Plans and acts.
pub(super) struct Keeper {
    pub(super) client: Client,
    pub(super) sessions: Arc<Sessions>,
    pub(super) settings: Settings,
    pub(super) generation: String,
    pub(super) store: Store,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) leads: watch::Receiver<bool>,
    pub(super) told: mpsc::UnboundedSender<Retained>,
    pub(super) stop: CancellationToken,
}

impl Keeper {
    /// Runs until it is stopped.
    pub(super) async fn run(self) {
        let stop = self.stop.clone();
        let Some(kubernetes) = stop.run_until_cancelled(system_uid(&self.client)).await else { return };
        let Some(mut executor) = stop.run_until_cancelled(Box::pin(self.executor())).await else { return };
        let (mut leads, mut unlisted) = (self.leads.clone(), usize::MAX);
        loop {
            let pause =
                if self.is_listed() { self.once(&mut executor, &kubernetes, &mut unlisted).await } else { LOOK };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                // A new leader goes on from where the last one stopped.
                changed = leads.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Returns `true` once the whole store was listed, marks included.
    fn is_listed(&self) -> bool {
        let listing = self.sessions.listing();
        listing.listed_at.is_some() && listing.walked_at.is_some() && self.sessions.marks().is_listed
    }

    /// Makes one run, and returns the pause after it. `unlisted` is the number of sessions that the last one left to be
    /// listed.
    async fn once(&self, executor: &mut Executor, kubernetes: &str, unlisted: &mut usize) -> Duration {
        let acts = self.settings.mode == Mode::Delete && *self.leads.borrow();
        let mode = if acts { Mode::Delete } else { Mode::DryRun };
        let settings = Settings { mode, ..self.settings.clone() };
        let (sessions, uid) = (Arc::clone(&self.sessions), kubernetes.to_owned());
        let gathered = tokio::task::spawn_blocking(move || sessions.candidates(&uid, System.now())).await;
        let Ok(candidates) = gathered else { return AGAIN };
        let known = Watching {
            sessions: Arc::clone(&self.sessions),
            kubernetes: kubernetes.to_owned(),
            mode,
            leads: self.leads.clone(),
            stop: self.stop.clone(),
            numbers: Mutex::default(),
        };
        let run = match executor.run(&settings, &self.generation, candidates, &known).await {
            Ok(run) => run,
            Err(outcome) => {
                self.state.lock().failed(outcome);
                return AGAIN;
            }
        };
        let numbers = *known.numbers.lock();
        let is_changed = numbers.marked + numbers.deleted + run.unmarked > 0;
        let left = run.plan.surveys.len();
        let pause = match run.outcome {
            RunOutcome::StoreFails { .. } => AGAIN,
            // Those that cannot be listed are no reason to hurry.
            _ if (1..std::mem::replace(unlisted, left)).contains(&left) => SOON,
            // What was marked or deleted may leave room for more.
            RunOutcome::Deleting => SOON,
            _ => HOUR,
        };
        self.tell(run, numbers, acts, marked_today(executor));
        if is_changed && let Err(error) = self.sessions.refresh_marks().await {
            tracing::debug!(error = %chain(&error), "marks could not be listed after a run");
        }
        pause
    }

    /// Shows the result of a run: to readers, in the status, in metrics, and, of the replica that acts, in Events.
    fn tell(&self, run: Run, numbers: Numbers, acts: bool, today: usize) {
        let before = {
            let mut state = self.state.lock();
            let before = state.condition().1;
            state.ran(&run, System.now());
            before
        };
        let metrics = &self.sessions.metrics().retention;
        let share = today as f64 / run.sessions.len().max(1) as f64;
        metrics.marked(run.plan.marked.sessions + run.marked, share);
        // Moved, because a hundred thousand sessions are some forty megabytes.
        self.sessions.set_plan(Some(Planned { at: System.now(), sessions: run.sessions, plan: run.plan }));
        metrics.ran(match &run.outcome {
            RunOutcome::Halted { .. } => Outcome::Halted,
            RunOutcome::Forbidden { .. } => Outcome::Forbidden,
            RunOutcome::StoreFails { .. } | RunOutcome::ReadOnly => Outcome::Failed,
            RunOutcome::Idle | RunOutcome::DryRun | RunOutcome::Marking | RunOutcome::Deleting => Outcome::Done,
        });
        if !acts {
            return;
        }
        let Numbers { marked, deleted, objects, bytes } = numbers;
        let mut told = Vec::new();
        if marked > 0 {
            let grace = self.settings.grace.as_secs() / 3_600;
            told.push(("SessionsMarked", false, format!("{marked} sessions will be deleted in {grace} h or later")));
        }
        if deleted > 0 {
            told.push((
                "SessionsDeleted",
                false,
                format!("{deleted} sessions were deleted: {objects} objects, {bytes} bytes"),
            ));
        }
        if let RunOutcome::Halted { message } = &run.outcome
            && before != run.outcome.as_str()
        {
            told.push(("RetentionHalted", true, message.clone()));
        }
        for (reason, is_warning, note) in told {
            let _ = self.told.send(Retained { reason, is_warning, note });
        }
    }

    /// Connects to the store, again and again until it can be. A replica that only plans needs nothing to write with.
    async fn executor(&self) -> Executor {
        loop {
            match self.store.connect(&self.sessions).await {
                Ok(bucket) => {
                    self.state.lock().not_connected = None;
                    let writer = (self.settings.mode == Mode::Delete).then_some(bucket.writer);
                    return Executor::new(bucket.reader, writer, self.sessions.roots(), Arc::new(System));
                }
                Err(why) => self.state.lock().not_connected = Some(why),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Returns the number of marks that were set within a day.
fn marked_today(executor: &Executor) -> usize {
    let now = System.now();
    let marks = executor.tombstones().iter().filter_map(|(_, stored)| stored.tombstone.as_ref());
    marks.filter(|mark| now.saturating_sub(mark.at) < DAY).count()
}
