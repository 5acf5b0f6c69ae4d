//! Writes documents: reads the stored one, joins it, and puts the new one if the stored one is unchanged meanwhile.
//!
//! Several writers are therefore harmless, and nothing that another writer told is lost.

use super::shared::{Shared, WriteTrouble, now};
use ray_history_core::base::chain::chain;
use ray_history_obituary::document::{Document, Kubernetes, MAX_READ, NotUnderstood, ObjectId};
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;
use ray_history_storage::{Error, ErrorKind, ReadRange, Storage};
use ray_history_storage_write::{If, Put, StorageWrite};
use std::time::Duration;

/// Tries against other writers of the same document.
const TRIES: u32 = 8;
/// Pause after the first lost try; the next ones are longer.
const PAUSE: Duration = Duration::from_millis(50);

/// The bucket that documents are written to.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) reader: std::sync::Arc<dyn Storage>,
    pub(crate) writer: std::sync::Arc<dyn StorageWrite>,
    /// The prefix of all keys: empty, or ends in `/`.
    pub(crate) root: String,
}

/// The replica that writes, and its Kubernetes.
#[derive(Clone, Debug, Default)]
pub(super) struct Author {
    pub(super) replica: String,
    pub(super) kubernetes: Kubernetes,
}

/// The outcome of a write.
#[derive(Debug)]
pub(super) enum Written {
    /// The document and the rows of the ledger.
    Document(Box<Document>, Vec<Row>),
    /// The stored document tells the same already: these are its rows, which its writer may not have stored any more.
    Known(Vec<Row>),
    /// A newer version of this program wrote the stored document.
    Newer(String),
    /// The object has no key, or is no longer watched.
    Nothing,
}

/// The outcome of a look at the document of an object that is not there.
#[derive(Debug)]
pub(super) enum Closed {
    /// It is final now, or was before.
    Final(Box<Document>),
    /// The object is gone, and others that belong to it are there: this was stored of it.
    Held(Box<Document>),
    /// The object may be there, or its end was seen.
    NotYet,
    /// It is not there, cannot be read, or tells of an object of another Kubernetes cluster.
    Foreign,
}

/// The fate of an object whose document is not final, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It may be there, or its end was seen and is told as any other.
    Open,
    /// It went unseen, and the records have facts about it, such as its pods.
    Held,
    /// It went unseen, and nothing of it is watched.
    Missed,
}

impl Bucket {
    /// Makes the document of an object final that nobody saw go; its `fate` depends on a time at which the object was
    /// there.
    pub(super) async fn close(
        &self,
        author: &Author,
        object: &ObjectId,
        fate: impl Fn(Time) -> Fate,
    ) -> Result<Closed, Error> {
        let Some(key) = object.key(&self.root) else { return Ok(Closed::Foreign) };
        for attempt in 1..=TRIES {
            let Some((Ok(stored), etag)) = self.stored(&key).await? else { return Ok(Closed::Foreign) };
            if stored.object != *object || stored.kubernetes.cluster != author.kubernetes.cluster {
                return Ok(Closed::Foreign);
            }
            if stored.is_final {
                return Ok(Closed::Final(Box::new(stored)));
            }
            match stored.was_there().map_or(Fate::Open, &fate) {
                Fate::Open => return Ok(Closed::NotYet),
                Fate::Held => return Ok(Closed::Held(Box::new(stored))),
                Fate::Missed => {}
            }
            let document = stored.gone_unwatched(now(), &author.replica);
            let bytes = document.to_bytes().map_err(|error| Error::failed(&key, error))?;
            if self.replace(&key, bytes, If::Unchanged(&etag)).await? {
                return Ok(Closed::Final(Box::new(document)));
            }
            tokio::time::sleep(PAUSE * attempt * attempt).await;
        }
        Err(Error::because(ErrorKind::Unavailable, key, "other writers replace it again and again"))
    }

