//! What can go wrong with a store, in as many kinds as callers act on.

use crate::base::chain::chain;
use std::fmt;
use std::time::Duration;

/// The cause of an error, of whatever type the store's client has.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a caller can act on. The names are metric labels, hence stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No object has this key (any more).
    NotFound,
    /// There is no such bucket, container or folder (any more).
    NoBucket,
    /// The store refused us.
    PermissionDenied,
    /// No object of this store can have this key: `..`, NUL, a link that leaves the folder.
    InvalidKey,
    /// The object lies in an archive, and has to be restored before it can be read.
    Archived,
    /// The object has changed since its `ETag` was seen.
    PreconditionFailed,
    /// The object is larger than the caller can take.
    TooLarge,
    /// The body ended before its promised length.
    Truncated,
    /// The store, or the way to it, does not work at the moment.
    Unavailable,
    /// Anything else; trying again will not help.
    Failed,
}

/// A failed request to a store: what kind, for which key or prefix, and why.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    key: String,
    source: Option<BoxError>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of this kind about this key or prefix, without a deeper cause.
    pub fn new(kind: ErrorKind, key: impl Into<String>) -> Self {
        Self { kind, key: key.into(), source: None, retry_after: None }
    }

    /// An error with its cause.
    pub fn because(kind: ErrorKind, key: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self { kind, key: key.into(), source: Some(source.into()), retry_after: None }
    }

    /// A key that this store cannot have, and why not.
    pub fn invalid_key(key: impl Into<String>, why: &'static str) -> Self {
        Self::because(ErrorKind::InvalidKey, key, why)
    }

    /// A permanent failure that has no kind of its own.
    pub fn failed(key: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::because(ErrorKind::Failed, key, source)
    }

    /// The same error, with how long the store asks us to wait.
    #[must_use]
    pub fn with_retry_after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..self }
    }

    /// What a caller can act on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How long the store asks us to wait before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The key or prefix that was asked for.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }
}

impl ErrorKind {
    /// The word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::NoBucket => "no_bucket",
            Self::PermissionDenied => "permission_denied",
            Self::InvalidKey => "invalid_key",
            Self::Archived => "archived",
            Self::PreconditionFailed => "precondition_failed",
            Self::TooLarge => "too_large",
            Self::Truncated => "truncated",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable | Self::Truncated)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such object",
            Self::NoBucket => "no such bucket or folder",
            Self::PermissionDenied => "permission denied",
            Self::InvalidKey => "not a key of this store",
            Self::Archived => "the object was moved to an archive",
            Self::PreconditionFailed => "the object has changed",
            Self::TooLarge => "the object is too large",
            Self::Truncated => "the object ended early",
            Self::Unavailable => "the store is unavailable",
            Self::Failed => "the store failed",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.kind, self.key)?;
        match &self.source {
            Some(source) => write!(f, " ({})", chain(&**source)),
            None => Ok(()),
        }
    }
}

/// Its causes are in its text.
impl std::error::Error for Error {}
