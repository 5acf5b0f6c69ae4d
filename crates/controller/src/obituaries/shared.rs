//! State that watches, questions and the recorder share: the records, and what goes wrong.

use super::super::follow::Trouble;
use super::present::AllPresent;
use k8s_openapi::jiff::Timestamp;
use parking_lot::Mutex;
use ray_history_obituary::records::Records;
use ray_history_obituary::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The troubles of watches and requests: by the plural of the kind and the namespace (empty: all namespaces).
pub(super) type Troubles = BTreeMap<(&'static str, String), Trouble>;

/// The name of logs of submitters among the troubles. No cause depends on them, so documents do not call them unseen.
pub(super) const LOGS: &str = "logs of submitters";

/// The records, and what goes wrong.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) records: Mutex<Records>,
    /// The objects that are there.
    pub(super) present: Arc<AllPresent>,
    troubles: Mutex<Troubles>,
    /// Reason why documents cannot be written, if any.
    writing: Mutex<Option<WriteTrouble>>,
    /// `true` if other Kubernetes clusters write to the same store.
    shares_storage: AtomicBool,
    /// `true` if this replica keeps documents: it leads, or has them in its memory.
    keeps_documents: AtomicBool,
    /// The memory for facts, in bytes.
    bytes: Mutex<usize>,
    /// Objects that there was no memory for.
    refused: Mutex<usize>,
}

/// The reason why documents cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WriteTrouble {
    /// The store refuses it.
    Denied(String),
    /// The store does not answer, or fails.
    Failing(String),
}

impl Shared {
    /// Sets or removes the trouble of a kind in a namespace.
    pub(super) fn set_trouble(&self, kind: &'static str, namespace: Option<&str>, trouble: Option<Trouble>) {
        let place = (kind, namespace.unwrap_or_default().to_owned());
        let hidden = |trouble: &Trouble| match trouble {
            _ if kind == LOGS => None,
            Trouble::Forbidden(_) => Some(format!("{kind}: forbidden")),
            Trouble::NoSuchKind => Some(format!("{kind}: not installed")),
            Trouble::ListingOnly => Some(format!("{kind}: listed every 30 s only")),
            // What was missed is told when the watch is back.
            Trouble::Unreachable(_) => None,
        };
        let mut troubles = self.troubles.lock();
        let before = match trouble.clone() {
            Some(trouble) => troubles.insert(place, trouble),
            None => troubles.remove(&place),
        };
        if before == trouble {
            return;
        }
        if let Some(trouble) = &trouble {
            tracing::debug!(kind, namespace, %trouble, "objects that tell why runs ended cannot be watched");
        }
        let mut records = self.records.lock();
        if let Some(what) = before.as_ref().and_then(hidden) {
            records.reveal(namespace, &what);
        }
        if let Some(what) = trouble.as_ref().and_then(hidden) {
            records.hide(namespace, &what);
        }
    }

    /// Forgets the troubles of watches that have ended.
    pub(super) fn clear_troubles(&self) {
        let places: Vec<_> = self.troubles.lock().keys().cloned().collect();
        for (kind, namespace) in places {
            self.set_trouble(kind, Some(namespace.as_str()).filter(|name| !name.is_empty()), None);
        }
    }

    /// Returns the troubles.
    pub(super) fn troubles(&self) -> Troubles {
        self.troubles.lock().clone()
    }

    /// Sets or removes the reason why documents cannot be written, and logs a new one.
    pub(super) fn set_writing(&self, trouble: Option<WriteTrouble>) {
        let before = std::mem::replace(&mut *self.writing.lock(), trouble.clone());
        if let Some(WriteTrouble::Denied(why) | WriteTrouble::Failing(why)) = &trouble
            && before.is_none()
        {
            tracing::warn!(error = why, "why runs ended cannot be written; it is kept in memory, and tried again");
        }
    }

    /// Returns the reason why documents cannot be written, if any.
    pub(super) fn writing(&self) -> Option<WriteTrouble> {
        self.writing.lock().clone()
    }

    /// Sets the memory for facts, in bytes.
    pub(super) fn set_bytes(&self, bytes: u64) {
        *self.bytes.lock() = usize::try_from(bytes).unwrap_or(usize::MAX);
    }

    /// Notes whether other Kubernetes clusters write to the same store.
    pub(super) fn set_shares_storage(&self, shares_storage: bool) {
        self.shares_storage.store(shares_storage, Ordering::Relaxed);
    }

    /// Returns `true` if other Kubernetes clusters write to the same store.
    pub(super) fn shares_storage(&self) -> bool {
        self.shares_storage.load(Ordering::Relaxed)
    }

    /// Notes whether this replica keeps documents.
    pub(super) fn set_keeps_documents(&self, keeps: bool) {
        self.keeps_documents.store(keeps, Ordering::Relaxed);
    }

    /// Returns `true` if this replica keeps documents.
    pub(super) fn keeps_documents(&self) -> bool {
        self.keeps_documents.load(Ordering::Relaxed)
    }

    /// Keeps the records within their memory.
    pub(super) fn limit(&self) {
        let bytes = *self.bytes.lock();
        let refused = self.records.lock().limit(bytes);
        let before = std::mem::replace(&mut *self.refused.lock(), refused);
        if before == 0 && refused > 0 {
            tracing::warn!("there is no memory for the facts of further runs; raise cache.maxMemory");
        }
    }

    /// Returns the number of objects that there was no memory for.
    pub(super) fn refused(&self) -> usize {
        *self.refused.lock()
    }
}

/// Returns the time now.
pub(super) fn now() -> Time {
    // Until the year 2262.
    Time(i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX))
}
