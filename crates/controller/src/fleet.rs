//! Brings daily rollups up to date, on the replica that leads.
//!
//! ```text
//! news in the store, comparison with heads ──► Schedule ──► Rollup ──► state for status and metrics
//! ```
//!
//! Two replicas that both lead for a moment do no harm: rollups are put on a condition. Everything here may be cut off at
//! any time.

mod schedule;

use super::obituaries::Store;
use super::persist::Trouble;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::Day;
use ray_history_metrics::persist::{File, Rollup as Counted};
use ray_history_persist::{Days, Error, Rolled, Rollup, tell_of};
use ray_history_session::Sessions;
use ray_history_settings::{PersistMode, Settings};
use ray_history_storage::ErrorKind;
use schedule::{Action, Schedule};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Memory that rolling up takes, in bytes.
const MEMORY: u64 = 256 << 20;
/// Pause after a failure.
const AGAIN: Duration = Duration::from_mins(5);

/// Brings rollups up to date.
pub(super) struct Fleet {
    sessions: Arc<Sessions>,
    running: Option<Running>,
    step: JoinSet<Step>,
}

/// A mode that is on.
struct Running {
    store: Store,
    rollup: Option<Arc<Rollup>>,
    schedule: Schedule,
    trouble: Option<Trouble>,
    not_before: Instant,
}

/// The result of a step.
enum Step {
    Connected(Result<Rollup, Trouble>),
    Compared(Result<Days, Error>),
    Looked(Result<Days, Error>),
    Rolled(Day, Vec<SessionKey>, Result<Rolled, Error>, Duration),
    Viewed(Result<(), Error>),
}

impl Fleet {
    /// Returns what writes no rollups yet.
    pub(super) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions, running: None, step: JoinSet::new() }
    }

    /// Follows settings. The same store goes on; another one begins anew.
    pub(super) fn select(&mut self, settings: &Settings, store: Store) {
        let is_on = settings.persist.mode == PersistMode::SessionsAndFleet;
        if is_on && self.running.as_ref().is_some_and(|running| running.store == store) {
            return;
        }
        self.step.abort_all();
        self.running = is_on.then(|| Running {
            store,
            rollup: None,
            schedule: Schedule::default(),
            trouble: None,
            not_before: Instant::now(),
        });
    }

    /// Returns the reason why rollups cannot be written, if any.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.running.as_ref()?.trouble.as_ref()
    }

    /// Starts the next step, unless one runs, if this replica leads. One that begins to lead compares all heads first.
    pub(super) fn start_next(&mut self, leads: bool) {
        let Some(running) = &mut self.running else { return };
        if !leads {
            (running.schedule, running.trouble) = (Schedule::default(), None);
            return;
        }
        let now = Instant::now();
        if !self.step.is_empty() || now < running.not_before {
            return;
        }
        let sessions = Arc::clone(&self.sessions);
        let Some(rollup) = running.rollup.clone() else {
            let store = running.store.clone();
            self.step.spawn(async move {
                let bucket = store.connect(&sessions).await.map_err(Trouble::Fails);
                let tell = tell_of(&sessions);
                Step::Connected(bucket.map(|bucket| Rollup::new(bucket.reader, bucket.writer, bucket.root, tell)))
            });
            return;
        };
        match running.schedule.next(now) {
            None => {}
            Some(Action::Compare) => {
                self.step.spawn(async move { Step::Compared(rollup.missing().await) });
            }
            Some(Action::Look) => {
                self.step.spawn(async move { Step::Looked(rollup.news().await) });
            }
            Some(Action::Views) => {
                let base = running.store.storage.url();
                self.step.spawn(async move { Step::Viewed(rollup.put_views(&base).await) });
            }
            Some(Action::RollUp(day, keys)) => {
                // Without memory now, the next tick tries again.
                let Some(memory) = sessions.try_reserve(MEMORY) else { return };
                self.step.spawn(async move {
                    let started = Instant::now();
                    let rolled = rollup.roll_up(day, &keys).await;
                    drop(memory);
                    Step::Rolled(day, keys, rolled, started.elapsed())
                });
            }
        }
    }

    /// Waits for the end of a step, and notes its result; waits for ever if none runs. The future may be dropped at any
    /// time.
    pub(super) async fn step_ended(&mut self) {
        let ended = match self.step.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => return,
            None => return std::future::pending().await,
        };
        let Some(running) = &mut self.running else { return };
        let (now, metrics) = (Instant::now(), &self.sessions.metrics().persist);
        let failed = match ended {
            Step::Connected(Ok(rollup)) => {
                running.rollup = Some(Arc::new(rollup));
                None
            }
            Step::Connected(Err(trouble)) => Some(trouble),
            Step::Compared(Ok(found)) => {
                running.schedule.compared(found, now);
                None
            }
            Step::Looked(Ok(found)) => {
                running.schedule.looked(found, now);
                None
            }
            Step::Viewed(Ok(())) => {
                running.schedule.viewed(now);
                None
            }
            Step::Compared(Err(error)) | Step::Looked(Err(error)) | Step::Viewed(Err(error)) => {
                Some(trouble_of(&error))
            }
            Step::Rolled(day, keys, Ok(rolled), took) => {
                let Rolled { sessions, skipped, bytes, is_done } = rolled;
                metrics.rolled_up(if is_done { Counted::Written } else { Counted::Conflict }, took);
                for (_, bytes) in &bytes {
                    metrics.wrote(File::Rollup, *bytes);
                }
                tracing::info!(%day, sessions, skipped, is_done, "rollups of a day are up to date");
                running.schedule.rolled(day, &keys, is_done, now);
                None
            }
            Step::Rolled(day, keys, Err(error), took) => {
                metrics.rolled_up(Counted::Failed, took);
                tracing::warn!(%day, error = %chain(&error), "rollups of a day could not be written");
                running.schedule.rolled(day, &keys, false, now);
                Some(trouble_of(&error))
            }
        };
        if failed.is_some() {
            running.not_before = now + AGAIN;
        }
        running.trouble = failed;
    }
}

fn trouble_of(error: &Error) -> Trouble {
    let why = chain(error);
    match error {
        Error::Store(store) if store.kind() == ErrorKind::PermissionDenied => Trouble::Forbidden(why),
        _ => Trouble::Fails(why),
    }
}
