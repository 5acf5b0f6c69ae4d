//! `/api/history/v1/obituaries`: why runs ended, whether or not a session of them is stored, and the documents behind.

use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::path::document_path;
use crate::http::request::{Call, filter};
use crate::http::sessions::item::ObjectItem;
use crate::http::sessions::run::without_cause;
use crate::http::sessions::run_item::certainty;
use crate::http::sessions::{causes, find, shown_obituary};
use crate::http::state::State;
use crate::http::validators;
use actix_web::HttpResponse;
use ray_history_obituary::cause::Code;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::Row;
use ray_history_session::catalog::{Page, Query};
use serde::Serialize;
use utoipa::ToSchema;

/// Most runs of a page.
const MAX_LIMIT: usize = 1000;

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ObituaryList {
    /// The matching runs of this page, the newest first.
    runs: Vec<RunOfObject>,
    /// Number of all matching runs.
    total: usize,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Value of `before` for the previous page; absent on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// The part that is missing of why runs ended, in words; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_causes: Option<&'static str>,
}

/// One run of an object.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct RunOfObject {
    /// Namespace of the object.
    namespace: String,
    /// The object.
    object: ObjectItem,
    /// Name of the `RayCluster`; empty if there was none.
    cluster: String,
    /// Names of its sessions, as far as they are known.
    sessions: Vec<String>,
    /// Start, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    /// End, RFC 3339; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    /// `Succeeded`, `Failed`, `Stopped` or `Unknown`.
    #[schema(example = "Failed")]
    outcome: &'static str,
    /// Code of the first cause (docs/causes.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "HeadOOM")]
    code: Option<&'static str>,
    /// `certain` if the state of an object says it, else `likely`; only with a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "certain")]
    certainty: Option<&'static str>,
    /// The cause in a sentence, or that nothing tells it.
    sentence: String,
    /// Path of the document, without the prefix of the server.
    document: String,
}

impl RunOfObject {
    fn of(row: &Row) -> Self {
        let Row { sessions, .. } = row;
        Self {
            namespace: row.object.namespace.clone(),
            object: ObjectItem::of(row),
            cluster: row.cluster.clone(),
            sessions: sessions.clone(),
            started: row.from.map(|at| at.to_string()),
            ended: row.to.map(|at| at.to_string()),
            outcome: row.outcome.as_str(),
            code: row.code.map(Code::name),
            certainty: certainty(row),
            sentence: row.sentence().unwrap_or_else(|| without_cause(row)),
            document: format!("/{}", document_path(&row.object)),
        }
    }
}

/// Lists runs that Kubernetes knew of, and why they ended.
#[utoipa::path(
    get,
    path = "/api/history/v1/obituaries",
    operation_id = "listObituaries",
    tag = "obituaries",
    params(
        ("namespace" = Option<String>, Query, description = "Namespace of the object"),
        ("cluster" = Option<String>, Query, description = "Name of the RayCluster"),
        ("ownerKind" = Option<String>, Query, description = "rayjob or rayservice"),
        ("owner" = Option<String>, Query, description = "Name of the RayJob or RayService"),
        ("outcome" = Option<String>, Query, description = "succeeded, failed, stopped or unknown"),
        ("cause" = Option<String>, Query, description = "Code of the first cause, such as HeadOOM"),
        ("startedAfter" = Option<String>, Query, description = "RFC 3339, a day, or a span up to now such as 24h or 7d"),
        ("startedBefore" = Option<String>, Query, description = "RFC 3339, a day, or a span up to now"),
        ("q" = Option<String>, Query, description = "Words that must all occur in a name"),
        ("limit" = Option<usize>, Query, description = "Runs a page: 1 to 1000, default 100"),
        ("after" = Option<String>, Query, description = "`next` of the previous page"),
        ("before" = Option<String>, Query, description = "`previous` of the next page"),
    ),
    responses(
        (status = 200, description = "A page of runs", body = ObituaryList),
        (status = 304, description = "The client has this page already (`If-None-Match`)"),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) fn list(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let wanted = filter::parse(call.request.query_string(), Query::LIMIT, MAX_LIMIT)?;
    let page = find::page_of_runs(call, wanted);
    Ok(validators::tagged_json(call.request, &of_page(call.state, page)))
}

fn of_page(state: &State, page: Page) -> ObituaryList {
    let Page { runs, total, next, previous, .. } = page;
    ObituaryList {
        runs: runs.iter().map(|run| RunOfObject::of(&run.row)).collect(),
        total,
        next: next.map(|next| next.to_string()),
        previous: previous.map(|previous| previous.to_string()),
        missing_causes: causes::missing(state),
    }
}

/// Returns the same for a command that reads the store with its own credentials, and so may see all of it.
///
/// # Errors
/// Returns an error that names the parameter which cannot be understood.
pub fn of_store(state: &State, query: &str) -> anyhow::Result<String> {
    let wanted = filter::parse(query, Query::LIMIT, MAX_LIMIT).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(serde_json::to_string(&of_page(state, find::page_of_runs_of_store(state, &wanted)))?)
}

/// Returns the document of an object as JSON, for such a command; `None` if there is none.
///
/// # Errors
/// Returns an error if the store cannot be read, or if what it has is no document of this version.
pub async fn document_of_store(state: &State, names: [&str; 4]) -> anyhow::Result<Option<String>> {
    let Some(object) = object(names) else { return Ok(None) };
    let found = find::obituary_of_store(state, &object).await?;
    Ok(found.map(|document| shown_obituary::shown(&document, true).to_string()))
}

/// Returns the object with a namespace, kind, name and uid.
fn object([namespace, kind, name, uid]: [&str; 4]) -> Option<ObjectId> {
    let kind = [Kind::RayCluster, Kind::RayJob].into_iter().find(|known| known.folder() == kind)?;
    Some(ObjectId { kind, namespace: namespace.to_owned(), name: name.to_owned(), uid: uid.to_owned() })
}

/// Returns the document that says why the runs of an object ended: its facts, runs and causes.
///
/// Texts that came from logs (messages of a RayJob, termination messages, the log of a submitter) are in it for those who
/// may read the logs of the namespace. For others `leftOut` names them.
#[utoipa::path(
    get,
    path = "/api/history/v1/obituaries/{namespace}/{kind}/{name}/{uid}",
    operation_id = "getObituary",
    tag = "obituaries",
    params(
        ("namespace" = String, Path, description = "Namespace of the object"),
        ("kind" = String, Path, description = "raycluster or rayjob"),
        ("name" = String, Path, description = "Name of the object"),
        ("uid" = String, Path, description = "Its uid"),
    ),
    responses(
        (status = 200, description = "The document (schema ray-history/obituary/v1)", body = Object),
        (status = 304, description = "The client has this document already (`If-None-Match`)"),
        (status = 404, description = "No such obituary is stored", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read, or has no document of this version", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn document(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let names = [0, 1, 2, 3].map(|at| call.names[at]);
    let object = object(names).ok_or_else(|| Error::NoObituary(names[2].to_owned()))?;
    let document = find::obituary(call, &object).await?;
    let shown = shown_obituary::shown(&document, call.permit.shows_logs(&object.namespace).await);
    Ok(validators::tagged_json(call.request, &shown))
}
