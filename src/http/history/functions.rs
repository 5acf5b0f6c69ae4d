//! `…/functions`: how often each function of a session ran, how long, and for how long it waited.

use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::completeness::time;
use crate::http::sessions::{digest, find};
use crate::http::validators;
use actix_web::{HttpResponse, web};
use ray_history_core::snapshot::functions::{
    FunctionRow, FunctionStats, Functions, Histogram, MAX_FUNCTIONS, Run, Wait,
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Default number of rows.
const ROWS: usize = 1_000;

/// The functions of a session, those first that ran longest in total.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FunctionList {
    /// Rows, one for each job, function and type of task.
    functions: Vec<FunctionItem>,
    /// Number of all rows that are told apart.
    total: usize,
    /// All that are not told apart, in one row; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<OtherItem>,
}

/// One function in one job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct FunctionItem {
    /// The job, hex.
    job_id: Box<str>,
    /// `Class.func` or `func`, as Ray's state API prints it.
    func_or_class_name: Box<str>,
    /// The type of the tasks, in Ray's words.
    #[serde(rename = "type")]
    #[schema(example = "NORMAL_TASK")]
    task_type: &'static str,
    #[serde(flatten)]
    stats: Stats,
}

/// The functions that are not told apart.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct OtherItem {
    /// Number of rows that they would be.
    functions: u64,
    #[serde(flatten)]
    stats: Stats,
}

/// Numbers of attempts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Stats {
    /// Tasks.
    tasks: u64,
    /// Attempts.
    attempts: u64,
    /// Those that finished.
    finished: u64,
    /// Those that failed.
    failed: u64,
    /// Those without an end.
    unfinished: u64,
    /// Those that are not the first of their task.
    retried: u64,
    /// Run times: `count`, `minUs`, `p50Us`, `p90Us`, `p99Us`, `maxUs`, `sumUs`; absent if none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    run: Option<Run>,
    /// Waiting times, from the first state to running: `count`, `p50Us`, `p99Us`, `sumUs`; absent if none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    wait: Option<Wait>,
    /// CPUs asked for times run time.
    cpu_seconds: f64,
    /// GPUs asked for times run time.
    gpu_seconds: f64,
    /// Earliest time of a state, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_at: Option<String>,
    /// Latest time of a state, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_at: Option<String>,
    /// Number of nodes.
    nodes: u64,
    /// Run times by powers of two: item `i` counts those from `2^i` microseconds on that are below `2^(i + 1)`. Up to 64
    /// items; those after the last one that counts any are left out.
    #[schema(value_type = Vec<u64>)]
    histogram: Histogram,
    /// Attempts by state, in Ray's words.
    states: BTreeMap<Box<str>, u64>,
}

impl From<FunctionRow> for FunctionItem {
    fn from(row: FunctionRow) -> Self {
        let FunctionRow { job_id, func_or_class_name, task_type, stats } = row;
        Self { job_id, func_or_class_name, task_type: task_type.name(), stats: stats.into() }
    }
}

impl From<FunctionStats> for Stats {
    fn from(stats: FunctionStats) -> Self {
        Self {
            tasks: stats.tasks,
            attempts: stats.attempts,
            finished: stats.finished,
            failed: stats.failed,
            unfinished: stats.unfinished,
            retried: stats.retried,
            run: stats.run,
            wait: stats.wait,
            cpu_seconds: stats.cpu_seconds,
            gpu_seconds: stats.gpu_seconds,
            first_at: stats.first_at.and_then(time),
            last_at: stats.last_at.and_then(time),
            nodes: stats.nodes,
            histogram: stats.histogram,
            states: stats.states,
        }
    }
}

/// Returns the functions of a session. Opens the session and waits until it is open.
#[utoipa::path(
    get,
    path = "/api/history/v1/sessions/{namespace}/{cluster}/{session}/functions",
    operation_id = "listFunctions",
    tag = "sessions",
    params(
        ("namespace" = String, Path, description = "Namespace of the cluster"),
        ("cluster" = String, Path, description = "Name of the RayCluster; `_` for an empty one"),
        ("session" = String, Path, description = "Name of the session"),
        ("limit" = Option<usize>, Query, description = "Rows: 1 to 20000, default 1000"),
    ),
    responses(
        (status = 200, description = "The functions, those first that ran longest in total", body = FunctionList),
        (status = 304, description = "The client has this list already (`If-None-Match`)"),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Retention deletes the session, or has deleted it", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The session is still being loaded; the problem has the members of `LoadStatus`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn functions(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let limit = limit(call.request.query_string())?;
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let open = find::open(call, &key).await?;
    let Functions { mut rows, others } = digest::part(call, &open, Functions::of).await?;
    let total = rows.len();
    rows.truncate(limit);
    let list = FunctionList {
        functions: rows.into_iter().map(Into::into).collect(),
        total,
        others: others.map(|others| OtherItem { functions: others.functions, stats: others.stats.into() }),
    };
    let mut response = validators::tagged_json(call.request, &list);
    validators::describe(&mut response, call, &open);
    Ok(response)
}

fn limit(query: &str) -> Result<usize, Error> {
    let given = web::Query::<Vec<(String, String)>>::from_query(query).map(web::Query::into_inner).unwrap_or_default();
    let Some((_, value)) = given.iter().find(|(name, value)| name == "limit" && !value.is_empty()) else {
        return Ok(ROWS);
    };
    let limit = value.parse().ok().filter(|limit| (1..=MAX_FUNCTIONS).contains(limit));
    limit.ok_or_else(|| Error::BadRequest(format!("limit={value:?}: a number from 1 to {MAX_FUNCTIONS} is wanted")))
}
