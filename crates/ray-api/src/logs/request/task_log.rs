//! The output of a task attempt: a byte range of its worker's file, from its `taskLogInfo` or derived from its worker
//! (`snapshot::build::task_logs`).

use super::place::{node_id, relative_path};
use super::{Delivery, ResolvedLog, Suffix, no_attempt, worker_file};
use crate::RayError;
use ray_history_core::base::id::{ActorId, NodeId, RayId, TaskId, WorkerId};
use ray_history_core::logs::attempt_bytes::AttemptBytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::task::{Attempt, LogInfo};

/// Returns the log of an attempt, or Ray's error if it has none.
pub(super) fn resolve(
    snapshot: &Snapshot,
    task: &str,
    number: u32,
    suffix: Suffix,
    delivery: &Delivery,
) -> Result<ResolvedLog, RayError> {
    let id = TaskId::from_hex(task).ok_or_else(|| RayError::Failed(format!("Task ID {task} is not valid.")))?;
    let mut seen = snapshot.tasks.of_task(&id).filter(Attempt::is_defined).peekable();
    if seen.peek().is_none() {
        return Err(RayError::Failed(format!(
            "Could not find log file for task: {task} (attempt {number}) with suffix: {}",
            suffix.name()
        )));
    }
    let attempt = seen.find(|attempt| attempt.attempt_number() == number).ok_or_else(|| no_attempt(task, number))?;
    let info = attempt.log_info();
    let known = node_id(snapshot, attempt.node_id());
    let Some(node) = known.or_else(|| node_of_file(snapshot, info?)) else {
        return Err(RayError::Failed(format!(
            "Could not find log file for task attempt.{task}({number}) due to missing node info."
        )));
    };
    let Some(info) = info else { return Err(no_log_info(snapshot, task, &attempt, node)) };
    let (file, start, end) = match suffix {
        Suffix::Out => (info.stdout_file, info.stdout_start, info.stdout_end),
        Suffix::Err => (info.stderr_file, info.stderr_start, info.stderr_end),
    };
    let path = relative_path(snapshot.str(file))
        .ok_or_else(|| RayError::Failed(format!("Missing log filename info for task {task},attempt {number}")))?;
    let start = start.and_then(|start| u64::try_from(start).ok()).unwrap_or(0);
    let end = end.and_then(|end| u64::try_from(end).ok());
    let token = format!(":task_name:{}\n", snapshot.str(attempt.name()));
    Ok(ResolvedLog { node, path, attempt: Some(AttemptBytes { start, end, token }), delivery: delivery.clone() })
}

/// Returns the node of the worker in a log's name. Actor creation attempts have no node, at which Ray gives up.
fn node_of_file(snapshot: &Snapshot, info: &LogInfo) -> Option<NodeId> {
    let path = relative_path(snapshot.str(info.stdout_file))?;
    let worker = WorkerId::from_hex(worker_file::parse(&path)?.0)?;
    let row = snapshot.workers.binary_search_by_key(&worker, |worker| worker.id).ok();
    let known = row.and_then(|row| node_id(snapshot, snapshot.workers.get(row)?.node));
    known.or_else(|| {
        let mut incarnations = snapshot.actors.iter().flat_map(|actor| &actor.incarnations);
        let incarnation = incarnations.find(|incarnation| snapshot.id(incarnation.worker) == worker.0)?;
        node_id(snapshot, incarnation.node)
    })
}

/// Returns Ray's error for an attempt without recorded offsets: an actor task, unless recording was turned on.
fn no_log_info(snapshot: &Snapshot, task: &str, attempt: &Attempt<'_>, node: NodeId) -> RayError {
    let number = attempt.attempt_number();
    if let Ok(actor) = <[u8; 16]>::try_from(snapshot.id(attempt.actor_id())) {
        let actor: ActorId = RayId(actor);
        return RayError::Failed(format!(
            "For actor task, please query actor log for actor({actor}): e.g. ray logs actor --id {actor} . Or set \
             RAY_ENABLE_RECORD_ACTOR_TASK_LOGGING=1 in actor's runtime env or when starting the cluster. Recording \
             actor task's log could be expensive, so Ray turns it off by default."
        ));
    }
    let worker = node_id(snapshot, attempt.worker_id()).map_or_else(|| "None".to_owned(), |worker| worker.hex());
    RayError::Failed(format!(
        "Could not find log file for task attempt:{task}({number}).Worker id = {worker}, node id = {node},log_info = \
         None"
    ))
}
