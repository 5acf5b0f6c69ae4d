//! Errors of a store, in as many kinds as callers distinguish.

use ray_history_core::base::chain::chain;
use std::fmt;
use std::time::Duration;

/// The cause of an error, of the type that the store's client uses.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The kind of an error. The names are metric labels, hence stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no object with this key (any more).
    NotFound,
    /// There is no such bucket, container or folder (any more).
    NoBucket,
    /// The store refused the request.
    PermissionDenied,
    /// Keys of this store cannot have this form: `..`, NUL, a link that leaves the folder.
    InvalidKey,
    /// The object is in an archive, and must be restored before it can be read.
    Archived,
    /// The object has changed since its `ETag` was seen.
    PreconditionFailed,
    /// The object is larger than the caller's limit.
    TooLarge,
    /// The body ended before its promised length.
    Truncated,
    /// The local file that is to be stored cannot be read.
    Source,
    /// The store asks for fewer requests: `SlowDown`, HTTP 429.
    Throttled,
    /// The store or the network does not work at the moment.
    Unavailable,
    /// Any other error; retrying does not help.
    Failed,
}

/// A failed request to a store: its kind, its key or prefix, and its cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    key: String,
    source: Option<BoxError>,
    retry_after: Option<Duration>,
}

impl Error {
    /// Returns an error about a key or prefix, without a cause.
    pub fn new(kind: ErrorKind, key: impl Into<String>) -> Self {
        Self { kind, key: key.into(), source: None, retry_after: None }
    }

    /// Returns an error with its cause.
    pub fn because(kind: ErrorKind, key: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self { kind, key: key.into(), source: Some(source.into()), retry_after: None }
    }

    /// Returns the error for a key that this store cannot have.
    pub fn invalid_key(key: impl Into<String>, why: &'static str) -> Self {
        Self::because(ErrorKind::InvalidKey, key, why)
    }

    /// Returns a permanent failure without a kind of its own.
    pub fn failed(key: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::because(ErrorKind::Failed, key, source)
    }

    /// Returns the error with the wait that the store asks for.
    #[must_use]
    pub fn with_retry_after(self, wait: Option<Duration>) -> Self {
        Self { retry_after: wait, ..self }
    }

    /// Returns the same error about another key, for requests that are about several.
    #[must_use]
    pub fn about(&self, key: impl Into<String>) -> Self {
        let source = self.source.as_ref().map(|source| chain(&**source).into());
        Self { kind: self.kind, key: key.into(), source, retry_after: self.retry_after }
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the wait that the store asks for before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the key or prefix of the request.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns `true` if the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }

    /// Returns `true` if the error is one of the whole store: requests for other keys would fail, too.
    pub fn is_of_store(&self) -> bool {
        self.kind.is_of_store()
    }
}

impl ErrorKind {
    /// Returns the name in metrics.
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
            Self::Source => "source",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }

    /// Returns `true` if the same request may succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Truncated)
    }

    /// Returns `true` for an error of the whole store: requests for other keys would fail, too.
    pub fn is_of_store(self) -> bool {
        self.is_transient() || self == Self::NoBucket
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
            Self::Source => "the local file cannot be read",
            Self::Throttled => "the store asks for fewer requests",
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

/// Without a `source`: the text of the error includes its causes.
impl std::error::Error for Error {}
