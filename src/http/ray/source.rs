//! The sources of answers to Ray's URLs, one of which is in each of Ray's rows of the table of routes.

use crate::http::error::Error;
use ray_history_core::snapshot::Snapshot;
use ray_history_ray_api::dashboard::fixed;
use ray_history_ray_api::{Answer, Query};
use ray_history_session::OpenSession;
use ray_history_settings::Redaction;
use std::sync::Arc;

/// One API request for an open session.
pub(in crate::http) struct ApiCall<'a> {
    pub(in crate::http) session: &'a OpenSession,
    pub(in crate::http) snapshot: &'a Arc<Snapshot>,
    pub(in crate::http) query: &'a Query,
    pub(in crate::http) redaction: Redaction,
    /// The path in the table of routes.
    pub(in crate::http) path: &'static str,
    /// The path segment that matched `{id}`.
    pub(in crate::http) id: &'a str,
}

/// The cost of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Cost {
    /// `true` if the answer reads more than a few bytes.
    pub(in crate::http) is_long: bool,
    /// Bytes of memory held until the answer is sent; 0 if it is not long.
    pub(in crate::http) held: usize,
}

type CostOf = fn(&ApiCall<'_>) -> Cost;
type Ask = fn(&ApiCall<'_>) -> Result<Answer, Error>;

/// The source of a URL's answer.
#[derive(Clone, Copy)]
pub(in crate::http) enum Source {
    /// Built from the snapshot. A cheap answer is built inline; others reserve memory and wait for a slot on a blocking
    /// thread.
    Made(CostOf, Ask),
    /// Built in the same way, from data that needs no events: file names, stored answers.
    Eventless(CostOf, Ask),
    /// Built in the same way, but of the obituary's Events, too, if there are any.
    PlatformEvents(CostOf, Ask),
    /// A log file.
    LogFile,
    /// The log of a submission.
    JobLog,
    /// The log of a submission, over a WebSocket.
    JobLogTail,
}

/// Answers whether the values of environment variables are hidden, which Ray's page then says.
#[expect(clippy::unnecessary_wraps, reason = "the table of routes has functions that may fail")]
pub(in crate::http) fn redaction(api_call: &ApiCall<'_>) -> Result<Answer, Error> {
    Ok(fixed::redaction(match api_call.redaction {
        Redaction::Always | Redaction::Browsers => true,
        Redaction::Never => false,
        Redaction::ByRole => api_call.query.redact,
    }))
}

/// Returns the answer that Ray gives whatever the session.
pub(in crate::http) fn fixed_answer(api_call: &ApiCall<'_>) -> Result<Answer, Error> {
    fixed::fixed(api_call.path.trim_start_matches('/')).ok_or(Error::UnknownUrl)
}
