//! `/api/history/v1/fleet/{table}`: rows of all sessions, from daily rollups.

use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use crate::http::validators;
use actix_web::{HttpResponse, web};
use ray_history_session::FleetQuery;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Rows of a page, unless others are asked for.
const ROWS: usize = 1_000;
const MAX_ROWS: usize = 10_000;

/// A page of rows.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FleetRows {
    /// Rows by day, namespace, cluster and session, with the columns of the table (docs/tables.md). Absent values are null.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<Map<String, Value>>,
    /// Value of `after` for the next page; absent on the last one. A page that is not the last may have no rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Days whose rows could not be read; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

/// Returns rows of the sessions that may be seen, as of the last rollup.
#[utoipa::path(
    get,
    path = "/api/history/v1/fleet/{table}",
    operation_id = "listFleet",
    tag = "sessions",
    params(
        ("table" = String, Path, description = "runs, jobs, nodes, functions or failures"),
        ("namespace" = Option<String>, Query, description = "Namespace of the cluster"),
        ("from" = Option<String>, Query, description = "First day, YYYY-MM-DD, as in the names of sessions"),
        ("to" = Option<String>, Query, description = "Last day"),
        ("limit" = Option<usize>, Query, description = "Most rows: 1 to 10000, default 1000"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of rows", body = FleetRows),
        (status = 304, description = "The client has this page already (`If-None-Match`)"),
        (status = 400, description = "No such table, or a parameter that cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "There is no memory for the rows now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn rows(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let query = FleetQuery::of(call.names[0], call.permit.visible().clone(), ROWS).ok_or_else(|| {
        let tables = FleetQuery::tables().join(", ");
        Error::BadRequest(format!("There is no table {:?}; there are {tables}.", call.names[0]))
    })?;
    let query = parsed(query, call.request.query_string())?;
    let page = call.state.sessions.fleet(&query).await?;
    let answer = FleetRows {
        rows: page.rows,
        next: page.next.map(|next| next.to_string()),
        unreadable: page.unreadable.iter().map(ToString::to_string).collect(),
    };
    Ok(validators::tagged_json(call.request, &answer))
}

/// Adds the parameters to a query.
fn parsed(mut query: FleetQuery, parameters: &str) -> Result<FleetQuery, Error> {
    let given = web::Query::<Vec<(String, String)>>::from_query(parameters)
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?
        .into_inner();
    for (name, value) in given.iter().filter(|(_, value)| !value.is_empty()) {
        let is_wanted = |what: &str| Error::BadRequest(format!("{name}={value:?}: {what} is wanted"));
        match name.as_str() {
            "namespace" => query.namespace = Some(value.clone()),
            "from" => query = query.begin(value).ok_or_else(|| is_wanted("a day, such as 2026-11-23,"))?,
            "to" => query = query.end(value).ok_or_else(|| is_wanted("a day, such as 2026-11-23,"))?,
            "after" => query = query.behind(value).ok_or_else(|| is_wanted("the value of next of the page before"))?,
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_ROWS).contains(limit));
                query.limit = limit.ok_or_else(|| is_wanted(&format!("a number from 1 to {MAX_ROWS}")))?;
            }
            _ => return Err(Error::BadRequest(format!("There is no parameter {name:?}."))),
        }
    }
    Ok(query)
}
