//! The schema of errors of our own API, for its `OpenAPI` document. `error` sends them.

use utoipa::ToSchema;

/// An error in the format of RFC 9457.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `error` sends")]
pub(in crate::http) struct Problem {
    /// Kind of problem; stable.
    #[schema(example = "tag:history.ray.io,2026:unknown-session")]
    r#type: String,
    /// Title of the kind of problem.
    title: String,
    /// HTTP status code.
    status: u16,
    /// Explanation, with advice.
    detail: String,
    /// The requested path.
    instance: String,
    /// Trace id of the request, as in `X-Request-Id` and in the server's log. Include it when you report the problem.
    #[schema(rename = "requestId", example = "0af7651916cd43dd8448eb211c80319c")]
    request_id: String,
}
