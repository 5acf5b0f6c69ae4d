//! A stored session in the format of our own API.

use super::completeness::complete_to;
use super::run::ShownRun;
use super::run_item::{self, RunItem, Why};
use super::summary::{self, Summary};
use crate::http::request::Call;
use crate::http::request::path::{session_path, why_path};
use crate::http::state::State;
use ray_history_core::base::name::OwnerKind;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_manifest::proof::Verdict;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::Row;
use ray_history_retention::time;
use ray_history_session::Ended;
use ray_history_session::catalog::{Entry, LooseRun, Page};
use ray_history_session::retention::Expiry;
use serde::Serialize;
use utoipa::ToSchema;

/// One stored session, or a run without one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct SessionItem {
    /// Namespace of the cluster.
    namespace: String,
    /// Name of the `RayCluster`.
    cluster: String,
    /// Name of the session; absent for a run of which no session is stored: what is known of it is in `object` and `why`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "session_2026-11-23_07-07-14_513426_5513")]
    session: Option<String>,
    /// The RayJob or RayService that created the cluster, if any.
    owner: Option<OwnerItem>,
    /// `live`, `dead` or `unknown`.
    #[schema(example = "dead")]
    state: &'static str,
    /// `manifest` if nothing watches the cluster, and the manifest of the head tells the state; else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_from: Option<&'static str>,
    /// Start of the head by its own clock, written as if that were UTC.
    started_local: String,
    /// `true` if the session's marker was written. Without one its head was killed, unless its collector writes manifests.
    marked: bool,
    /// Evidence that the session is dead, if `state` is `unknown`: `newer-session` (of its cluster), `marker` (written
    /// when its head was told to stop) or `head-log` (the head's log reports it). Absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'static str>,
    /// Time at which the marker was written, or of the last event in a report; RFC 3339, absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_write: Option<String>,
    /// Start of the head, RFC 3339; absent if the time zone of its clock is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    /// Time zone of the head's clock as an offset from UTC; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+01:00")]
    zone: Option<String>,
    /// `complete`, `complete-to`, `gaps` or `no-known-gaps`; only in lists, and only if manifests were read. Without
    /// opening the session nothing is compared with the stored files.
    #[serde(skip_serializing_if = "Option::is_none")]
    completeness: Option<&'static str>,
    /// Time up to which all that Ray handed over is stored, RFC 3339; only with `complete` and `complete-to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_to: Option<String>,
    /// `Succeeded`, `Failed`, `Stopped` or `Unknown`, as Kubernetes knew it, else by its submissions; absent while it is not known or may still come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Failed")]
    outcome: Option<&'static str>,
    /// The object whose obituary tells of the run; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ObjectItem>,
    /// The outcome in words; absent without an outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
    /// Its jobs, and what they ran on; absent if nothing was read of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunItem>,
    /// Its deletion by retention; absent if it is not marked.
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion: Option<DeletionItem>,
    /// Path of its dashboard; of a run without a session, of the page about its end.
    path: String,
}

/// A deletion that waits for its date.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct DeletionItem {
    /// Time before which nothing is deleted, RFC 3339.
    #[schema(example = "2026-12-07T00:00:00Z")]
    not_before: String,
    /// The rule, in a sentence.
    reason: String,
}

impl DeletionItem {
    fn of(expiry: Expiry) -> Self {
        Self { not_before: time::text(expiry.not_before), reason: expiry.reason }
    }
}

/// An object of Kubernetes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct ObjectItem {
    /// `raycluster` or `rayjob`.
    #[schema(example = "rayjob")]
    kind: &'static str,
    /// Its name.
    name: String,
    /// Its uid.
    uid: String,
    /// The run of the object: the uid of its head pod, else the name of its cluster.
    run: String,
}

impl ObjectItem {
    pub(in crate::http) fn of(row: &Row) -> Self {
        let ObjectId { kind, name, uid, .. } = row.object.clone();
        Self { kind: kind.folder(), name, uid, run: row.run.clone() }
    }
}

/// The owner of a cluster.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct OwnerItem {
    /// `rayjob` or `rayservice`.
    kind: &'static str,
    /// Name of the owner.
    name: String,
}

/// Returns sessions and runs of a page in the format of our own API.
pub(in crate::http) async fn of_page(call: &Call<'_>, page: &Page) -> Vec<SessionItem> {
    woven(all_listed(call, &page.entries).await, &page.runs)
}

