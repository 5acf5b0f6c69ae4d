//! The reasons why a session cannot be shown, with texts for users.

use ray_history_core::base::name::SessionKey;
use ray_history_storage as storage;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The reason why a session cannot be shown.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No such session is stored.
    #[error("no session {0} is stored here")]
    Unknown(SessionKey),
    /// Retention deletes the session, or has deleted it.
    #[error("session {0} {1}")]
    Deleted(SessionKey, Box<Deletion>),
    /// The session is listed, but no data of it is stored (yet).
    #[error("session {0} has a marker but no data yet: its collectors may still be uploading")]
    NothingStored(SessionKey),
    /// The session has event files, and none of them could be read.
    #[error("none of the {files} event files of session {key} could be read ({why})")]
    NothingReadable {
        /// The session.
        key: SessionKey,
        /// Number of event files.
        files: usize,
        /// The first reason.
        why: String,
        /// `true` if the files are in an archive tier of the store.
        archived: bool,
    },
    /// Only a persisted snapshot of the session is stored, and it cannot be used.
    #[error("{0}")]
    PersistedUnusable(Box<Unusable>),
    /// The log file was listed, but is no longer stored.
    #[error("{0} was stored when this session was last listed, but is no longer there")]
    LogGone(String),
    /// The log file was overwritten each time it was read.
    #[error("{0} is being overwritten while it is read; try again in a few seconds")]
    LogChanging(String),
    /// A request to the store failed.
    #[error("the storage could not be read: {0}")]
    Storage(Arc<storage::Error>),
    /// The load took longer than `loading.timeout`.
    #[error(
        "session {key} could not be loaded within {} s; loading.timeout in the settings allows more", after.as_secs()
    )]
    TimedOut {
        /// The session.
        key: SessionKey,
        /// The value of `loading.timeout`.
        after: Duration,
    },
    /// Building the session needs more memory than one load may hold.
    #[error(
        "session {key} needs more than {} MiB to be opened and {} MiB may be used; cache.maxMemory in the settings \
         allows more", needed >> 20, limit >> 20
    )]
    TooLarge {
        /// The session.
        key: SessionKey,
        /// Bytes held when the load was given up.
        needed: u64,
        /// Bytes one load may hold.
        limit: u64,
    },
    /// The load was given up: no request waited for it and others did, or the store was replaced.
    #[error("other sessions are being loaded")]
    Busy,
    /// The server is shutting down.
    #[error("this server is stopping")]
    Stopping,
    /// The load panicked or was dropped, which is a bug.
    #[error("the load ended unexpectedly; please report this")]
    Broken,
}

/// A persisted snapshot that cannot be used, of a session without raw data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session {key} has no raw data any more, and its persisted snapshot cannot be used ({object}: {why})")]
pub struct Unusable {
    /// The session.
    pub key: SessionKey,
    /// The object that is wrong.
    pub object: String,
    /// The reason.
    pub why: String,
    /// `true` if a newer version wrote it.
    pub is_newer: bool,
}

/// The deletion of a session by retention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Date of the last step, in UTC.
    pub day: String,
    /// The rule, in a sentence.
    pub reason: String,
    /// `true` if all of its objects are gone.
    pub is_over: bool,
}

impl fmt::Display for Deletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, reason, is_over } = self;
        let step = if *is_over { "was deleted by retention on" } else { "is being deleted by retention since" };
        write!(f, "{step} {day}: {reason}")
    }
}

impl Error {
    /// Returns the error for a log that could not be read: an object that is gone or that was overwritten is no fault of
    /// the store.
    pub(super) fn of_log(error: storage::Error) -> Self {
        let name = |error: &storage::Error| error.key().rsplit('/').next().unwrap_or_default().to_owned();
        match error.kind() {
            storage::ErrorKind::NotFound => Self::LogGone(name(&error)),
            storage::ErrorKind::PreconditionFailed => Self::LogChanging(name(&error)),
            _ => error.into(),
        }
    }

    /// Returns `true` if the requested objects are in an archive tier of the store.
    pub fn is_archived(&self) -> bool {
        match self {
            Self::Storage(error) => error.kind() == storage::ErrorKind::Archived,
            Self::NothingReadable { archived, .. } => *archived,
            _ => false,
        }
    }

    /// Returns `true` if the same load would fail again at once, so the error is cached for a while.
    pub(super) fn is_cacheable(&self) -> bool {
        !matches!(self, Self::Unknown(_) | Self::Busy | Self::Stopping)
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}
