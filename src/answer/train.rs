//! `/api/train/v2/runs/v1` and `/api/train/v2/runs`: runs of Ray Train.
//!
//! The live dashboard asks Train's state actor, which is gone. Three sources tell of the runs of the current Train (v2),
//! the better one first: the stored answer of the live dashboard; the export files (`exported`), which hold the same
//! rows in another spelling; and the controllers' own logs (`logged`), which are there in every session. A stored run
//! that still runs gives way to one that is known to have ended, because polling stops before the cluster does.
//! Source: `dashboard/modules/train/train_head.py`, `train/v2/_internal/state/{schema,export}.py`.

mod exported;
mod logged;
mod proto;
mod settings;

use super::{Answer, Question, Refusal, jobs, redact, stored};
use crate::base::actor::ActorState;
use crate::base::id::ActorId;
use crate::snapshot::Snapshot;
use crate::snapshot::actor::Actor;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A run or an attempt in the shape of Ray's schema.
type Object = Map<String, Value>;

/// Answers `/api/train/v2/runs/v1`: every run of Train v2, the newest first.
pub fn runs(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let mut runs: BTreeMap<String, Object> = BTreeMap::new();
    for run in logged::runs(snapshot) {
        runs.insert(key(&run), run);
    }
    for run in exported::runs(snapshot) {
        runs.insert(key(&run), run);
    }
    for run in runs.values_mut() {
        decorate(snapshot, run);
    }
    let stored = stored::body(snapshot, "api/train/v2/runs/v1");
    for run in stored.iter().filter_map(|body| body["train_runs"].as_array()).flatten().filter_map(Value::as_object) {
        let known = runs.get(&key(run));
        if !known.is_some_and(|known| has_ended(known) && !has_ended(run)) {
            runs.insert(key(run), run.clone());
        }
    }
    let mut runs: Vec<Object> = runs.into_values().collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.get("start_time_ns").and_then(Value::as_i64)));
    let mut answer = json!({"train_runs": runs});
    if question.redact {
        hide(&mut answer);
    }
    Ok(stored::reply(&answer))
}

/// Answers `/api/train/v2/runs`: runs of the older Train, of which only a stored answer tells.
pub fn old_runs(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let Some(mut stored) = stored::body(snapshot, "api/train/v2/runs") else {
        return Err(Refusal::Failed(
            "Train state data is not available. Please make sure Ray Train is running and that the Train state actor \
             is enabled by setting the RAY_TRAIN_ENABLE_STATE_TRACKING environment variable to \"1\"."
                .to_owned(),
        ));
    };
    if question.redact {
        hide(&mut stored);
    }
    Ok(stored::reply(&stored))
}

/// The controller's actor id, of which a run has exactly one; else its own id, which some sources do not know.
fn key(run: &Object) -> String {
    let text = |key: &str| run.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("controller_actor_id").or_else(|| text("id")).unwrap_or_default().to_owned()
}

fn has_ended(run: &Object) -> bool {
    matches!(run.get("status").and_then(Value::as_str), Some("FINISHED" | "ERRORED" | "ABORTED"))
}

/// Adds what the dashboard adds to the rows of the state actor: the job, and what became of the actors.
fn decorate(snapshot: &Snapshot, run: &mut Object) {
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
        // Live figures of a process that is gone.
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

/// Hides environment variables, of jobs and of the runs' workers.
fn hide(answer: &mut Value) {
    redact::deep(answer);
    for run in answer["train_runs"].as_array_mut().into_iter().flatten() {
        if let Some(env) = run.pointer_mut("/run_settings/run_config/worker_runtime_env") {
            redact::value(env);
        }
    }
}

#[cfg(test)]
mod tests;
