//! Ray's dashboard API, answered from a snapshot: parameters, filters, shapes, and field rules of Ray itself.
//!
//! Pure: a snapshot and a question in, bytes out. Must never know HTTP types or storage; `http` alone turns a
//! `Refusal` into a status code. Every function that answers a URL has the shape
//! `fn(&Arc<Snapshot>, &Question) -> Result<Answer, Refusal>`, plus the id from the path where there is one.

pub mod actor_state;
pub mod actor_summary;
pub mod actors;
pub mod ansi;
pub mod cluster_events;
pub mod cluster_status;
pub mod data;
pub mod events;
pub mod fixed;
pub mod google_style;
pub mod job_logs;
pub mod jobs;
pub mod json;
mod lineage;
pub mod log_listing;
pub mod log_request;
pub mod metadata;
pub mod node_detail;
pub mod node_state;
pub mod nodes;
pub mod objects;
pub mod pieces;
pub mod placement_groups;
pub mod proto_json;
mod python_json;
mod quantities;
pub mod redact;
pub mod runtime_envs;
pub mod serve;
mod state_counts;
pub mod state_list;
mod stored;
pub mod task_summary;
pub mod tasks;
#[cfg(test)]
mod test_events;
pub mod timeline;
pub mod train;
pub mod workers;

use std::borrow::Cow;
use std::fmt;

/// What was asked: decoded query parameters in their order, and who asks.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Decoded `key=value` pairs; keys may repeat (`filter_keys`).
    pub query: Vec<(String, String)>,
    /// Whether values of environment variables must be replaced by `<redacted>`, as Ray 2.60 does for browsers.
    pub redact: bool,
    /// Set if the session is known to be over: jobs without an end ran when its cluster ended.
    pub over: bool,
}

impl Question {
    /// The first value of a parameter.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter, in order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// What Ray would answer.
pub struct Answer {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// File name for `Content-Disposition: attachment`, where Ray sends one.
    pub attachment: Option<String>,
    /// The body.
    pub body: Body,
}

/// A whole body, or one made piece by piece while it is sent.
pub enum Body {
    /// All of it.
    Whole(Cow<'static, [u8]>),
    /// Pieces of some ten kilobytes, made when they are asked for: memory stays constant.
    Chunks(Box<dyn Iterator<Item = Vec<u8>> + Send>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Ray's content type of JSON.
pub const JSON: &str = "application/json; charset=utf-8";
/// Ray's content type of error texts.
pub const TEXT: &str = "text/plain; charset=utf-8";

impl Answer {
    /// A JSON document.
    pub fn json(body: Vec<u8>) -> Self {
        Self { content_type: JSON, attachment: None, body: Body::Whole(Cow::Owned(body)) }
    }

    /// A JSON document made while it is sent.
    pub fn json_chunks(chunks: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Self {
        Self { content_type: JSON, attachment: None, body: Body::Chunks(Box::new(chunks)) }
    }

    /// The whole body, chunks joined; for tests and small uses.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.body {
            Body::Whole(bytes) => bytes.into_owned(),
            Body::Chunks(chunks) => chunks.flatten().collect(),
        }
    }
}

/// Why a question has no answer, in Ray's own terms. The texts are for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The question is wrong: a state API 400 whose body is `{"result":false,"msg":…,"data":{"result":null}}`.
    #[error("{0}")]
    BadQuestion(String),
    /// What was asked for by id does not exist: Ray's 404 with a plain text.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done to a dead session: Ray's 403 with a plain text.
    #[error("{0}")]
    Forbidden(String),
    /// Ray's own answer is 500 with a plain text that gives the reason.
    #[error("{0}")]
    Failed(String),
    /// Ray's own answer is 500 with the JSON envelope and `result: false`.
    #[error("{0}")]
    FailedJson(String),
}
