//! The `OpenAPI` document of our own API, and of the drop-in routes that answer in our own format.
//!
//! Generated from the handlers and their types; `docs/openapi.json` is a copy that a test compares.

use super::error::problem::Problem;
use super::history::logs::summary::SummaryLine;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use std::sync::LazyLock;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ray-history",
        description = "Sessions of deleted Ray clusters. Ray's own API of a session is below the session's path.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact()
    ),
    paths(
        super::history::list::sessions,
        super::history::retention::plan,
        super::history::obituaries::list,
        super::history::obituaries::document,
        super::history::report::report,
        super::history::functions::functions,
        super::history::diff::diff,
        super::history::export::export,
        super::history::fleet::rows,
        super::history::load::progress,
        super::history::logs::search::search,
        super::history::logs::download::download,
        super::kuberay::clusters::list,
        super::history::links::attempts,
        super::history::links::latest,
        super::kuberay::enter::enter,
        super::access::whoami::whoami
    ),
    components(schemas(Problem, SummaryLine)),
    tags(
        (name = "sessions", description = "Stored sessions. Nothing is removed within v1."),
        (name = "retention", description = "Which sessions will be deleted, and why others stay."),
        (name = "obituaries", description = "Why runs ended, as Kubernetes knew it, whether or not a session of them is stored."),
        (name = "logs", description = "All log files of a session at once."),
        (name = "links", description = "Sessions by the name of their creator or cluster, or by submission id."),
        (name = "drop-in", description = "The routes of KubeRay's history server."),
        (name = "access", description = "The person behind a request, while access is on.")
    )
)]
struct Document;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
});

/// Returns the document as JSON.
pub fn document() -> &'static str {
    &TEXT
}

/// Answers `/openapi.json`.
pub(super) fn serve() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").insert_header((CACHE_CONTROL, "no-cache")).body(document())
}
