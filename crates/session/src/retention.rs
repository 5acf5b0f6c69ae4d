//! Retention, as everything that shows sessions sees it: marks say which sessions go and hide those that are being
//! deleted, pins say which stay, and a plan says what the rules would do.
//!
//! ```text
//! bucket: marks, pins ──► Marks (this file) ──► list, pages, API: "will be deleted on …"
//!                             │  └─ hidden ──► catalog, cache, open: 410
//!                             ▼
//! candidates: what is known of each session ──► plan, executor (in the controller and the command)
//! ```
//!
//! Nothing is deleted here.

mod candidates;
mod first_listed;
mod keep;

use super::error::Deletion;
use super::{Error, Sessions};
use first_listed::FirstListed;
use parking_lot::{Mutex, RwLock};
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_retention::{Candidate, Phase, Pins, Plan, Tombstone, Tombstones, time};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Retention of the sessions of one store.
#[derive(Debug, Default)]
pub(super) struct Retention {
    marks: RwLock<Arc<Marks>>,
    first_listed: Mutex<FirstListed>,
    plan: RwLock<Option<Arc<Planned>>>,
}

/// Marks and pins as they were last listed.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// The marks.
    pub tombstones: Tombstones,
    /// The pins.
    pub pins: Pins,
    /// `true` once they were listed.
    pub is_listed: bool,
}

impl Marks {
    /// Returns the deletion that waits for a session; `None` if it is not marked.
    pub fn expiry(&self, key: &SessionKey) -> Option<Expiry> {
        let mark = self.mark(key).filter(|mark| mark.phase == Phase::Marked)?;
        Some(Expiry { not_before: mark.not_before, reason: mark.reason.clone() })
    }

    fn mark(&self, key: &SessionKey) -> Option<&Tombstone> {
        self.tombstones.get(key)?.tombstone.as_ref()
    }

    /// Returns `true` if another listing has the same marks.
    fn is_same(&self, other: &Self) -> bool {
        self.is_listed == other.is_listed
            && self.pins == other.pins
            && self.tombstones.len() == other.tombstones.len()
            && self.tombstones.iter().zip(other.tombstones.iter()).all(|(one, other)| one == other)
    }
}

/// A plan, and the sessions that it was made of.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The time it was made at.
    pub at: Nanos,
    /// The sessions, in the order of the plan.
    pub sessions: Vec<Candidate>,
    /// The plan.
    pub plan: Plan,
}

/// The deletion that waits for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The time before which it is not deleted.
    pub not_before: Nanos,
    /// The sentence that says why.
    pub reason: String,
}

impl Sessions {
    /// Returns marks and pins as they were last listed.
    pub fn marks(&self) -> Arc<Marks> {
        Arc::clone(&self.source().retention.marks.read())
    }

    /// Lists marks and pins, and closes the sessions that are being deleted.
    ///
    /// # Errors
    /// Returns the error of the store; the last marks stay in force.
    pub async fn refresh_marks(&self) -> Result<Arc<Marks>, Error> {
        let source = self.source();
        let listed = async move {
            let roots = source.catalog.roots();
            let before = Arc::clone(&source.retention.marks.read());
            let mut tombstones = before.tombstones.clone();
            tombstones.refresh(&*source.store, roots).await?;
            let pins = Pins::list(&*source.store, roots).await?;
            let hidden = tombstones.iter().filter(|(key, _)| tombstones.hides(key)).map(|(key, _)| key.clone());
            let hidden: HashSet<SessionKey> = hidden.collect();
            let marks = Arc::new(Marks { tombstones, pins, is_listed: true });
            *source.retention.marks.write() = Arc::clone(&marks);
            source.catalog.hide(hidden).await;
            Ok(marks)
        };
        let marks = self.run_detached(listed).await?;
        self.close_hidden();
        Ok(marks)
    }

    /// Drops the open sessions that are being deleted.
    fn close_hidden(&self) {
        let source = self.source();
        self.cache.retain(|key| source.catalog.allows(key));
        self.update_metrics();
    }

    /// Returns the deletion that waits for a session; `None` if it is not marked.
    pub fn expiry(&self, key: &SessionKey) -> Option<Expiry> {
        self.marks().expiry(key)
    }

    /// Returns the error for a session that is being deleted or was.
    pub(super) fn deleted(&self, key: &SessionKey) -> Option<Error> {
        let marks = self.marks();
        let mark = marks.mark(key).filter(|mark| mark.hides())?;
        let (day, is_over) = (time::day(mark.changed), mark.phase == Phase::Deleted);
        Some(Error::Deleted(key.clone(), Box::new(Deletion { day, reason: mark.reason.clone(), is_over })))
    }

    /// Returns the last plan.
    pub fn planned(&self) -> Option<Arc<Planned>> {
        self.source().retention.plan.read().clone()
    }

    /// Keeps a plan for those who show it; `None` while retention is off.
    pub fn set_plan(&self, plan: Option<Planned>) {
        *self.source().retention.plan.write() = plan.map(Arc::new);
    }
}

/// Returns a short name of a session, for tables of many. Two sessions with one name cost nothing but a listing: all is
/// looked at again before anything is deleted.
fn hash(key: &SessionKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
