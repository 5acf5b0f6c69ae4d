//! `/api/v0/logs/{file|stream}`: which bytes of which file a question means. The pure half: `session` reads the bytes.
//!
//! Ray's rules (`state_head.py`, `util/state/common.py`, `log_manager.py` of 2.60): an actor, else a task attempt, else
//! a submission, else a process id, else a file name decides; `lines` counts from the end (default 1000, 0 means the
//! default, -1 all); errors are 500 with a plain text. Beyond Ray: a submission needs no node, and logs of dead nodes
//! are found. `timeout` and `interval` have no meaning here: a stream sends what there is and ends.
//!
//! The steps: `LogRequest::parse`, then `plan` against the snapshot; a plan that is a search names the nodes whose
//! file names it needs. Must never read a file, and must never let a path leave a node's `logs` folder.

pub mod place;
mod plan;
mod rotation;
mod search;
mod submission;
mod task_log;
mod worker_file;

pub use plan::{LogPlan, ResolvedLog};
pub use rotation::{AttemptBytes, Part};
pub use search::Search;

use super::{Question, Refusal};
use place::NodeRef;

/// Which of a process's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Suffix {
    /// As in file names and in the question.
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
        }
    }
}

/// Whose log is asked for. Ids are as they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// An actor: the file of the worker it lived in.
    Actor(String),
    /// One attempt of a task: a byte range of the file of its worker.
    Task {
        /// The task.
        id: String,
        /// The attempt.
        attempt: u32,
    },
    /// A submission: what its driver printed.
    Submission(String),
    /// A worker process of a node.
    Pid(i64),
    /// A file of a node, relative to its `logs` folder or absolute as it was on the node.
    File(String),
}

/// How the bytes are to be handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How many lines, counted from the end; none means all.
    pub lines: Option<u64>,
    /// Whether colour codes are taken out (see `ansi`).
    pub filter_ansi: bool,
    /// File name for `Content-Disposition: attachment`, where the client gave one; as it came in.
    pub attachment: Option<String>,
}

/// A checked question for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// Whose log.
    pub target: LogTarget,
    /// Where it lies, for what does not tell it itself.
    pub node: Option<NodeRef>,
    /// Which output, for what is found by id.
    pub suffix: Suffix,
    /// How it is handed over.
    pub delivery: Delivery,
}

impl LogRequest {
    /// Reads the question; `media` is the last part of the path.
    pub fn parse(media: &str, question: &Question) -> Result<Self, Refusal> {
        if !matches!(media, "file" | "stream") {
            return Err(Refusal::Failed(format!("Invalid media type: {media}")));
        }
        let given = |key: &str| question.get(key).filter(|value| !value.is_empty()).map(str::to_owned);
        let target = if let Some(actor) = given("actor_id") {
            LogTarget::Actor(actor)
        } else if let Some(id) = given("task_id") {
            let attempt = integer(question.get("attempt_number").unwrap_or("0"))?;
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
            return Err(Refusal::Failed(text.to_owned()));
        };
        let node = match (given("node_id"), given("node_ip")) {
            (Some(id), Some(ip)) => {
                return Err(Refusal::Failed(format!(
                    "Both node_id and node_ip are given. Only one of them can be provided. Given node id: {id}, given \
                     node ip: {ip}"
                )));
            }
            (Some(id), None) => Some(NodeRef::Id(id)),
            (None, Some(ip)) => Some(NodeRef::Ip(ip)),
            (None, None) if matches!(target, LogTarget::Pid(_) | LogTarget::File(_)) => {
                let text = "node_id or node_ip must be provided as constructor arguments when no actor or task_id is \
                            supplied as arguments.";
                return Err(Refusal::Failed(text.to_owned()));
            }
            (None, None) => None,
        };
        let suffix = match question.get("suffix").unwrap_or("out") {
            "out" => Suffix::Out,
            "err" => Suffix::Err,
            other => {
                let text = format!("Invalid suffix: {other}. Must be one of 'out' or 'err'.");
                return Err(Refusal::Failed(text));
            }
        };
        let lines = match integer(question.get("lines").unwrap_or("1000"))? {
            -1 => None,
            0 => Some(1000),
            // Ray's search ends at once for other negative numbers: an empty answer.
            lines => Some(u64::try_from(lines).unwrap_or(0)),
        };
        let filter_ansi = question.get("filter_ansi_code").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let attachment = given("download_filename");
        Ok(Self { target, node, suffix, delivery: Delivery { lines, filter_ansi, attachment } })
    }
}

/// As Python's `int`, with its words for what is none.
fn integer(text: &str) -> Result<i64, Refusal> {
    let refusal = || Refusal::Failed(format!("invalid literal for int() with base 10: '{text}'"));
    text.trim().parse().map_err(|_| refusal())
}

fn no_attempt(task: &str, attempt: impl std::fmt::Display) -> Refusal {
    Refusal::Failed(format!("Could not find log file for task attempt:{task}({attempt})"))
}

#[cfg(test)]
mod tests;
