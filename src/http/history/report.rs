//! The report of one session: its state, the known gaps with numbers and examples, and links.

mod proof;
mod snapshot;

use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use crate::http::request::path::{owner_path, session_key, session_path};
use crate::http::sessions::completeness::complete_to;
use crate::http::sessions::find;
use crate::http::sessions::item::{SessionItem, describe};
use crate::http::sessions::run::ShownRun;
use crate::http::sessions::summary::Summary;
use crate::http::state::State;
use crate::http::validators;
use actix_web::HttpResponse;
use proof::ProofItem;
use ray_history_core::snapshot::completeness::{Completeness, Problems};
use ray_history_core::snapshot::gap::{Code, Gap, Weight};
use ray_history_core::snapshot::version::RayVersion;
use ray_history_session::catalog::Entry;
use serde::Serialize;
use snapshot::SnapshotItem;
use std::borrow::Cow;
use utoipa::ToSchema;

/// The report of one session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Report {
    /// The session.
    session: SessionItem,
    /// `live`, `dead` or `unknown`.
    #[schema(example = "dead")]
    state: &'static str,
    /// Time of the last event, RFC 3339; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
    /// Time of the last comparison with the storage, RFC 3339.
    checked_at: String,
    /// Version of the loaded data; changes whenever an answer may change.
    version: String,
    /// `complete`, `complete-to` (a time), `gaps` or `no-known-gaps`. The first two need manifests, which say what there
    /// should be; without them nothing is ever called complete.
    #[schema(example = "no-known-gaps")]
    completeness: &'static str,
    /// Time up to which all that Ray handed over is stored, RFC 3339; only with `complete` and `complete-to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_to: Option<String>,
    /// The proof of its completeness, or all losses; absent if its collectors wrote no manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<ProofItem>,
    /// The persisted snapshot that it was opened from; absent if it was built from raw data.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotItem>,
    /// Gaps, most severe first.
    gaps: Vec<GapItem>,
    /// The messages of the gaps.
    missing: Vec<String>,
    /// Counts and examples of everything noticed while reading.
    #[serde(rename = "report")]
    #[schema(rename = "report", value_type = Object)]
    noticed: Noticed,
    /// New or changed files that could not be read; their previous content is shown.
    #[schema(value_type = Object)]
    unread_updates: Problems,
    /// Log files with lines that could not be parsed.
    damaged_log_files: Vec<DamagedFile>,
    /// Memory that the open session holds, in bytes.
    weight_bytes: u64,
    /// Rows of the session's tables.
    counts: Counts,
    /// Version of Ray that recorded the session; absent if it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2.57.0")]
    ray_version: Option<String>,
    /// Version of Ray whose dashboard shows the session; absent if the folder of dashboards names no version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2.57.1")]
    dashboard_version: Option<String>,
    /// `true` if the list of sessions may be out of date.
    stale: bool,
    /// The sessions of its RayJob or RayService, or else of its cluster.
    others: Others,
    /// Related paths on this server.
    links: Links,
}

/// The sessions of a session's RayJob or RayService, or else of its cluster.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Others {
    /// Number of sessions, this one included.
    sessions: usize,
    /// Path of the list of these sessions.
    path: String,
}

/// The counts of a snapshot, and the one further fact that may change while it is open.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Noticed {
    #[serde(flatten)]
    counts: Completeness,
    marker_missing: bool,
}

/// One known gap.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct GapItem {
    /// Kind of gap, listed in docs/fidelity.md; codes never change their meaning.
    #[schema(value_type = String, example = "worker-events")]
    code: Code,
    /// `everything`, `kind` (a whole table or column), `part` (some rows) or `doubt`.
    #[schema(value_type = String, example = "part")]
    weight: Weight,
    /// Description of the gap and its effect.
    message: String,
    /// Number of missing items, if counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<u64>,
    /// Number of expected items, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    /// Event types that were not stored.
    event_types: Vec<&'static str>,
    /// Advice on how to avoid the gap in the next session.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl From<Gap> for GapItem {
    fn from(gap: Gap) -> Self {
        let Gap { code, weight, message, missing, of, event_types, advice } = gap;
        Self { code, weight, message, missing, of, event_types, advice }
    }
}

/// A log file with lines that could not be parsed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DamagedFile {
    /// Id of the node.
    node: String,
    /// Path of the file on the node.
    path: String,
    /// Number of lines that could not be parsed.
    lines: u64,
    /// Number of the first such line, from 1.
    first: u64,
}

/// Rows of the session's tables.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Counts {
    task_attempts: usize,
    actors: usize,
    nodes: usize,
    workers: usize,
    driver_jobs: usize,
}

