//! Persists dead sessions, one at a time: those that this replica has open, and older ones at a bounded rate.
//!
//! ```text
//! listing, open sessions ──► Queue ──► load, if it is not open ──► Persister ──► state for status and metrics
//! ```
//!
//! Each session belongs to one replica, by the same hash as its prewarming. Everything here may be cut off at any time:
//! the next replica finds what is missing.

mod queue;
mod state;

pub(super) use state::{State, Trouble};

use super::obituaries::Store;
use queue::{Next, Queue};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_metrics::persist::{File, Outcome as Counted};
use ray_history_persist::{Error, Outcome, Persister};
use ray_history_session::Sessions;
use ray_history_session::liveness::State as Life;
use ray_history_settings::{Persist as Wanted, PersistMode, PersistedEnvironments, Settings};
use ray_history_storage::ErrorKind;
use ray_history_tables::{Options, Writer};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Memory that making the tables of one session takes, in bytes.
const MEMORY: u64 = 96 << 20;
/// Pause between two looks for the next session.
const LOOK: Duration = Duration::from_secs(15);
/// Interval at which everything that is persisted is listed.
const LIST: Duration = Duration::from_secs(3_600);
/// Pause after a failure of the store.
const AGAIN: Duration = Duration::from_secs(300);

/// Persists dead sessions.
pub(super) struct Persist {
    sessions: Arc<Sessions>,
    replica: String,
    running: Option<Running>,
    step: JoinSet<Step>,
}

/// A mode that is on.
struct Running {
    wanted: Wanted,
    store: Store,
    persister: Option<Arc<Persister>>,
    queue: Queue,
    state: State,
    not_before: Instant,
    listed: Option<Instant>,
}

/// The result of a step.
enum Step {
    Connected(Result<Persister, String>),
    Listed(Result<Vec<u128>, String>),
    Tried(SessionKey, Duration, Tried),
}

/// The result of an attempt to persist a session.
enum Tried {
    /// It could not be opened, or there was no memory.
    NoRoom,
    NotNow,
    Ended(Result<Outcome, Error>, u64),
}

impl Persist {
    /// Returns a persister that does nothing yet.
    pub(super) fn new(sessions: Arc<Sessions>, replica: &str) -> Self {
        Self { sessions, replica: replica.to_owned(), running: None, step: JoinSet::new() }
    }

    /// Follows settings. The same settings for the same store go on; others begin anew.
    pub(super) fn select(&mut self, settings: &Settings, store: Store) {
        let wanted = settings.persist;
        let is_same = |running: &Running| running.wanted == wanted && running.store == store;
        if self.running.as_ref().is_some_and(is_same) {
            return;
        }
        self.step.abort_all();
        let queue = Queue::new(wanted.backlog_per_hour, Instant::now());
        self.running = (wanted.mode != PersistMode::Off).then(|| Running {
            wanted,
            persister: None,
            queue,
            state: State { lacks_conditions: store.storage.store.name() == "oss", ..State::default() },
            store,
            not_before: Instant::now(),
            listed: None,
        });
    }

    /// Returns the state for the status; `None` while nothing is persisted.
    pub(super) fn state(&self) -> Option<&State> {
        self.running.as_ref().map(|running| &running.state)
    }

    /// Starts the next step, unless one runs.
    pub(super) fn start_next(&mut self, mine: impl Fn(&SessionKey) -> bool) {
        let (Some(running), true) = (&mut self.running, self.step.is_empty()) else { return };
        let now = Instant::now();
        if now < running.not_before {
            return;
        }
        running.not_before = now + LOOK;
        let Some(persister) = &running.persister else {
            let (store, sessions, wanted) = (running.store.clone(), Arc::clone(&self.sessions), running.wanted);
            let replica = self.replica.clone();
            self.step.spawn(async move { Step::Connected(connect(&store, &sessions, wanted, replica).await) });
            return;
        };
        if running.listed.is_none_or(|listed| now >= listed + LIST) {
            let (sessions, hashes) = (Arc::clone(&self.sessions), running.queue.hashes());
            self.step.spawn(async move {
                let mut found = Vec::new();
                let listed = sessions.each_persisted(|key| found.push(hashes.hash(key))).await;
                Step::Listed(listed.map(|()| found).map_err(|error| chain(&error)))
            });
            return;
        }
        let sessions = &self.sessions;
        let may = |key: &SessionKey| sessions.state(key) == Life::Dead && sessions.expiry(key).is_none() && mine(key);
        let next = running.queue.next(now, &sessions.listing(), &sessions.all_open(), may);
        running.state.backlog = running.queue.backlog() as u64;
        let Some(Next { key, is_open }) = next else { return };
        let (sessions, persister, after) = (Arc::clone(sessions), Arc::clone(persister), running.wanted.after);
        self.step.spawn(async move {
            let started = Instant::now();
            let tried = attempt(&sessions, &persister, &key, after, is_open).await;
            Step::Tried(key, started.elapsed(), tried)
        });
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
        let now = Instant::now();
        match ended {
            Step::Connected(Ok(persister)) => {
                running.persister = Some(Arc::new(persister));
                running.not_before = now;
            }
            Step::Listed(Ok(found)) => {
                running.state.listed(found.len() as u64);
                running.queue.persisted(found);
                (running.listed, running.not_before) = (Some(now), now);
            }
            Step::Connected(Err(why)) | Step::Listed(Err(why)) => {
                running.state.fails(why);
                running.not_before = now + AGAIN;
            }
            Step::Tried(key, took, tried) => {
                let metrics = &self.sessions.metrics().persist;
                running.not_before = running.tried(
                    &key,
                    tried,
                    now,
                    |outcome| metrics.ended(outcome, took),
                    |file, bytes| metrics.wrote(file, bytes),
                );
            }
        }
    }
}

