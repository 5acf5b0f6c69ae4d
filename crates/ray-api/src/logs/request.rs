//! `/api/v0/logs/{file|stream}`: resolves a request to bytes of a file. This part is pure; `session` reads the bytes.
//!
//! Ray's rules (`state_head.py`, `util/state/common.py`, `log_manager.py` of 2.60): an actor, else a task attempt,
//! else a submission, else a process id, else a file name selects the log; `lines` counts from the end (default 1000,
//! 0 means the default, -1 all); errors are 500 with a plain text. Beyond Ray: a submission needs no node, and logs of
//! dead nodes are found. `timeout` and `interval` have no effect: a stream sends the stored bytes and ends.
//!
//! The steps are `LogRequest::parse`, then `plan` on the snapshot; a plan that is a search lists the nodes whose file
//! names it needs. A resolved path never leaves a node's `logs` folder.

mod gone;
pub mod place;
mod plan;
mod search;
mod submission;
mod task_log;
mod worker_file;

pub use gone::gone;
pub use plan::{LogPlan, ResolvedLog};
pub use search::Search;

use crate::{Query, RayError};
use place::NodeRef;

/// One of the two outputs of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Suffix {
    /// Returns the name used in file names and in the query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
        }
    }
}

/// The owner of the requested log. Ids are as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// An actor: the file of its worker.
    Actor(String),
    /// One attempt of a task: a byte range of the file of its worker.
    Task {
        /// The task.
        id: String,
        /// The attempt.
        attempt: u32,
    },
    /// A submission: the output of its driver.
    Submission(String),
    /// A worker process on a node.
    Pid(i64),
    /// A file of a node: relative to its `logs` folder, or absolute as on the node.
    File(String),
}

/// Options for the delivery of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Number of lines from the end, or `None` for all.
    pub lines: Option<u64>,
    /// `true` if colour codes are removed (see `ansi`).
    pub filter_ansi: bool,
    /// File name for `Content-Disposition: attachment` as received, if the client gave one.
    pub attachment: Option<String>,
}

/// A validated request for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// The owner of the log.
    pub target: LogTarget,
    /// The node, for targets that do not determine it.
    pub node: Option<NodeRef>,
    /// The output, for targets other than a file name.
    pub suffix: Suffix,
    /// The delivery options.
    pub delivery: Delivery,
}

impl LogRequest {
    /// Parses a query; `media` is the last segment of the path.
    pub fn parse(media: &str, query: &Query) -> Result<Self, RayError> {
        if !matches!(media, "file" | "stream") {
            return Err(RayError::Failed(format!("Invalid media type: {media}")));
        }
        let given = |key: &str| query.get(key).filter(|value| !value.is_empty()).map(str::to_owned);
        let target = if let Some(actor) = given("actor_id") {
            LogTarget::Actor(actor)
        } else if let Some(id) = given("task_id") {
            let attempt = integer(query.get("attempt_number").unwrap_or("0"))?;
            let attempt = u32::try_from(attempt).map_err(|_| no_attempt(&id, attempt))?;
            LogTarget::Task { id, attempt }
        } else if let Some(submission) = given("submission_id") {
            LogTarget::Submission(submission)
        } else if let Some(pid) = given("pid") {
            LogTarget::Pid(integer(&pid)?)
        } else if let Some(file) = given("filename") {
            LogTarget::File(file)
        } else {
            let text = "None of actor_id, task_id, pid, submission_id or filename is provided. At least one of them \
                        is required to fetch logs.";
            return Err(RayError::Failed(text.to_owned()));
        };
        let node = match (given("node_id"), given("node_ip")) {
            (Some(id), Some(ip)) => {
                return Err(RayError::Failed(format!(
                    "Both node_id and node_ip are given. Only one of them can be provided. Given node id: {id}, given \
                     node ip: {ip}"
                )));
            }
            (Some(id), None) => Some(NodeRef::Id(id)),
            (None, Some(ip)) => Some(NodeRef::Ip(ip)),
            (None, None) if matches!(target, LogTarget::Pid(_) | LogTarget::File(_)) => {
                let text = "node_id or node_ip must be provided as constructor arguments when no actor or task_id is \
                            supplied as arguments.";
                return Err(RayError::Failed(text.to_owned()));
            }
            (None, None) => None,
        };
        let suffix = match query.get("suffix").unwrap_or("out") {
            "out" => Suffix::Out,
            "err" => Suffix::Err,
            other => {
                let text = format!("Invalid suffix: {other}. Must be one of 'out' or 'err'.");
                return Err(RayError::Failed(text));
            }
        };
        let lines = match integer(query.get("lines").unwrap_or("1000"))? {
            -1 => None,
            0 => Some(1000),
            // For other negative numbers Ray's search ends immediately with an empty answer.
            lines => Some(u64::try_from(lines).unwrap_or(0)),
        };
        let filter_ansi = query.get("filter_ansi_code").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let attachment = given("download_filename");
        Ok(Self { target, node, suffix, delivery: Delivery { lines, filter_ansi, attachment } })
    }
}

/// Parses an integer like Python's `int`, with its error text.
fn integer(text: &str) -> Result<i64, RayError> {
    let refusal = || RayError::Failed(format!("invalid literal for int() with base 10: '{text}'"));
    text.trim().parse().map_err(|_| refusal())
}

fn no_attempt(task: &str, attempt: impl std::fmt::Display) -> RayError {
    RayError::Failed(format!("Could not find log file for task attempt:{task}({attempt})"))
}

#[cfg(test)]
mod tests;
