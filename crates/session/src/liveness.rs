//! The liveness of sessions: written by the watches of the API server, read by everything that shows a session.
//!
//! `Watched` is the only connection between the two. Liveness never stops the search for new files: only age does.
//! Without a watch every session is `unknown`.
//! `cluster_states` contains the rules, as a pure value; `left_out` the clusters that are too many for them;
//! `start_bounds` the bounds of a session's start; `services` the cluster that serves each `RayService`.

mod cluster_states;
mod left_out;
mod services;
mod start_bounds;

pub use cluster_states::{Changes, Cluster, ClusterStates, Listed, LiveSession};
pub use services::Services;
pub use start_bounds::StartBounds;

use parking_lot::{RwLock, RwLockReadGuard};
use ray_history_core::base::name::{ClusterId, SessionKey};
use std::sync::Arc;
use tokio::sync::Notify;

/// The liveness of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Its cluster runs, and this is the cluster's newest session.
    Live,
    /// The watch saw that its cluster is gone, suspended or recreated, or has a newer head.
    Dead,
    /// Unknown: there is no watch, or several Kubernetes clusters share the bucket.
    #[default]
    Unknown,
}

impl State {
    /// Returns the word for users, headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

/// A rule for the states of all sessions of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateRule {
    /// All sessions have this state.
    All(State),
    /// Sessions whose names have an earlier time, in microseconds of the head's own clock, are dead; the state of each
    /// other session must be asked for.
    DeadBefore(i64),
    /// The state of each session must be asked for.
    Each,
}

/// The states of all sessions, as the watches know them; cheap to clone. Until something is watched, all are unknown.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    clusters: Arc<RwLock<ClusterStates>>,
    services: Arc<RwLock<Services>>,
    /// Told when a cluster appears.
    appeared: Arc<Notify>,
}

impl Watched {
    /// Applies a change, and returns its result.
    pub fn update<T>(&self, change: impl FnOnce(&mut ClusterStates) -> T) -> T {
        let mut clusters = self.clusters.write();
        let before = clusters.appeared();
        let result = change(&mut clusters);
        if clusters.appeared() != before {
            self.appeared.notify_one();
        }
        result
    }

    /// Waits until a cluster has appeared since the last call. Only one caller may wait.
    pub async fn cluster_appeared(&self) {
        self.appeared.notified().await;
    }

    /// Applies a change of `RayServices`.
    pub fn update_services(&self, change: impl FnOnce(&mut Services)) {
        change(&mut self.services.write());
    }

    /// Locks the states for reading. Hold the guard briefly: the watch waits for it.
    pub fn read(&self) -> RwLockReadGuard<'_, ClusterStates> {
        self.clusters.read()
    }

    /// Returns the current state of a session.
    pub fn state(&self, key: &SessionKey) -> State {
        self.read().state(key)
    }

    /// Returns a rule for all sessions of a cluster, for callers that need many states.
    pub fn rule(&self, cluster: &ClusterId) -> StateRule {
        self.read().rule(cluster)
    }

    /// Returns the name of the cluster that serves a `RayService`, if known. It need not be the newest, which may be
    /// pending.
    pub fn active(&self, namespace: &str, service: &str) -> Option<String> {
        self.services.read().active(namespace, service).map(str::to_owned)
    }
}