impl Running {
    /// Notes the result of an attempt, and returns the time of the next one.
    fn tried(
        &mut self,
        key: &SessionKey,
        tried: Tried,
        now: Instant,
        count: impl Fn(Counted),
        wrote: impl Fn(File, u64),
    ) -> Instant {
        let later = now + self.wanted.after.max(LOOK);
        let (result, version) = match tried {
            Tried::NoRoom | Tried::NotNow => {
                self.queue.postpone(key, later);
                return now;
            }
            Tried::Ended(result, version) => (result, version),
        };
        match result {
            Ok(outcome) => {
                let counted = match &outcome {
                    Outcome::Written(_) => Counted::Written,
                    Outcome::Same => Counted::Same,
                    Outcome::Thinner => Counted::Thinner,
                    Outcome::Changed => Counted::Changed,
                    Outcome::Conflict => Counted::Conflict,
                };
                count(counted);
                if let Outcome::Written(written) = &outcome {
                    tracing::info!(session.key = %key, size_bytes = written.total(), "session persisted");
                    self.state.written(written.total());
                    written.bytes.iter().for_each(|(file, bytes)| wrote(*file, *bytes));
                }
                if outcome == Outcome::Changed {
                    self.queue.postpone(key, later);
                } else {
                    self.queue.done(key, version);
                }
                now
            }
            Err(error) => {
                count(Counted::Failed);
                tracing::warn!(session.key = %key, error = %chain(&error), "a session could not be persisted");
                self.queue.postpone(key, now + AGAIN.max(self.wanted.after));
                match &error {
                    Error::Store(store) if store.kind() == ErrorKind::PermissionDenied => {
                        self.state.forbidden(chain(&error));
                        now + AGAIN
                    }
                    Error::Store(_) => {
                        self.state.fails(chain(&error));
                        now + AGAIN
                    }
                    _ => now,
                }
            }
        }
    }
}

/// Connects to the store.
async fn connect(store: &Store, sessions: &Sessions, wanted: Wanted, replica: String) -> Result<Persister, String> {
    let bucket = store.connect(sessions).await?;
    Ok(Persister {
        reader: bucket.reader,
        writer: bucket.writer,
        options: Options {
            clear_environments: wanted.environments == PersistedEnvironments::Clear,
            messages: wanted.messages,
            profile_events: wanted.profile_events,
        },
        author: Writer { version: env!("CARGO_PKG_VERSION").to_owned(), replica },
        fleet: wanted.mode == PersistMode::SessionsAndFleet,
    })
}

/// Persists a session that is open, or opens it first.
async fn attempt(
    sessions: &Arc<Sessions>,
    persister: &Persister,
    key: &SessionKey,
    after: Duration,
    is_open: bool,
) -> Tried {
    if !is_open && !sessions.prewarm(key).await {
        return Tried::NoRoom;
    }
    let Some(session) = sessions.peek(key) else { return Tried::NoRoom };
    let what = match sessions.to_persist(&session, after, false).await {
        Ok(Ok(what)) => what,
        Ok(Err(reason)) => {
            tracing::debug!(session.key = %key, ?reason, "a session is not persisted now");
            return Tried::NotNow;
        }
        Err(error) => return Tried::Ended(Err(error.into()), 0),
    };
    let Some(_memory) = sessions.try_reserve(MEMORY) else { return Tried::NoRoom };
    let version = what.session.version;
    Tried::Ended(persister.persist(sessions, what).await, version)
}
