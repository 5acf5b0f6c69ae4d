//! From a question to a file: at once, or after a look at the file names of some nodes.

use super::place::{no_agent, no_file, node_id, relative_path, resolve_node};
use super::search::{Place, Search, Wanted};
use super::{AttemptBytes, Delivery, LogRequest, LogTarget, submission, task_log};
use crate::answer::Refusal;
use crate::base::id::{ActorId, NodeId};
use crate::logs::job_driver;
use crate::snapshot::Snapshot;

/// The bytes that are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedLog {
    /// The node whose file it is.
    pub node: NodeId,
    /// Relative to the node's `logs` folder; never leaves it.
    pub path: String,
    /// The bytes of one attempt; none for all of the file.
    pub attempt: Option<AttemptBytes>,
    /// How it is handed over.
    pub delivery: Delivery,
}

impl ResolvedLog {
    /// The refusal when the file turns out not to be there.
    pub fn missing(&self) -> Refusal {
        no_file(&self.path)
    }

    /// Returns the name to save it under: the given one, else the file's own. Ray says `file.txt` for every file.
    pub fn file_name(&self) -> &str {
        let own = || self.path.rsplit('/').next().unwrap_or(&self.path);
        self.delivery.attachment.as_deref().unwrap_or_else(own)
    }
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlan {
    /// The file is known by name.
    File(ResolvedLog),
    /// File names of some nodes must be seen.
    Search(Search),
}

impl LogRequest {
    /// Finds out what the snapshot knows about the log.
    pub fn plan(&self, snapshot: &Snapshot) -> Result<LogPlan, Refusal> {
        let search = |places| LogPlan::Search(Search { request: self.clone(), places });
        let node = || match &self.node {
            Some(node) => resolve_node(snapshot, node),
            None => Err(no_agent("None")),
        };
        Ok(match &self.target {
            LogTarget::Actor(actor) => search(actor_places(snapshot, actor)?),
            LogTarget::Task { id, attempt } => {
                LogPlan::File(task_log::resolve(snapshot, id, *attempt, self.suffix, &self.delivery)?)
            }
            LogTarget::Submission(id) => {
                let path = job_driver::path_of(id).ok_or_else(|| no_file(id))?;
                let asked = self.node.as_ref().map(|node| resolve_node(snapshot, node)).transpose()?;
                let nodes = submission::nodes(snapshot, id, asked);
                search(nodes.into_iter().map(|node| Place { node, wanted: Wanted::Path(path.clone()) }).collect())
            }
            LogTarget::Pid(pid) => search(vec![Place { node: node()?, wanted: Wanted::Pid(*pid) }]),
            LogTarget::File(name) => LogPlan::File(ResolvedLog {
                node: node()?,
                path: relative_path(name).ok_or_else(|| no_file(name))?,
                attempt: None,
                delivery: self.delivery.clone(),
            }),
        })
    }
}

/// Where an actor lived, newest first: its log is that of the last worker that left one.
fn actor_places(snapshot: &Snapshot, actor: &str) -> Result<Vec<Place>, Refusal> {
    let found = ActorId::from_hex(actor)
        .and_then(|id| snapshot.actors.binary_search_by_key(&id, |actor| actor.id).ok())
        .and_then(|row| snapshot.actors.get(row));
    let Some(found) = found else {
        return Err(Refusal::Failed(format!("Actor ID ActorID({actor}) not found.")));
    };
    let places: Vec<Place> = found
        .incarnations
        .iter()
        .rev()
        .filter_map(|lived| {
            let worker = node_id(snapshot, lived.worker)?.hex();
            Some(Place { node: node_id(snapshot, lived.node)?, wanted: Wanted::Worker(worker) })
        })
        .collect();
    if places.is_empty() {
        return Err(Refusal::Failed(format!(
            "Worker ID for Actor ID ActorID({actor}) not found. Actor is not scheduled yet."
        )));
    }
    Ok(places)
}
