//! `/api/train/v2/runs/v1` and `/api/train/v2/runs`: runs of Ray Train.
//!
//! The live dashboard queries Train's state actor, which is gone. Runs of the current Train (v2) have three sources,
//! the best first: the stored response of the live dashboard; the export files (`exported`), which contain the same
//! rows in another spelling; and the controllers' logs (`logged`), which exist in every session. A stored run that was
//! still running is replaced by one that is known to have ended, because polling stops before the cluster does.
//! Source: `dashboard/modules/train/train_head.py`, `train/v2/_internal/state/{schema,export}.py`.

mod exported;
mod logged;
mod proto;
mod settings;

use crate::json::JsonWriter;
use crate::redact::Redactor;
use crate::{Answer, Query, RayError, jobs, pieces, stored};
use ray_history_core::base::actor::ActorState;
use ray_history_core::base::id::ActorId;
use ray_history_core::base::stored_json::parts;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::Actor;
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The URL of the stored response.
const RUNS: &str = "api/train/v2/runs/v1";

/// A run or an attempt in Ray's schema.
type Object = Map<String, Value>;

/// A run of the answer.
struct Run {
    start_ns: Option<i64>,
    has_ended: bool,
    json: stored::Row,
}

/// Answers `/api/train/v2/runs/v1`: every run of Train v2, the newest first.
pub fn runs(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for mut run in logged::runs(snapshot).chain(exported::runs(snapshot)) {
        add_dashboard_fields(snapshot, &mut run);
        let text = |name: &str| run.get(name).and_then(Value::as_str).unwrap_or_default();
        let start_ns = run.get("start_time_ns").and_then(Value::as_i64);
        let (key, has_ended) = (key(text("controller_actor_id"), text("id")), is_end(text("status")));
        runs.insert(key, Run { start_ns, has_ended, json: stored::Row::Built(Value::Object(run).to_string()) });
    }
    let stored = snapshot.endpoint(RUNS).unwrap_or_default();
    for run in parts::at(stored, &["train_runs"]).map(parts::objects).unwrap_or_default() {
        let text = |name: &str| parts::at(run, &[name]).and_then(parts::string).unwrap_or_default();
        let start_ns = parts::at(run, &["start_time_ns"]).and_then(|start| start.parse().ok());
        let (key, has_ended) = (key(&text("controller_actor_id"), &text("id")), is_end(&text("status")));
        if !runs.get(&key).is_some_and(|known| known.has_ended && !has_ended) {
            runs.insert(key, Run { start_ns, has_ended, json: stored::Row::of_slice(run, stored) });
        }
    }
    let mut runs: Vec<Run> = runs.into_values().collect();
    runs.sort_by_key(|run| Reverse(run.start_ns));
    let mut head = pieces::writer(runs.len());
    head.begin_object();
    head.key("train_runs");
    head.begin_array();
    let (snapshot, redact) = (Arc::clone(snapshot), query.redact);
    let row = move |run: Run, w: &mut JsonWriter| {
        let json = run.json.json(snapshot.endpoint(RUNS));
        if redact { w.raw(&Redactor::of_document().all(json)) } else { w.raw(json.as_bytes()) }
    };
    Ok(pieces::answer(head, runs, row, |w| {
        w.end_array();
        w.end_object();
    }))
}

/// Answers `/api/train/v2/runs`: runs of the older Train, for which a stored response is the only source.
pub fn old_runs(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    stored::answer(snapshot, "api/train/v2/runs", query.redact).ok_or_else(|| {
        RayError::Failed(
            "Train state data is not available. Please make sure Ray Train is running and that the Train state actor \
             is enabled by setting the RAY_TRAIN_ENABLE_STATE_TRACKING environment variable to \"1\"."
                .to_owned(),
        )
    })
}

/// Returns a run's key: its controller's actor id, which is unique, else its own id, which some sources lack.
fn key(controller: &str, id: &str) -> String {
    if controller.is_empty() { id.to_owned() } else { controller.to_owned() }
}

fn is_end(status: &str) -> bool {
    matches!(status, "FINISHED" | "ERRORED" | "ABORTED")
}

/// Adds the fields that the dashboard adds to the state actor's rows: the job, and the final states of the actors.
fn add_dashboard_fields(snapshot: &Snapshot, run: &mut Object) {
    let died = |run: &Object| {
        actor(snapshot, run.get("controller_actor_id")).is_some_and(|actor| actor.state == ActorState::Dead)
    };
    if run.get("status").and_then(Value::as_str) == Some("RUNNING") && died(run) {
        run.insert("status".into(), "ABORTED".into());
        run.insert("status_detail".into(), "Terminated due to system errors or killed by the user.".into());
    }
    let attempts = run.get_mut("attempts").and_then(Value::as_array_mut).into_iter().flatten();
    for worker in attempts.filter_map(|attempt| attempt["workers"].as_array_mut()).flatten() {
        let Some(worker) = worker.as_object_mut() else { continue };
        if let Some(actor) = actor(snapshot, worker.get("actor_id")) {
            let status = if actor.state == ActorState::Dead { "DEAD" } else { "ALIVE" };
            worker.insert("status".into(), status.into());
        }
        // Figures that only a live process has.
        worker.insert("processStats".into(), Value::Null);
        worker.insert("gpus".into(), json!([]));
    }
    let job = run.get("job_id").and_then(Value::as_str).and_then(|job| jobs::details(snapshot, job));
    run.insert("job_details".into(), job.unwrap_or_default());
}

fn actor<'a>(snapshot: &'a Snapshot, id: Option<&Value>) -> Option<&'a Actor> {
    let id = ActorId::from_hex(id?.as_str()?)?;
    let row = snapshot.actors.binary_search_by_key(&id, |actor| actor.id).ok()?;
    snapshot.actors.get(row)
}

#[cfg(test)]
mod tests;
