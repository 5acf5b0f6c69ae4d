//! All marks in the bucket. Those who hide sessions and those who delete them read the same.

use crate::keys::{self, spellings};
use crate::tombstone::{MAX_READ, Tombstone};
use futures_util::stream::{self, StreamExt};
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::Root;
use ray_history_storage::{Delimiter, Error, ErrorKind, ObjectMeta, ReadRange, Storage};
use std::collections::BTreeMap;

/// Marks that are read at once.
const AT_ONCE: usize = 16;

/// A stored mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The mark; `None` if this version does not understand it.
    pub tombstone: Option<Tombstone>,
    /// The tag of its object.
    pub etag: Option<String>,
    /// The key of its object: more than one root may have marks.
    pub key: String,
}

/// Marks by session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tombstones {
    marks: BTreeMap<SessionKey, Stored>,
}

impl Tombstones {
    /// Lists all marks below the roots, and reads those that changed. Of several marks of one session, the one below the
    /// earlier root counts.
    pub async fn refresh(&mut self, store: &dyn Storage, roots: &[Root]) -> Result<(), Error> {
        let mut listed: BTreeMap<SessionKey, ObjectMeta> = BTreeMap::new();
        for root in spellings(roots) {
            let page = store.list_all(&keys::tombstones(&root), Delimiter::None).await?;
            if let Some(error) = page.skipped.into_iter().next() {
                return Err(error);
            }
            for object in page.objects {
                if let Some(session) = keys::parse_tombstone(&root, &object.key) {
                    listed.entry(session).or_insert(object);
                }
            }
        }
        let is_same = |stored: &Stored, object: &ObjectMeta| {
            stored.key == object.key && stored.etag.is_some() && stored.etag == object.etag
        };
        self.marks.retain(|session, stored| listed.get(session).is_some_and(|object| is_same(stored, object)));
        listed.retain(|session, _| !self.marks.contains_key(session));
        let reads = listed.into_iter().map(|(session, object)| async move {
            let stored = read(store, &object.key).await;
            (session, stored)
        });
        let mut reads = stream::iter(reads).buffer_unordered(AT_ONCE);
        while let Some((session, stored)) = reads.next().await {
            if let Some(stored) = stored? {
                self.marks.insert(session, stored);
            }
        }
        Ok(())
    }

    /// Returns the mark of a session.
    pub fn get(&self, session: &SessionKey) -> Option<&Stored> {
        self.marks.get(session)
    }

    /// Returns `true` if a session must neither be listed nor opened.
    pub fn hides(&self, session: &SessionKey) -> bool {
        self.get(session).and_then(|stored| stored.tombstone.as_ref()).is_some_and(Tombstone::hides)
    }

    /// Returns all marks in the order of their sessions.
    pub fn iter(&self) -> impl Iterator<Item = (&SessionKey, &Stored)> {
        self.marks.iter()
    }

    /// Returns the number of marks.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Returns `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Adds a mark as it is stored.
    pub fn insert(&mut self, session: SessionKey, stored: Stored) {
        self.marks.insert(session, stored);
    }

    /// Removes the mark of a session.
    pub(crate) fn remove(&mut self, session: &SessionKey) {
        self.marks.remove(session);
    }
}

/// Reads one mark; `None` if there is none.
pub(crate) async fn read(store: &dyn Storage, key: &str) -> Result<Option<Stored>, Error> {
    let body = match store.read(key, ReadRange::Full).await {
        Ok(body) => body,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let etag = body.meta.etag.clone();
    let tombstone = match body.read_all(MAX_READ).await {
        Ok(bytes) => Tombstone::read(&bytes).ok(),
        Err(error) if error.kind() == ErrorKind::TooLarge => None,
        Err(error) => return Err(error),
    };
    Ok(Some(Stored { tombstone, etag, key: key.to_owned() }))
}