/// Returns the same for a command that reads the store itself.
pub(in crate::http) fn page_of_store(state: &State, page: &Page) -> Vec<SessionItem> {
    woven(all_of_store(state, &page.entries), &page.runs)
}

/// Puts runs between sessions.
fn woven(sessions: Vec<SessionItem>, runs: &[LooseRun]) -> Vec<SessionItem> {
    let mut runs = runs.iter().peekable();
    let mut items = Vec::with_capacity(sessions.len());
    for (at, session) in sessions.into_iter().enumerate() {
        while let Some(run) = runs.next_if(|run| run.before <= at) {
            items.push(of_run(&run.row));
        }
        items.push(session);
    }
    items.extend(runs.map(|run| of_run(&run.row)));
    items
}

/// Returns a run without a session in the format of our own API.
fn of_run(row: &Row) -> SessionItem {
    let owner = match (row.object.kind, &row.owner) {
        (Kind::RayJob, _) => Some(OwnerItem { kind: OwnerKind::RayJob.folder(), name: row.object.name.clone() }),
        (_, Some(owner)) => OwnerKind::from_folder(&owner.kind.to_ascii_lowercase())
            .map(|kind| OwnerItem { kind: kind.folder(), name: owner.name.clone() }),
        (_, None) => None,
    };
    SessionItem {
        namespace: row.object.namespace.clone(),
        cluster: row.cluster.clone(),
        session: None,
        owner,
        state: if row.to.is_some() { "dead" } else { "unknown" },
        state_from: None,
        started_local: row.from.map(|at| at.to_string()).unwrap_or_default(),
        marked: false,
        ended: None,
        last_write: row.to.map(|at| at.to_string()),
        started: row.from.map(|at| at.to_string()),
        zone: row.from.map(|_| "+00:00".to_owned()),
        completeness: None,
        complete_to: None,
        outcome: row.known_outcome().map(Outcome::as_str),
        object: Some(ObjectItem::of(row)),
        why: Some(run_item::why_of(row)),
        run: None,
        deletion: None,
        path: format!("/{}", why_path(&row.object)),
    }
}

/// Returns sessions of a list in the format of our own API.
pub(in crate::http) async fn all_listed(call: &Call<'_>, entries: &[Entry]) -> Vec<SessionItem> {
    let runs = ShownRun::of_all(call, entries).await;
    entries.iter().zip(&runs).map(|(entry, run)| listed(call.state, entry, run)).collect()
}

/// Returns the same for a command that reads the store itself.
fn all_of_store(state: &State, entries: &[Entry]) -> Vec<SessionItem> {
    entries.iter().map(|entry| listed(state, entry, &ShownRun::of_store(state, entry))).collect()
}

/// Returns a session of a list in the format of our own API.
fn listed(state: &State, entry: &Entry, run: &ShownRun) -> SessionItem {
    let verdict = state.sessions.proved_verdict(&entry.key);
    SessionItem {
        completeness: verdict.map(Verdict::as_str),
        complete_to: verdict.and_then(complete_to),
        deletion: state.sessions.expiry(&entry.key).map(DeletionItem::of),
        ..describe(entry, &Summary::listed(state, entry), run)
    }
}

/// Returns a session in the format of our own API.
pub(in crate::http) fn describe(entry: &Entry, summary: &Summary, run: &ShownRun) -> SessionItem {
    SessionItem {
        namespace: entry.key.cluster.namespace.clone(),
        cluster: entry.key.cluster.name.clone(),
        session: Some(entry.key.session.as_str().to_owned()),
        owner: entry.owner.as_ref().map(|owner| OwnerItem { kind: owner.kind.folder(), name: owner.name.clone() }),
        state: summary.state.as_str(),
        state_from: summary.by_manifest.then_some("manifest"),
        started_local: started(entry),
        marked: entry.marked,
        ended: summary.ended.map(Ended::as_str),
        last_write: summary.last_write.map(|at| at.to_string()),
        started: summary.started.map(|at| at.to_string()),
        zone: summary.zone.map(summary::offset),
        completeness: None,
        complete_to: None,
        outcome: run.outcome().map(Outcome::as_str),
        object: run.told().map(ObjectItem::of),
        why: run_item::why(run),
        run: run_item::item(run),
        deletion: None,
        path: format!("/sessions/{}", session_path(&entry.key)),
    }
}

/// Returns the session's start by its head's clock; the session's name does not contain the time zone.
pub(in crate::http) fn started(entry: &Entry) -> String {
    let micros = entry.key.session.local_micros().unwrap_or(0);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
