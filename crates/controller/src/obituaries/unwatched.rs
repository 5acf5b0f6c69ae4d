//! Ends that nobody watched: documents of objects that went while no replica ran become final.
//!
//! The index of rows tells which documents are not final; of these, only those are read whose object a full list lacks,
//! newest first, one a second. A document of another Kubernetes cluster stays as it is, all do where other clusters share
//! the store, and so does one that was written after the list began: its object may be younger than the list.

use super::documents::{Author, Bucket, Closed};
use super::present::AllPresent;
use super::shared::Shared;
use ray_history_core::base::chain::chain;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;
use ray_history_session::obituaries::Obituaries;
use ray_history_storage::Error;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Interval at which the rows are searched.
const SEARCHES: Duration = Duration::from_mins(1);
/// Objects that one search finds.
const FOUND: usize = 500;
/// Objects that are remembered because nothing is to be done about them.
const SETTLED: usize = 100_000;

/// The objects whose documents are to be looked at.
#[derive(Debug, Default)]
pub(super) struct Unwatched {
    found: VecDeque<ObjectId>,
    /// The uids of objects whose documents were looked at: they are final, or not ours.
    settled: HashSet<String>,
    next_search: Option<Instant>,
}

impl Unwatched {
    /// Looks at the next document, and returns the rows of one that is final now.
    pub(super) async fn next(
        &mut self,
        bucket: &Bucket,
        author: &Author,
        shared: &Shared,
        index: &Arc<Obituaries>,
    ) -> Result<Vec<Row>, Error> {
        if author.kubernetes.cluster.is_empty() || shared.shares_storage() {
            return Ok(Vec::new());
        }
        if self.found.is_empty() && self.next_search.is_none_or(|next| Instant::now() >= next) {
            self.next_search = Some(Instant::now() + SEARCHES);
            self.search(index, &shared.present).await;
        }
        let Some(object) = self.found.pop_front() else { return Ok(Vec::new()) };
        let is_gone = |at| shared.present.lacks(&object, at);
        match bucket.close(author, &object, is_gone).await {
            Ok(Closed::Final(document)) => {
                tracing::debug!(object = %object.name, "an object went while nobody watched; its obituary is final now");
                let length = document.to_bytes().map_or(0, |bytes| bytes.len() as u64);
                let rows = Row::of(&document, length);
                // Its pods may be there still.
                shared.records.lock().join_stored(*document);
                self.settle(object);
                Ok(rows)
            }
            Ok(Closed::Foreign) => {
                self.settle(object);
                Ok(Vec::new())
            }
            Ok(Closed::NotYet) => Ok(Vec::new()),
            Err(error) => {
                self.found.push_front(object);
                Err(error)
            }
        }
    }

    /// Finds objects that are not there.
    async fn search(&mut self, index: &Arc<Obituaries>, present: &Arc<AllPresent>) {
        let (index, present, settled) = (Arc::clone(index), Arc::clone(present), std::mem::take(&mut self.settled));
        let searched = tokio::task::spawn_blocking(move || {
            // The time of its document is not known yet.
            let is_gone = |object: &ObjectId| present.lacks(object, Time::default());
            let found = index.not_final(FOUND, |object| !settled.contains(&object.uid) && is_gone(object));
            (found, settled)
        });
        match searched.await {
            Ok((found, settled)) => (self.found, self.settled) = (found.into(), settled),
            Err(error) => {
                tracing::error!(error = %chain(&error), "ends that nobody watched were not found; please report this");
            }
        }
    }

    fn settle(&mut self, object: ObjectId) {
        if self.settled.len() >= SETTLED {
            self.settled.clear();
        }
        self.settled.insert(object.uid);
    }
}
