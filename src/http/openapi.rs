//! The `OpenAPI` document of our own API and of the drop-in routes that are ours to describe.
//!
//! Made from the handlers and the types they send; `docs/openapi.json` is a copy, and a test says when it is old.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use std::sync::LazyLock;
use utoipa::{OpenApi, ToSchema};

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

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ray-history",
        description = "Sessions of Ray clusters that are gone. Ray's own API of a session lies below its path.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact()
    ),
    paths(
        super::listing::sessions,
        super::report::report,
        super::load::progress,
        super::clusters::list,
        super::links::attempts,
        super::links::latest,
        super::dropin::enter
    ),
    components(schemas(Problem)),
    tags(
        (name = "sessions", description = "Stored sessions. Nothing is removed within v1."),
        (name = "links", description = "Sessions by the names that people know."),
        (name = "drop-in", description = "The routes of KubeRay's history server.")
    )
)]
struct Document;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
});

/// The document, as JSON.
pub fn document() -> &'static str {
    &TEXT
}

/// `/openapi.json`.
pub(super) fn serve() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").insert_header((CACHE_CONTROL, "no-cache")).body(document())
}
