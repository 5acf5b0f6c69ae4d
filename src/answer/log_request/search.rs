//! A log that is found by looking at file names.

use super::place::no_agent;
use super::{LogRequest, LogTarget, ResolvedLog, worker_file};
use crate::answer::Refusal;
use crate::base::id::NodeId;

/// One place where the log may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) wanted: Wanted,
}

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The file of a worker, hex.
    Worker(String),
    /// The file of a worker process.
    Pid(i64),
    /// A file relative to the `logs` folder.
    Path(String),
}

/// Places to look at, the likeliest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub(super) request: LogRequest,
    pub(super) places: Vec<Place>,
}

impl Search {
    /// The nodes whose file names `resolve` will ask for; the first ones usually do.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.places.iter().map(|place| place.node)
    }

    /// The first place that has the log. `files` gives a node's files, relative to its `logs` folder; none when the
    /// node left nothing at all.
    pub fn resolve<'a>(&self, files: impl Fn(&NodeId) -> Option<&'a [String]>) -> Result<ResolvedLog, Refusal> {
        let mut reached = false;
        for Place { node, wanted } in &self.places {
            let Some(files) = files(node) else { continue };
            reached = true;
            let suffix = self.request.suffix;
            let path = match wanted {
                Wanted::Worker(worker) => worker_file::find(files, suffix, |known, _| known == worker),
                Wanted::Pid(pid) => worker_file::find(files, suffix, |_, known| known == *pid),
                Wanted::Path(path) => files.iter().find(|known| *known == path).map(String::as_str),
            };
            if let Some(path) = path {
                let delivery = self.request.delivery.clone();
                return Ok(ResolvedLog { node: *node, path: path.to_owned(), attempt: None, delivery });
            }
        }
        match self.places.first() {
            Some(place) if !reached => Err(no_agent(place.node)),
            place => Err(self.nothing(place.map(|place| place.node.hex()))),
        }
    }

    /// Ray's text when nothing was found, in Python's spelling.
    fn nothing(&self, node: Option<String>) -> Refusal {
        let absent = || "None".to_owned();
        let (mut actor, mut pid, mut submission) = (absent(), absent(), absent());
        match &self.request.target {
            LogTarget::Actor(id) => actor.clone_from(id),
            LogTarget::Submission(id) => submission.clone_from(id),
            LogTarget::Pid(id) => pid = id.to_string(),
            LogTarget::Task { .. } | LogTarget::File(_) => {}
        }
        Refusal::Failed(format!(
            "Could not find a log file. Please make sure the given option exists in the cluster.\n\tnode_id: \
             {}\n\tfilename: None\n\tactor_id: {actor}\n\ttask_id: None\n\tpid: {pid}\n\tsuffix: \
             {}\n\tsubmission_id: {submission}\n\tattempt_number: 0\n",
            node.unwrap_or_else(absent),
            self.request.suffix.name(),
        ))
    }
}
