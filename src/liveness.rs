//! Whether sessions live: a label that the watch of `RayClusters` sets and that the server and the loader read.
//!
//! Owns the table between the two, which never meet otherwise. Never a reason to stop looking for new files: that is
//! decided by age alone. Without a watch every session is `unknown`.
//! `known` holds the rules, as a pure value; `began` is when a session began, as far as anybody can tell; `services`
//! says which cluster a `RayService` answers from.

mod began;
mod known;
mod services;

pub use began::Began;
pub use known::{Changes, Cluster, Known, Listed};
pub use services::Services;

use crate::base::name::{ClusterId, SessionKey};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// What is known about a session's cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Its cluster runs, and this is its newest session.
    Live,
    /// The watch saw that its cluster is gone, suspended, recreated, or has a newer head.
    Dead,
    /// Nobody can tell: no watch, or a bucket shared by several Kubernetes clusters.
    #[default]
    Unknown,
}

impl State {
    /// The word for users, headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }
}

/// What can be said of all sessions of a cluster together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All have this state.
    All(State),
    /// Those whose names have an earlier time than this, in microseconds of the head's own clock, are dead; of the
    /// others each is to be asked.
    DeadBefore(i64),
    /// Each is to be asked.
    Each,
}

/// Who can tell a session's state.
pub trait Judge: std::fmt::Debug + Send + Sync {
    /// The state as of now; computed again on every change.
    fn state(&self, key: &SessionKey) -> State;

    /// What can be said of all sessions of a cluster together, for those who ask of many.
    fn verdict(&self, _cluster: &ClusterId) -> Verdict {
        Verdict::Each
    }

    /// The name of the cluster that a `RayService` answers from, if anybody knows.
    fn active(&self, _namespace: &str, _service: &str) -> Option<String> {
        None
    }
}

/// The table: holds the judge that is in force.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    judge: Arc<RwLock<Option<Arc<dyn Judge>>>>,
}

impl Liveness {
    /// The state of a session.
    pub fn state(&self, key: &SessionKey) -> State {
        self.judge().map_or(State::Unknown, |judge| judge.state(key))
    }

    /// The judge in force, for those who ask of many sessions. Without one all are unknown.
    pub fn judge(&self) -> Option<Arc<dyn Judge>> {
        self.judge.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The name of the cluster that a `RayService` answers from, if anybody knows: the newest may be a pending one.
    pub fn active(&self, namespace: &str, service: &str) -> Option<String> {
        self.judge()?.active(namespace, service)
    }

    /// Puts a judge in force.
    pub fn set(&self, judge: Arc<dyn Judge>) {
        *self.judge.write().unwrap_or_else(PoisonError::into_inner) = Some(judge);
    }
}

/// The judge that the watches feed; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    known: Arc<RwLock<Known>>,
    services: Arc<RwLock<Services>>,
}

impl Watched {
    /// Tells it what was seen, and returns what that changed.
    pub fn update<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells it what was seen of `RayServices`.
    pub fn services(&self, change: impl FnOnce(&mut Services)) {
        change(&mut self.services.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is known. Not to be held for long: the watch waits for it.
    pub fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Judge for Watched {
    fn state(&self, key: &SessionKey) -> State {
        self.read().state(key)
    }

    fn verdict(&self, cluster: &ClusterId) -> Verdict {
        self.read().verdict(cluster)
    }

    fn active(&self, namespace: &str, service: &str) -> Option<String> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        services.active(namespace, service).map(str::to_owned)
    }
}
