//! The steps from a mark to a deletion. Each request may be the last before a crash, and the next run goes on from there.
//!
//! | step | in the bucket |
//! |---|---|
//! | mark | created if there is none |
//! | remove a mark | replaced by one that is not, if it is still the same; deleted a day later |
//! | check | every reason to keep the session, and a new listing of all its places |
//! | begin | `deleting`, if the mark is still the same; readers hide the session from then on |
//! | pause | replicas see it, and a slow writer of a mark is done |
//! | delete | markers, data, objects of folders; listed again until nothing is left |
//! | end | `deleted`, with numbers; removed after thirty days if nothing came late |
//!
//! One executor runs at a time. Two do no harm: documents are replaced on a condition, deletions repeat, and where a store
//! ignores conditions, what lies there is read again after the pause.

mod acting;
mod delete;
mod errors;
mod mark;
mod pace;
mod report;
mod run;
#[cfg(test)]
mod tests;

pub use report::{Act, Run, RunOutcome};

use crate::candidate::{Candidate, Survey};
use crate::tombstones::Tombstones;
use async_trait::async_trait;
use pace::Pace;
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::Root;
use ray_history_storage::Storage;
use ray_history_storage_write::StorageWrite;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The pause between the beginning of a deletion and its first request. Replicas must list marks more often. The longest
/// put of a mark, which is tried once, takes 95 s (5 to connect, 30 without progress, 60 for the answer), so a slow writer
/// of the same mark is done, and what lies there after the pause is not replaced any more.
pub const PAUSE: Duration = Duration::from_secs(150);
/// The same for a folder, which replicas list every half minute, and in which no put stands still.
const FOLDER_PAUSE: Duration = Duration::from_secs(45);

/// The time between two looks whether a run goes on.
const LOOK: Duration = Duration::from_secs(1);

/// A clock.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Returns the nanoseconds since 1970.
    fn now(&self) -> Nanos;
}

/// The caller, who knows sessions.
#[async_trait]
pub trait Known: Send + Sync {
    /// Returns a session as it is known now. Its objects need not be listed; if they are, then after the call.
    async fn candidate(&self, key: &SessionKey) -> Result<Candidate, String>;

    /// Returns `true` as long as the run may act: this replica leads, and the mode and rules are still those of the run.
    fn goes_on(&self) -> bool {
        true
    }

    /// Returns once the run may act no longer.
    async fn ended(&self) {
        while self.goes_on() {
            sleep(LOOK).await;
        }
    }

    /// Hears of each act when it is done.
    fn acted(&self, act: &Act) {
        let _ = act;
    }
}

/// The executor. It is kept from run to run: it remembers listings of objects, and sessions that failed.
#[derive(Debug)]
pub struct Executor {
    store: Arc<dyn Storage>,
    writer: Option<Arc<dyn StorageWrite>>,
    roots: Vec<Root>,
    clock: Arc<dyn Clock>,
    tombstones: Tombstones,
    /// The last listing of each session, in numbers.
    surveys: HashMap<SessionKey, Survey>,
    /// Time of the last failure of each session, or of a mark that was not set: those go last.
    failed: BTreeMap<SessionKey, Nanos>,
    /// Time of the last look for late files of each deleted session.
    looked: HashMap<SessionKey, Nanos>,
    pace: Pace,
}

impl Executor {
    /// Returns an executor for a store. Without a writer it only plans.
    pub fn new(
        store: Arc<dyn Storage>,
        writer: Option<Arc<dyn StorageWrite>>,
        roots: Vec<Root>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            writer,
            roots,
            clock,
            tombstones: Tombstones::default(),
            surveys: HashMap::new(),
            failed: BTreeMap::new(),
            looked: HashMap::new(),
            pace: Pace::default(),
        }
    }

    /// Returns the executor with other connections to the same bucket.
    #[must_use]
    pub fn reconnected(self, store: Arc<dyn Storage>, writer: Option<Arc<dyn StorageWrite>>) -> Self {
        Self { store, writer, ..self }
    }

    /// Returns the marks as the last run left them.
    pub fn tombstones(&self) -> &Tombstones {
        &self.tombstones
    }

    /// Returns the first spelling of the first root: below it, marks are written.
    fn root(&self) -> String {
        self.roots.first().and_then(|root| root.spellings().into_iter().next()).unwrap_or_default()
    }
}
