//! `/api/history/v1/diff`: what changed from one session to another.

use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use crate::http::sessions::compare::{Named, compare, compare_of_store};
use crate::http::sessions::find;
use crate::http::state::State;
use crate::http::validators;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

/// Returns what changed from session `a` to session `b`, each list with what cost most first. Opens both sessions and waits
/// until they are open.
#[utoipa::path(
    get,
    path = "/api/history/v1/diff",
    operation_id = "diffSessions",
    tag = "sessions",
    params(
        ("a" = String, Query, description = "The session before: namespace/cluster/session, or namespace/name/latest or …/latest~1 of a RayJob, RayService or RayCluster"),
        ("b" = String, Query, description = "The session after, named alike"),
    ),
    responses(
        (status = 200, description = "What is missing of both (`incomplete`), `changed` versions, `totals`, and what changed of `functions`, `failures`, `jobs` and `nodes` (docs/diff.md)", body = Object),
        (status = 304, description = "The client has this answer already (`If-None-Match`)"),
        (status = 400, description = "A parameter is missing or cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Retention deletes a session, or has deleted it", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "A session is still being loaded; the problem has the members of `LoadStatus`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn diff(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let given = web::Query::<Vec<(String, String)>>::from_query(call.request.query_string())
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?
        .into_inner();
    let named = |parameter: &str| {
        let value = given.iter().find(|(name, _)| name == parameter).map(|(_, value)| value.as_str());
        Named::parse(parameter, value.unwrap_or_default())
    };
    let (a, b) = (named("a")?, named("b")?);
    let keys = [a.key(call).await?, b.key(call).await?];
    for key in &keys {
        // Both loads run at the same time.
        find::begin(call, key).await?;
        call.permit.audit(call.request, call.state, key);
    }
    let [a, b] = keys;
    let (a, b) = (find::open(call, &a).await?, find::open(call, &b).await?);
    Ok(validators::tagged_json(call.request, &compare(call, &a, &b).await?))
}

/// Returns the same for a command that reads the store with its own credentials, and so may see all of it; words if no
/// such session is stored.
///
/// # Errors
/// Returns an error if a name cannot be understood, or if a session cannot be read.
pub async fn of_store(state: &State, a: &str, b: &str) -> anyhow::Result<Result<String, String>> {
    let told = |error: Error| anyhow::anyhow!("{error}");
    let (a, b) = (Named::parse("A", a).map_err(told)?, Named::parse("B", b).map_err(told)?);
    match compare_of_store(state, [&a, &b]).await {
        Ok(comparison) => Ok(Ok(serde_json::to_string(&comparison)?)),
        Err(error) if error.status() == StatusCode::NOT_FOUND => Ok(Err(error.to_string())),
        Err(error) => Err(told(error)),
    }
}
