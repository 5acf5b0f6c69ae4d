//! The shape of errors of our own API, for its document. `error` sends them.

use utoipa::ToSchema;

/// Why a request has no answer, as RFC 9457 has it.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `error` sends")]
pub(super) struct Problem {
    /// Which kind of problem; stable.
    #[schema(example = "tag:history.ray.io,2026:unknown-session")]
    r#type: String,
    /// The kind in words.
    title: String,
    /// The status code.
    status: u16,
    /// What happened, and the way out.
    detail: String,
    /// The path that was asked for.
    instance: String,
    /// Which request this was: the id of its trace, as in `X-Request-Id` and in the server's log. To be reported.
    #[schema(rename = "requestId", example = "0af7651916cd43dd8448eb211c80319c")]
    request_id: String,
}
