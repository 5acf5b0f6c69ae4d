//! The liveness of sessions: set by the watch of `RayClusters`, read by the server and the loader.
//!
//! The table here is the only connection between the two. Liveness never stops the search for new files: only age does.
//! Without a watch every session is `unknown`.
//! `cluster_states` contains the rules, as a pure value; `start_bounds` the bounds of a session's start; `services` the
//! cluster that serves each `RayService`.

mod cluster_states;
mod services;
mod start_bounds;

pub use cluster_states::{Changes, Cluster, ClusterStates, Listed};
pub use services::Services;
pub use start_bounds::StartBounds;

use parking_lot::{RwLock, RwLockReadGuard};
use ray_history_core::base::name::{ClusterId, SessionKey};
use std::sync::Arc;

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

/// A source of session states.
pub trait Judge: std::fmt::Debug + Send + Sync {
    /// Returns the current state of a session.
    fn state(&self, key: &SessionKey) -> State;

    /// Returns a rule for all sessions of a cluster, for callers that need many states.
    fn rule(&self, _cluster: &ClusterId) -> StateRule {
        StateRule::Each
    }

    /// Returns the name of the cluster that serves a `RayService`, if known.
    fn active(&self, _namespace: &str, _service: &str) -> Option<String> {
        None
    }
}

/// The current source of session states, shared by the server and the loader.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    judge: Arc<RwLock<Option<Arc<dyn Judge>>>>,
}

impl Liveness {
    /// Returns the state of a session.
    pub fn state(&self, key: &SessionKey) -> State {
        self.judge().map_or(State::Unknown, |judge| judge.state(key))
    }

    /// Returns the current source, for callers that need many states. Without one all sessions are unknown.
    pub fn judge(&self) -> Option<Arc<dyn Judge>> {
        self.judge.read().clone()
    }

    /// Returns the name of the cluster that serves a `RayService`, if known. It need not be the newest, which may be
    /// pending.
    pub fn active(&self, namespace: &str, service: &str) -> Option<String> {
        self.judge()?.active(namespace, service)
    }

    /// Replaces the current source.
    pub fn set(&self, judge: Arc<dyn Judge>) {
        *self.judge.write() = Some(judge);
    }
}

/// The session states that the watches update; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    clusters: Arc<RwLock<ClusterStates>>,
    services: Arc<RwLock<Services>>,
}

impl Watched {
    /// Applies a change, and returns its result.
    pub fn update<T>(&self, change: impl FnOnce(&mut ClusterStates) -> T) -> T {
        change(&mut self.clusters.write())
    }

    /// Applies a change of `RayServices`.
    pub fn services(&self, change: impl FnOnce(&mut Services)) {
        change(&mut self.services.write());
    }

    /// Locks the states for reading. Hold the guard briefly: the watch waits for it.
    pub fn read(&self) -> RwLockReadGuard<'_, ClusterStates> {
        self.clusters.read()
    }
}

impl Judge for Watched {
    fn state(&self, key: &SessionKey) -> State {
        self.read().state(key)
    }

    fn rule(&self, cluster: &ClusterId) -> StateRule {
        self.read().rule(cluster)
    }

    fn active(&self, namespace: &str, service: &str) -> Option<String> {
        let services = self.services.read();
        services.active(namespace, service).map(str::to_owned)
    }
}
