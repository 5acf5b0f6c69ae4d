//! Loads dead sessions ahead of requests, one at a time; `queue` decides which one, and when.

mod queue;

use queue::PrewarmQueue;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_session::liveness::State;
use ray_history_session::{Sessions, Stored};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Loads the sessions of its queue.
pub(super) struct Prewarmer {
    sessions: Arc<Sessions>,
    queue: PrewarmQueue,
    /// The step that runs, if any.
    running: JoinSet<Step>,
}

/// The result of a step.
enum Step {
    /// The stored files of a session were checked.
    Checked(SessionKey, Option<Stored>),
    /// A load ended; `true` if the session was loaded.
    Loaded(SessionKey, bool),
}

impl Prewarmer {
    /// Returns a prewarmer without sessions to load.
    pub(super) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions, queue: PrewarmQueue::default(), running: JoinSet::new() }
    }

    /// Adds sessions that died, and drops the oldest beyond `most`.
    pub(super) fn add<'a>(&mut self, died: impl Iterator<Item = &'a SessionKey>, most: usize) {
        let now = Instant::now();
        died.for_each(|key| self.queue.add(key.clone(), now, most));
    }

    /// Starts to check or load the next session of `mine`, unless a step runs.
    pub(super) fn start_next(&mut self, mine: impl Fn(&SessionKey) -> bool) {
        if !self.running.is_empty() {
            return;
        }
        let now = Instant::now();
        let (load, key) = match (self.queue.next_load(now, &mine), self.queue.next_check(now, &mine)) {
            (Some(key), _) => (true, key),
            (None, Some(key)) => (false, key),
            (None, None) => return,
        };
        // The session may have become live again.
        if self.sessions.state(&key) != State::Dead {
            self.queue.remove(&key);
            return;
        }
        let sessions = Arc::clone(&self.sessions);
        self.running.spawn(async move {
            if load {
                let loaded = sessions.prewarm(&key).await;
                Step::Loaded(key, loaded)
            } else {
                let stored = sessions.stored(&key).await.unwrap_or_else(|error| {
                    tracing::debug!(session.key = %key, error = %chain(&error), "stored files could not be listed");
                    None
                });
                Step::Checked(key, stored)
            }
        });
    }

    /// Waits for the end of a step, and records its result; waits for ever if none runs. The future may be dropped at any
    /// time.
    pub(super) async fn step_ended(&mut self) {
        match self.running.join_next().await {
            Some(Ok(Step::Checked(key, stored))) => self.queue.on_checked(&key, stored, Instant::now()),
            Some(Ok(Step::Loaded(key, true))) => self.queue.remove(&key),
            Some(Ok(Step::Loaded(key, false))) => self.queue.postpone(&key, Instant::now()),
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }
}
