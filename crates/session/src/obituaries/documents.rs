//! Documents: those that are kept in memory, and those of the bucket.

use ray_history_core::layout::Root;
use ray_history_obituary::document::{Document, MAX_READ, NotUnderstood, ObjectId};
use ray_history_storage::{Error, ErrorKind, Storage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A document that cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The store could not be read.
    #[error("the storage could not be read: {0}")]
    Storage(Arc<Error>),
    /// The store has something else, or what a newer version wrote.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
}

/// A document in memory.
#[derive(Debug)]
struct Kept {
    document: Arc<Document>,
    weight: usize,
    /// The number of the call that kept it.
    turn: u64,
}

/// Documents in memory, by the uid of their object.
#[derive(Debug, Default)]
pub(super) struct Documents {
    kept: BTreeMap<String, Kept>,
    turn: u64,
    bytes: usize,
    dropped: usize,
}

impl Documents {
    /// Keeps a document in the place of an earlier one of its object.
    pub(super) fn keep(&mut self, mut document: Document) {
        self.turn += 1;
        let uid = document.object.uid.clone();
        if let Some(before) = self.kept.get(&uid) {
            let log = document.submitter_log.take();
            document.submitter_log = log.max(before.document.submitter_log.clone());
        }
        // Runs and unknown fields take about what their text does, which is never more than that of the whole.
        let text = document.to_bytes().map_or(MAX_READ, |bytes| bytes.len());
        let weight = size_of::<Kept>() + uid.len() + document.facts.weight() + text;
        self.bytes += weight;
        if let Some(before) = self.kept.insert(uid, Kept { document: Arc::new(document), weight, turn: self.turn }) {
            self.bytes -= before.weight;
        }
    }

    /// Drops documents until the others take at most so many bytes: those of objects that are gone first, the oldest.
    pub(super) fn limit(&mut self, bytes: usize) {
        while self.bytes > bytes {
            let first = self.kept.iter().min_by_key(|(_, kept)| (!kept.document.is_final, kept.turn));
            let Some(uid) = first.map(|(uid, _)| uid.clone()) else { return };
            if let Some(kept) = self.kept.remove(&uid) {
                self.bytes -= kept.weight;
                self.dropped += 1;
            }
        }
    }

    /// Returns the document of an object.
    pub(super) fn find(&self, uid: &str) -> Option<Arc<Document>> {
        self.kept.get(uid).map(|kept| Arc::clone(&kept.document))
    }

    /// Returns the memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of documents that had to go.
    pub(super) fn dropped(&self) -> usize {
        self.dropped
    }
}

/// Returns the document of an object with the greatest revision: of the kept one, and those below the roots.
pub(super) async fn find(
    store: &dyn Storage,
    roots: &[Root],
    object: &ObjectId,
    kept: Option<Arc<Document>>,
) -> Result<Option<Document>, DocumentError> {
    let (mut best, mut failed): (Option<Document>, Option<DocumentError>) = (None, None);
    let mut take = |read: Result<Document, DocumentError>| match read {
        // Whatever its names say, it lies under those that were asked for.
        Ok(document) if document.object != *object => failed = Some(NotUnderstood::Foreign.into()),
        Ok(document) if best.as_ref().is_none_or(|best| best.revision < document.revision) => best = Some(document),
        Ok(_) => {}
        Err(error) => failed = Some(error),
    };
    if let Some(kept) = kept {
        take(Ok(Arc::unwrap_or_clone(kept)));
    }
    for root in roots.iter().flat_map(Root::spellings) {
        let Some(key) = object.key(&root) else { continue };
        match store.read_all(&key, MAX_READ as u64).await {
            Ok(bytes) => take(Document::read(&bytes).map_err(DocumentError::from)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::TooLarge => take(Err(NotUnderstood::TooLong.into())),
            Err(error) => take(Err(DocumentError::Storage(Arc::new(error)))),
        }
    }
    match (best, failed) {
        (Some(document), _) => Ok(Some(document)),
        (None, Some(error)) => Err(error),
        (None, None) => Ok(None),
    }
}