    /// Returns the rows of the document of an object; none if there is none, or if it cannot be read by this version.
    pub(super) async fn rows(&self, object: &ObjectId) -> Result<Vec<Row>, Error> {
        let Some(key) = object.key(&self.root) else { return Ok(Vec::new()) };
        let Some((Ok(stored), _)) = self.stored(&key).await? else { return Ok(Vec::new()) };
        if stored.object != *object {
            return Ok(Vec::new());
        }
        let length = stored.to_bytes().map_or(0, |bytes| bytes.len() as u64);
        Ok(Row::of(&stored, length))
    }

    /// Puts a document; returns `false` if another writer was faster.
    async fn replace(&self, key: &str, bytes: Vec<u8>, condition: If<'_>) -> Result<bool, Error> {
        match self.writer.put(key, bytes.into(), condition).await {
            Ok(Put::Written) => Ok(true),
            Ok(Put::Refused) => Ok(false),
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes the document of an object.
    pub(super) async fn write(&self, shared: &Shared, author: &Author, object: &ObjectId) -> Result<Written, Error> {
        let Some(key) = object.key(&self.root) else { return Ok(Written::Nothing) };
        for attempt in 1..=TRIES {
            let stored = match self.stored(&key).await? {
                None => None,
                Some((Ok(document), etag)) => {
                    shared.records.lock().join_stored(document.clone());
                    Some((Some(document), etag))
                }
                Some((Err(NotUnderstood::Newer(schema)), _)) => return Ok(Written::Newer(schema)),
                Some((Err(error), etag)) => {
                    tracing::warn!(key, error = %chain(&error), "a stored obituary cannot be read, and is replaced");
                    Some((None, etag))
                }
            };
            let Some(mut document) = author.document(shared, object) else { return Ok(Written::Nothing) };
            if let Some((Some(known), _)) = &stored {
                document.submitter_log = document.submitter_log.max(known.submitter_log.clone());
            }
            if let Some((Some(known), _)) = &stored
                && known.facts == document.facts
                && known.is_final == document.is_final
                && known.submitter_log == document.submitter_log
            {
                shared.records.lock().written(known, now());
                let length = known.to_bytes().map_or(0, |bytes| bytes.len() as u64);
                return Ok(Written::Known(Row::of(known, length)));
            }
            let bytes = document.to_bytes().map_err(|error| Error::failed(&key, error))?;
            let condition = stored.as_ref().map_or(If::Absent, |(_, etag)| If::Unchanged(etag));
            let rows = Row::of(&document, bytes.len() as u64);
            if self.replace(&key, bytes, condition).await? {
                shared.records.lock().written(&document, now());
                return Ok(Written::Document(Box::new(document), rows));
            }
            tokio::time::sleep(PAUSE * attempt * attempt).await;
        }
        Err(Error::because(ErrorKind::Unavailable, key, "other writers replace it again and again"))
    }

    /// Returns a stored document with its `ETag`.
    async fn stored(&self, key: &str) -> Result<Option<(Result<Document, NotUnderstood>, String)>, Error> {
        let body = match self.reader.read(key, ReadRange::Full).await {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let etag = body.meta.etag.clone().ok_or_else(|| Error::failed(key, "the store reports no ETag"))?;
        match body.read_all(MAX_READ as u64).await {
            Ok(bytes) => Ok(Some((Document::read(&bytes), etag))),
            Err(error) if error.kind() == ErrorKind::TooLarge => Ok(Some((Err(NotUnderstood::TooLong), etag))),
            Err(error) => Err(error),
        }
    }
}

impl Author {
    /// Returns the document of an object as it is known now.
    pub(super) fn document(&self, shared: &Shared, object: &ObjectId) -> Option<Document> {
        shared.records.lock().document(&object.uid, now(), &self.replica, &self.kubernetes, None)
    }
}

/// Returns what an error means for the operator.
pub(super) fn trouble(error: &Error) -> WriteTrouble {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::NoBucket => WriteTrouble::Denied(chain(error)),
        _ => WriteTrouble::Failing(chain(error)),
    }
}
