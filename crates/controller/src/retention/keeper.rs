//! The task that plans and acts, again and again, for one set of rules and one store.

use super::condition::State;
use super::known::{Numbers, Watching};
use crate::announce::{Retained, Told};
use crate::obituaries::Store;
use crate::system_uid::system_uid;
use kube::Client;
use parking_lot::Mutex;
use ray_history_metrics::retention::Outcome;
use ray_history_retention::time::DAY;
use ray_history_retention::{Clock, Executor, Mode, Phase, Run, RunOutcome, Settings};
use ray_history_session::Sessions;
use ray_history_session::retention::{Planned, SystemClock};
use std::sync::Arc;
use std::time::Duration;
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

/// Plans and acts.
pub(super) struct Keeper {
    pub(super) client: Client,
    pub(super) sessions: Arc<Sessions>,
    pub(super) settings: Settings,
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
        let (mut leads, mut rest) = (self.leads.clone(), Rest::default());
        loop {
            let pause = if self.is_listed() { self.once(&mut executor, &kubernetes, &mut rest).await } else { LOOK };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                // A new leader goes on from where the last one stopped.
                changed = leads.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Returns `true` once the whole store was listed.
    fn is_listed(&self) -> bool {
        let listing = self.sessions.listing();
        listing.listed_at.is_some() && listing.walked_at.is_some()
    }

    /// Makes one run, and returns the pause after it.
    async fn once(&self, executor: &mut Executor, kubernetes: &str, rest: &mut Rest) -> Duration {
        let acts = self.settings.mode == Mode::Delete && *self.leads.borrow();
        let mode = if acts { Mode::Delete } else { Mode::DryRun };
        let settings = Settings { mode, ..self.settings.clone() };
        let (sessions, uid) = (Arc::clone(&self.sessions), kubernetes.to_owned());
        let gathered = tokio::task::spawn_blocking(move || sessions.candidates(&uid, SystemClock.now())).await;
        let Ok(candidates) = gathered else { return AGAIN };
        let known = Watching {
            sessions: Arc::clone(&self.sessions),
            kubernetes: kubernetes.to_owned(),
            mode,
            leads: self.leads.clone(),
            stop: self.stop.clone(),
            numbers: Mutex::default(),
        };
        let ended = executor.run(&settings, &self.sessions.generation(&self.settings), candidates, &known).await;
        let numbers = *known.numbers.lock();
        if numbers.changed > 0 {
            self.sessions.list_marks_soon();
        }
        if self.stop.is_cancelled() {
            // The next keeper tells of what it finds.
            return LOOK;
        }
        self.sessions
            .metrics()
            .retention
            .ran(outcome(ended.as_ref().map_or_else(|failure| failure, |run| &run.outcome)));
        match ended {
            Ok(run) => {
                let pause = rest.after(&run, acts);
                self.tell(&run, numbers, acts);
                self.show(run, executor);
                pause
            }
            Err(failure) => {
                // The last plan stays as it is: nothing is known that is newer.
                self.state.lock().failed(failure);
                AGAIN
            }
        }
    }

    /// Shows the plan of a run to readers and in metrics.
    fn show(&self, run: Run, executor: &Executor) {
        let now = SystemClock.now();
        let marks = || executor.tombstones().iter().filter_map(|(_, stored)| stored.tombstone.as_ref());
        let waiting = marks().filter(|mark| mark.phase == Phase::Marked).count();
        let today = marks().filter(|mark| now.saturating_sub(mark.at) < DAY).count();
        let share = today as f64 / run.sessions.len().max(1) as f64;
        self.sessions.metrics().retention.marked(waiting as u64, share);
        // Moved, because a hundred thousand sessions are some forty megabytes.
        let Run { sessions, plan, .. } = run;
        self.sessions.set_plan(Some(Planned { at: now, settings: self.settings.clone(), sessions, plan }));
    }

    /// Tells of a run in the status and, if this replica acts, in Events.
    fn tell(&self, run: &Run, numbers: Numbers, acts: bool) {
        let halt = self.state.lock().ran(run, acts, SystemClock.now());
        if !acts {
            return;
        }
        let Numbers { marked, deleted, objects, bytes, .. } = numbers;
        let mut told = Vec::new();
        if marked > 0 {
            let grace = self.settings.grace.as_secs() / 3_600;
            told.push((Told::SessionsMarked, format!("{marked} sessions will be deleted in {grace} h or later")));
        }
        if deleted > 0 {
            let note = format!("{deleted} sessions were deleted: {objects} objects, {bytes} bytes");
            told.push((Told::SessionsDeleted, note));
        }
        told.extend(halt.map(|message| (Told::RetentionHalted, message)));
        for (what, note) in told {
            let _ = self.told.send(Retained { what, note });
        }
    }

    /// Connects to the store, again and again until it can be. A replica that only plans needs nothing to write with.
    async fn executor(&self) -> Executor {
        loop {
            match self.store.connect(&self.sessions).await {
                Ok(bucket) => {
                    self.state.lock().not_connected = None;
                    let writer = (self.settings.mode == Mode::Delete).then_some(bucket.writer);
                    return Executor::new(bucket.reader, writer, self.sessions.roots(), Arc::new(SystemClock));
                }
                Err(why) => self.state.lock().not_connected = Some(why),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// The sessions that the last run left to be listed.
struct Rest(usize);

impl Default for Rest {
    fn default() -> Self {
        Self(usize::MAX)
    }
}

impl Rest {
    /// Returns the pause after a run.
    fn after(&mut self, run: &Run, acts: bool) -> Duration {
        let left = run.plan.surveys.len();
        let before = std::mem::replace(&mut self.0, left);
        match run.outcome {
            RunOutcome::StoreFails { .. } => AGAIN,
            // Only the replica that acts needs to know each session soon. Those that cannot be listed are no reason to
            // hurry.
            _ if acts && (1..before).contains(&left) => SOON,
            // What was marked or deleted may leave room for more.
            RunOutcome::Deleting => SOON,
            _ => HOUR,
        }
    }
}

/// Returns the word of metrics.
fn outcome(outcome: &RunOutcome) -> Outcome {
    match outcome {
        RunOutcome::Halted { .. } => Outcome::Halted,
        RunOutcome::Forbidden { .. } => Outcome::Forbidden,
        RunOutcome::StoreFails { .. } | RunOutcome::ReadOnly => Outcome::Failed,
        RunOutcome::Idle | RunOutcome::DryRun | RunOutcome::Marking | RunOutcome::Deleting => Outcome::Done,
    }
}
