//! Everything that persisting an open session takes: the snapshot, the listing that it was built from, and what its facts
//! were read from. Nothing is written here: this crate has no writer.

use super::liveness::State;
use super::load::{Digest, OpenSession, age};
use super::source::Source;
use super::{Error, Reservation, Sessions};
use futures_util::StreamExt;
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_core::layout::{PersistedKeys, Root};
use ray_history_storage::Delimiter;
use ray_history_tables::{FactFile, Input};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Everything that is persisted of a session.
#[derive(Debug)]
pub struct ToPersist {
    /// The open session.
    pub session: Arc<OpenSession>,
    /// The root below which it is persisted: empty, or ends in `/`.
    pub root: String,
    /// The owner of the cluster, if known.
    pub owner: Option<Owner>,
    /// `false` if the namespace is only an id that v1.6 wrote.
    pub namespace_known: bool,
    /// The raw objects that it was built from, sorted by key.
    pub inputs: Vec<Input>,
    digest: Digest,
    source: Arc<Source>,
}

/// The reason why a session is not persisted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// It is not known to be dead.
    NotDead,
    /// It is not open, or was opened from what is persisted.
    NotBuilt,
    /// Files could not be read.
    Unread,
    /// The newest object is too young, or there are others than it was built from.
    Uploading,
}

/// Returns the root below which sessions are persisted: the first spelling of the first one.
pub fn persist_root(roots: &[Root]) -> String {
    roots.first().and_then(|root| root.spellings().into_iter().next()).unwrap_or_default()
}

impl ToPersist {
    /// Returns what the facts of the session were read from.
    pub fn facts(&self) -> Vec<FactFile> {
        self.session.kept.as_ref().map(|kept| kept.unpacked()).unwrap_or_default()
    }

    /// Returns the records that were read of each node, if the session has manifests.
    pub fn records_by_node(&self) -> BTreeMap<String, u64> {
        self.session.proved.as_ref().map(|proved| proved.records().clone()).unwrap_or_default()
    }
}

impl Sessions {
    /// Returns what is needed to persist an open session whose newest object is older than `after`. `is_dead` stands for a
    /// proof that is not this server's own.
    ///
    /// # Errors
    /// Returns the error of the listing.
    pub async fn to_persist(
        self: &Arc<Self>,
        session: &Arc<OpenSession>,
        after: Duration,
        is_dead: bool,
    ) -> Result<Result<ToPersist, NotNow>, Error> {
        let (source, key, session) = (self.source(), &session.key, Arc::clone(session));
        if !is_dead && self.state(key) != State::Dead {
            return Ok(Err(NotNow::NotDead));
        }
        if session.kept.is_none() {
            return Ok(Err(NotNow::NotBuilt));
        }
        if session.has_unread_files() || session.nothing_read.is_some() {
            return Ok(Err(NotNow::Unread));
        }
        let entry = source.catalog.find(key).await?.ok_or_else(|| Error::Unknown(key.clone()))?;
        let (inputs, found) = self.list_inputs(&source, key).await?;
        // A store that reports no times is looked at twice in any case.
        let is_young = age(found.newest).is_some_and(|age| age < after);
        if is_young || found.digest != session.digest {
            return Ok(Err(NotNow::Uploading));
        }
        Ok(Ok(ToPersist {
            root: persist_root(source.catalog.roots()),
            owner: entry.owner,
            namespace_known: entry.namespace_known,
            digest: found.digest,
            session,
            inputs,
            source,
        }))
    }

    /// Builds a session from raw data, whatever is persisted of it.
    ///
    /// # Errors
    /// Returns the error of the load.
    pub async fn open_raw(self: &Arc<Self>, key: &SessionKey) -> Result<Arc<OpenSession>, Error> {
        self.rebuilt(key).await
    }

    /// Lists the objects of a session once more. Returns `true` if they are those that it was built from, and if the store
    /// is still the same.
    ///
    /// # Errors
    /// Returns the error of the listing.
    pub async fn is_unchanged(self: &Arc<Self>, what: &ToPersist) -> Result<bool, Error> {
        let (_, found) = self.list_inputs(&what.source, &what.session.key).await?;
        Ok(found.digest == what.digest && Arc::ptr_eq(&what.source, &self.source()))
    }

    /// Returns the root below which sessions of the current store are persisted: empty, or ends in `/`.
    pub fn persist_root(&self) -> String {
        persist_root(self.source().catalog.roots())
    }

    /// Calls `on` with every session that is persisted, in the order of the store. Costs a list for each thousand.
    ///
    /// # Errors
    /// Returns the error of the store.
    pub async fn each_persisted(&self, mut on: impl FnMut(&SessionKey)) -> Result<(), Error> {
        let source = self.source();
        let root = persist_root(source.catalog.roots());
        let prefix = PersistedKeys::heads(&root);
        let mut pages = source.store.list_pages(&prefix, Delimiter::None);
        while let Some(page) = pages.next().await {
            for object in page?.objects {
                if let Some(key) = PersistedKeys::parse_head(&root, &object.key) {
                    on(&key);
                }
            }
        }
        Ok(())
    }

    /// Reserves memory for work in the background, if it is free.
    pub fn try_reserve(&self, bytes: u64) -> Option<Reservation> {
        self.budget.try_reserve(bytes, self.budget.total() / 2)
    }
}
