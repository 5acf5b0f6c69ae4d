//! Ray's dashboard API, answered from a snapshot with Ray's own parameters, filters, shapes and field rules.
//!
//! The module is pure: it maps a snapshot and a query to bytes, and knows neither HTTP types nor storage. `http` alone
//! turns a `RayError` into a status code. Every function that answers a URL has the shape
//! `fn(&Arc<Snapshot>, &Query) -> Result<Answer, RayError>`, plus the id from the path if the URL has one.
//!
//! | folder | URLs |
//! |---|---|
//! | `state` | `/api/v0/…`, except logs and `cluster_metadata`, `platform_events`, `runtime_env_redaction` |
//! | `dashboard` | these three, nodes, `/logical/…`, `/events`, `/api/cluster_status`, versions, fixed answers |
//! | `jobs` | `/api/jobs/…` |
//! | `logs` | `/api/v0/logs…`, `/api/jobs/{id}/logs` |
//! | `libraries` | `/api/data/…`, `/api/serve/…`, `/api/train/…` |
//!
//! The rest is shared by them: values of rows (`cell`), JSON (`json`), long answers (`pieces`), hidden secrets
//! (`redact`) and stored responses (`stored`).

pub mod cell;
pub mod dashboard;
pub mod jobs;
pub mod json;
pub mod libraries;
pub mod logs;
pub mod pieces;
pub mod redact;
pub mod state;
mod stored;
#[cfg(test)]
mod test_events;

use std::borrow::Cow;
use std::fmt;

/// The parameters of a request, and the conditions under which it is answered.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Decoded `key=value` pairs in request order; keys may repeat (`filter_keys`).
    pub parameters: Vec<(String, String)>,
    /// `true` if values of environment variables are replaced by `<redacted>`, as Ray 2.60 does for browsers.
    pub redact: bool,
    /// `true` if the session is known to be over: jobs without an end were running when their cluster ended.
    pub over: bool,
}

impl Query {
    /// Returns a query of these parameters, for tests.
    #[cfg(test)]
    pub(crate) fn of(parameters: &[(&str, &str)]) -> Self {
        let owned = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self { parameters: owned.collect(), ..Self::default() }
    }

    /// Returns the first value of a parameter.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Returns all values of a parameter, in order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// A successful response in Ray's format.
pub struct Answer {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// File name for `Content-Disposition: attachment`, if Ray sends one.
    pub attachment: Option<String>,
    /// The body.
    pub body: Body,
}

/// A response body, complete or generated while it is sent.
pub enum Body {
    /// The complete body.
    Whole(Cow<'static, [u8]>),
    /// Pieces of about `pieces::PIECE` bytes, generated on demand so that memory stays constant.
    Chunks(Box<dyn Iterator<Item = Vec<u8>> + Send>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Ray's content type for JSON.
pub const JSON: &str = "application/json; charset=utf-8";
/// Ray's content type for error texts.
pub const TEXT: &str = "text/plain; charset=utf-8";

impl Answer {
    /// Creates an answer with a complete JSON document.
    pub fn json(body: Vec<u8>) -> Self {
        Self { content_type: JSON, attachment: None, body: Body::Whole(Cow::Owned(body)) }
    }

    /// Creates an answer with a JSON document that is generated while it is sent.
    pub fn json_chunks(chunks: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Self {
        Self { content_type: JSON, attachment: None, body: Body::Chunks(Box::new(chunks)) }
    }

    /// Returns the complete body with all chunks joined; for tests and small bodies.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.body {
            Body::Whole(bytes) => bytes.into_owned(),
            Body::Chunks(chunks) => chunks.flatten().collect(),
        }
    }
}

/// An error that Ray would report. The texts are shown to users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RayError {
    /// The query is invalid: a state API 400 with the body `{"result":false,"msg":…,"data":{"result":null}}`.
    #[error("{0}")]
    BadQuery(String),
    /// No entity has the requested id: Ray's 404 with a plain text.
    #[error("{0}")]
    NotFound(String),
    /// The operation needs a live session: Ray's 403 with a plain text.
    #[error("{0}")]
    Forbidden(String),
    /// Ray's 500 with a plain text that gives the reason.
    #[error("{0}")]
    Failed(String),
    /// Ray's 500 with the JSON envelope and `result: false`.
    #[error("{0}")]
    FailedJson(String),
}
