//! Resolves a log request to a file: immediately, or after a search in the file names of some nodes.

use super::place::{no_agent, no_file, node_id, relative_path, resolve_node};
use super::search::{Candidate, FileMatch, Search};
use super::{Delivery, LogRequest, LogTarget, submission, task_log};
use crate::RayError;
use ray_history_core::base::id::{ActorId, NodeId};
use ray_history_core::logs::attempt_bytes::AttemptBytes;
use ray_history_core::logs::job_driver;
use ray_history_core::snapshot::Snapshot;

/// The bytes of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedLog {
    /// The node that has the file.
    pub node: NodeId,
    /// Path relative to the node's `logs` folder; never leaves it.
    pub path: String,
    /// The bytes of one attempt, or `None` for the whole file.
    pub attempt: Option<AttemptBytes>,
    /// The delivery options.
    pub delivery: Delivery,
}

impl ResolvedLog {
    /// Returns the error for a file that does not exist.
    pub fn missing(&self) -> RayError {
        no_file(&self.path)
    }

    /// Returns the name for a download: the requested one, else the file's own. Ray uses `file.txt` for every file.
    pub fn file_name(&self) -> &str {
        let own = || self.path.rsplit('/').next().unwrap_or(&self.path);
        self.delivery.attachment.as_deref().unwrap_or_else(own)
    }
}

/// The next step to resolve a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlan {
    /// The file is known.
    File(ResolvedLog),
    /// The file names of some nodes are needed.
    Search(Search),
}

impl LogRequest {
    /// Looks up the log in the snapshot.
    pub fn plan(&self, snapshot: &Snapshot) -> Result<LogPlan, RayError> {
        let search = |candidates| LogPlan::Search(Search { request: self.clone(), candidates });
        let node = || match &self.node {
            Some(node) => resolve_node(snapshot, node),
            None => Err(no_agent("None")),
        };
        Ok(match &self.target {
            LogTarget::Actor(actor) => search(actor_candidates(snapshot, actor)?),
            LogTarget::Task { id, attempt } => {
                LogPlan::File(task_log::resolve(snapshot, id, *attempt, self.suffix, &self.delivery)?)
            }
            LogTarget::Submission(id) => {
                let path = job_driver::path_of(id).ok_or_else(|| no_file(id))?;
                let requested = self.node.as_ref().map(|node| resolve_node(snapshot, node)).transpose()?;
                let nodes = submission::nodes(snapshot, id, requested);
                let candidate = |node| Candidate { node, file: FileMatch::Path(path.clone()) };
                search(nodes.into_iter().map(candidate).collect())
            }
            LogTarget::Pid(pid) => search(vec![Candidate { node: node()?, file: FileMatch::Pid(*pid) }]),
            LogTarget::File(name) => LogPlan::File(ResolvedLog {
                node: node()?,
                path: relative_path(name).ok_or_else(|| no_file(name))?,
                attempt: None,
                delivery: self.delivery.clone(),
            }),
        })
    }
}

/// Returns the workers of an actor, newest first: its log is that of the last worker that left one.
fn actor_candidates(snapshot: &Snapshot, actor: &str) -> Result<Vec<Candidate>, RayError> {
    let found = ActorId::from_hex(actor)
        .and_then(|id| snapshot.actors.binary_search_by_key(&id, |actor| actor.id).ok())
        .and_then(|row| snapshot.actors.get(row));
    let Some(found) = found else {
        return Err(RayError::Failed(format!("Actor ID ActorID({actor}) not found.")));
    };
    let candidates: Vec<Candidate> = found
        .incarnations
        .iter()
        .rev()
        .filter_map(|incarnation| {
            let worker = node_id(snapshot, incarnation.worker)?.hex();
            Some(Candidate { node: node_id(snapshot, incarnation.node)?, file: FileMatch::Worker(worker) })
        })
        .collect();
    if candidates.is_empty() {
        return Err(RayError::Failed(format!(
            "Worker ID for Actor ID ActorID({actor}) not found. Actor is not scheduled yet."
        )));
    }
    Ok(candidates)
}
