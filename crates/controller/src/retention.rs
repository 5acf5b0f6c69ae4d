//! Retention: every replica makes the plan, and the one that leads acts on it.
//!
//! ```text
//! sessions (list, states, obituaries, marks) ──► candidates ──► executor ──► plan ──► sessions (list, API)
//!                                                                  │ leads, mode Delete
//!                                                                  ▼
//!                                                     marks and deletions in the bucket
//! ```
//!
//! While the replicas cannot see each other, none acts. A keeper lives as long as its settings and its store.

mod condition;
mod keeper;
mod known;

pub(super) use condition::State;

use super::announce::Retained;
use super::obituaries::Store;
use keeper::Keeper;
use kube::Client;
use parking_lot::Mutex;
use ray_history_session::Sessions;
use ray_history_settings::{Retention as Wanted, RetentionMode, Settings};
use std::sync::Arc;
use tokio::sync::{mpsc, watch as channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Retention of the sessions of the settings in force.
pub(super) struct Retention {
    client: Client,
    sessions: Arc<Sessions>,
    leads: channel::Sender<bool>,
    told: mpsc::UnboundedSender<Retained>,
    received: mpsc::UnboundedReceiver<Retained>,
    running: Option<Running>,
    /// Keepers that were stopped and still end a request. The next one waits for them: of two keepers only one acts.
    ending: JoinSet<()>,
}

/// A keeper that runs.
struct Running {
    settings: Wanted,
    store: Store,
    state: Arc<Mutex<State>>,
    stop: CancellationToken,
    keeper: JoinSet<()>,
}

impl Retention {
    /// Returns a retention that keeps everything.
    pub(super) fn new(client: Client, sessions: Arc<Sessions>) -> Self {
        let (told, received) = mpsc::unbounded_channel();
        Self {
            client,
            sessions,
            leads: channel::Sender::new(false),
            told,
            received,
            running: None,
            ending: JoinSet::new(),
        }
    }

    /// Follows settings. The same rules for the same store go on; others begin anew.
    pub(super) fn select(&mut self, settings: &Settings, store: Store) {
        let wanted = &settings.retention;
        let is_same = |running: &Running| running.settings == *wanted && running.store == store;
        if self.running.as_ref().is_some_and(is_same) {
            return;
        }
        self.stop();
        if wanted.mode == RetentionMode::Off {
            self.sessions.set_plan(None);
            self.sessions.metrics().retention.off();
            return;
        }
        let (state, stop) = (Arc::new(Mutex::new(State::new(wanted.mode))), CancellationToken::new());
        let keeper = Keeper {
            client: self.client.clone(),
            sessions: Arc::clone(&self.sessions),
            settings: wanted.clone(),
            store: store.clone(),
            state: Arc::clone(&state),
            leads: self.leads.subscribe(),
            told: self.told.clone(),
            stop: stop.clone(),
        };
        let (mut before, mut tasks) = (std::mem::take(&mut self.ending), JoinSet::new());
        tasks.spawn(async move {
            all(&mut before).await;
            Box::pin(keeper.run()).await;
        });
        self.running = Some(Running { settings: wanted.clone(), store, state, stop, keeper: tasks });
    }

    /// Stops the keeper that runs: a step that has begun is left as it is, and another one goes on from there.
    fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.stop.cancel();
            self.ending.spawn(async move { all(&mut running.keeper).await });
        }
    }

    /// Notes whether this replica leads, for certain.
    pub(super) fn set_leads(&self, leads: bool) {
        self.leads.send_if_modified(|known| std::mem::replace(known, leads) != leads);
    }

    /// Returns the state for the status; `None` while everything is kept.
    pub(super) fn state(&self) -> Option<State> {
        Some(self.running.as_ref()?.state.lock().clone())
    }

    /// Waits for something to tell people.
    pub(super) async fn next_told(&mut self) -> Retained {
        match self.received.recv().await {
            Some(told) => told,
            None => std::future::pending().await,
        }
    }

    /// Ends after the request that is on its way.
    pub(super) async fn leave(&mut self) {
        self.stop();
        all(&mut self.ending).await;
    }
}

/// Waits until all tasks have ended.
async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}
