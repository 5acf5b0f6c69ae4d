//! Finds a log by the file names of nodes.

use super::place::no_agent;
use super::{LogRequest, LogTarget, ResolvedLog, worker_file};
use crate::RayError;
use ray_history_core::base::id::NodeId;

/// A node that may have the log, and the file to find there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) node: NodeId,
    pub(super) file: FileMatch,
}

/// A rule to find a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileMatch {
    /// The file of a worker with an id in hex.
    Worker(String),
    /// The file of a worker process.
    Pid(i64),
    /// A file relative to the `logs` folder.
    Path(String),
}

/// The candidates for a log, the likeliest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub(super) request: LogRequest,
    pub(super) candidates: Vec<Candidate>,
}

impl Search {
    /// Returns the nodes whose file names `resolve` may need; the first ones usually suffice.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.candidates.iter().map(|candidate| candidate.node)
    }

    /// Returns the log of the first candidate that has it.
    ///
    /// `files` returns a node's files relative to its `logs` folder, or `None` if the node left no files at all.
    pub fn resolve<'a>(&self, files: impl Fn(&NodeId) -> Option<&'a [String]>) -> Result<ResolvedLog, RayError> {
        let mut any_files = false;
        for Candidate { node, file } in &self.candidates {
            let Some(files) = files(node) else { continue };
            any_files = true;
            let suffix = self.request.suffix;
            let path = match file {
                FileMatch::Worker(worker) => worker_file::find(files, suffix, |known, _| known == worker),
                FileMatch::Pid(pid) => worker_file::find(files, suffix, |_, known| known == *pid),
                FileMatch::Path(path) => files.iter().find(|known| *known == path).map(String::as_str),
            };
            if let Some(path) = path {
                let delivery = self.request.delivery.clone();
                return Ok(ResolvedLog { node: *node, path: path.to_owned(), attempt: None, delivery });
            }
        }
        match self.candidates.first() {
            Some(candidate) if !any_files => Err(no_agent(candidate.node)),
            candidate => Err(self.not_found(candidate.map(|candidate| candidate.node.hex()))),
        }
    }

    /// Returns Ray's error for a log that was not found, in Python's spelling.
    fn not_found(&self, node: Option<String>) -> RayError {
        let absent = || "None".to_owned();
        let (mut actor, mut pid, mut submission) = (absent(), absent(), absent());
        match &self.request.target {
            LogTarget::Actor(id) => actor.clone_from(id),
            LogTarget::Submission(id) => submission.clone_from(id),
            LogTarget::Pid(id) => pid = id.to_string(),
            LogTarget::Task { .. } | LogTarget::File(_) => {}
        }
        RayError::Failed(format!(
            "Could not find a log file. Please make sure the given option exists in the cluster.\n\tnode_id: \
             {}\n\tfilename: None\n\tactor_id: {actor}\n\ttask_id: None\n\tpid: {pid}\n\tsuffix: \
             {}\n\tsubmission_id: {submission}\n\tattempt_number: 0\n",
            node.unwrap_or_else(absent),
            self.request.suffix.name(),
        ))
    }
}