/// Paths on this server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Links {
    /// The session's dashboard.
    dashboard: String,
    /// The session's load status.
    load: String,
    /// The search in all log files, which needs the parameter `q`.
    log_search: String,
    /// All log files as one archive.
    log_download: String,
    /// All sessions of the cluster.
    cluster: String,
}

/// Returns the report of one session. Opens the session and waits until it is open.
#[utoipa::path(
    get,
    path = "/api/history/v1/sessions/{namespace}/{cluster}/{session}",
    operation_id = "getSession",
    tag = "sessions",
    params(
        ("namespace" = String, Path, description = "Namespace of the cluster"),
        ("cluster" = String, Path, description = "Name of the RayCluster; `_` for an empty one"),
        ("session" = String, Path, description = "Name of the session"),
    ),
    responses(
        (status = 200, description = "The report", body = Report),
        (status = 304, description = "The client has this report already (`If-None-Match`)"),
        (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Retention deletes the session, or has deleted it", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The session is still being loaded; the problem has the members of `LoadStatus`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn report(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let open = find::open(call, &key).await?;
    if let Some(error) = &open.nothing_read {
        return Err(error.clone().into());
    }
    let entry = find::entry(call, &key).await?;
    let path = session_path(&key);
    let checked_at = jiff::Timestamp::try_from(open.checked_at).unwrap_or_default();
    let snapshot = &open.snapshot;
    let standing = call.state.sessions.standing(&key);
    let (gaps, verdict) = (open.gaps(standing), open.verdict(standing));
    let damaged = snapshot.facts.damage.files().map(|(node, path, damaged)| DamagedFile {
        node: node.to_owned(),
        path: path.to_owned(),
        lines: damaged.lines,
        first: damaged.first,
    });
    let (cluster, _) = path.trim_end_matches('/').rsplit_once('/').unwrap_or_default();
    let ray_version = snapshot.ray_version();
    let report = Report {
        state: call.state.sessions.state(&key).as_str(),
        session: describe(&entry, &Summary::of(call.state, &entry), &ShownRun::of(call, &entry).await),
        as_of: validators::as_of(&open),
        checked_at: checked_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        version: format!("{:016x}", open.version),
        completeness: verdict.as_str(),
        complete_to: complete_to(verdict),
        proof: open.proved.as_deref().map(ProofItem::from),
        snapshot: open.persisted.as_deref().map(SnapshotItem::from),
        missing: gaps.iter().map(|gap| gap.message.clone()).collect(),
        gaps: gaps.into_iter().map(GapItem::from).collect(),
        noticed: Noticed { counts: snapshot.completeness.clone(), marker_missing: !standing.marked },
        unread_updates: open.unread_updates.clone(),
        damaged_log_files: damaged.collect(),
        weight_bytes: open.bytes(),
        counts: Counts {
            task_attempts: snapshot.tasks.len(),
            actors: snapshot.actors.len(),
            nodes: snapshot.nodes.len(),
            workers: snapshot.workers.len(),
            driver_jobs: snapshot.driver_jobs.len(),
        },
        dashboard_version: dashboard_version(call.state, ray_version.as_deref().and_then(RayVersion::parse)),
        ray_version: ray_version.map(Cow::into_owned),
        stale: call.state.sessions.listing().stale.is_some(),
        others: others(call, &entry, cluster),
        links: Links {
            dashboard: format!("/sessions/{path}"),
            load: format!("/api/history/v1/sessions/{path}load"),
            log_search: format!("/api/history/v1/sessions/{path}logs/search"),
            log_download: format!("/api/history/v1/sessions/{path}logs/download"),
            cluster: format!("/rayclusters/{cluster}"),
        },
    };
    let mut response = validators::tagged_json(call.request, &report);
    validators::describe(&mut response, call, &open);
    Ok(response)
}

/// Returns the version of the dashboard that shows a session.
fn dashboard_version(state: &State, recorded: Option<RayVersion>) -> Option<String> {
    state.dashboards.as_ref()?.of(recorded).version.clone()
}

/// Returns the related sessions; `cluster` is the path of the cluster's list.
fn others(call: &Call<'_>, entry: &Entry, cluster: &str) -> Others {
    let (listing, namespace) = (call.state.sessions.listing(), &entry.key.cluster.namespace);
    let count = |entries: Vec<Entry>| entries.iter().filter(|entry| call.permit.shows(entry)).count();
    let Some(owner) = &entry.owner else {
        let sessions = count(listing.of_cluster(&entry.key.cluster));
        return Others { sessions, path: format!("/rayclusters/{cluster}") };
    };
    let sessions = count(listing.of_owner(namespace, owner.kind, &owner.name));
    Others { sessions, path: format!("/{}", owner_path(namespace, owner)) }
}
