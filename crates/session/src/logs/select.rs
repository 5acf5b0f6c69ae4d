//! The log files of a session that are searched or downloaded: by node, worker, job, name and kind.

use crate::load::{LogIndex, LogObject};
use globset::{GlobBuilder, GlobMatcher};
use ray_history_core::base::id::{JobId, WorkerId};
use ray_history_core::logs::group::{GROUPS, LogKind, environment, group, submission};
use ray_history_core::logs::processes::LogName;
use std::cmp::Reverse;
use std::sync::Arc;

/// Longest glob in bytes.
const LONGEST_GLOB: usize = 200;

/// The wanted files; all of them by default.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// First digits of the node's id.
    pub node: Option<String>,
    /// First digits of the worker's id.
    pub worker: Option<String>,
    /// Id of a job, or of a submission.
    pub job: Option<String>,
    /// Pattern of the path; without a `/`, of the name in any folder.
    pub file: Option<GlobMatcher>,
    /// Kinds; any if there are none.
    pub kinds: Vec<Kind>,
}

/// A kind of log files, by its name in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of three.
    Writer(LogKind),
    /// One of Ray's groups.
    Group(&'static str),
}

impl Kind {
    /// Returns the kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        let kind = LogKind::ALL.into_iter().find(|kind| kind.as_str() == name).map(Self::Writer);
        kind.or_else(|| GROUPS.into_iter().find(|group| *group == name).map(Self::Group))
    }

    fn has(self, path: &str) -> bool {
        match self {
            Self::Writer(kind) => LogKind::of(path) == kind,
            Self::Group(name) => group(path) == name,
        }
    }
}

/// Parses a glob; `None` if it is none. `*` matches no `/`, `**` does.
pub fn parse_glob(text: &str) -> Option<GlobMatcher> {
    let is_name = !text.contains('/');
    let pattern = if is_name { format!("**/{text}") } else { text.trim_start_matches('/').to_owned() };
    let glob = GlobBuilder::new(&pattern).literal_separator(true).backslash_escape(false).build().ok()?;
    (1..=LONGEST_GLOB).contains(&text.len()).then(|| glob.compile_matcher())
}

impl LogFilter {
    fn wants(&self, node: &str, path: &str) -> bool {
        let begins = |id: &str, wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| id.starts_with(wanted));
        begins(node, &self.node)
            && self.file.as_ref().is_none_or(|glob| glob.is_match(path))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.has(path)))
            && (self.worker.is_none() || worker(path).is_some_and(|worker| begins(&worker.hex(), &self.worker)))
            && self.job.as_ref().is_none_or(|wanted| is_of_job(path, wanted))
    }
}

fn worker(path: &str) -> Option<WorkerId> {
    LogName::parse(path).map(|name| name.worker)
}

fn is_of_job(path: &str, wanted: &str) -> bool {
    if let Some(id) = submission(path).or_else(|| environment(path)) {
        return id == wanted;
    }
    let Some(name) = LogName::parse(path) else { return false };
    // The id of a driver is that of its job, padded.
    let driver = || path.contains("core-driver-").then(|| JobId::from_hex(name.worker.hex().get(..8)?)).flatten();
    name.job.or_else(driver).is_some_and(|job| job.hex() == wanted)
}

/// A file that is searched or downloaded.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// Id of the node.
    pub node: Arc<str>,
    /// Path below the node's `logs` folder, as it is listed.
    pub path: String,
    /// The stored file.
    pub object: LogObject,
}

impl LogFile {
    /// Returns the approximate memory held for a file, in bytes.
    pub const WEIGHT: u64 = 512;

    /// Places files with errors of users first.
    fn rank(&self) -> u8 {
        match (LogKind::of(&self.path), group(&self.path)) {
            (LogKind::Worker, "worker_err") => 0,
            (LogKind::Worker, "worker_out") => 1,
            (LogKind::Job, "internal") => 2,
            (LogKind::Worker, _) => 3,
            (LogKind::Job, _) => 4,
            (LogKind::System, _) => 5,
        }
    }
}

/// Returns the wanted files: errors of workers first, then their output, those of jobs, and Ray's own; among these the
/// newest first.
pub fn select(logs: &LogIndex, filter: &LogFilter) -> Vec<LogFile> {
    let mut files = Vec::new();
    let mut of_node: Option<Arc<str>> = None;
    for (node, path, object) in logs.listed_files() {
        if filter.wants(node, path) {
            let node = of_node.take().filter(|known| **known == *node).unwrap_or_else(|| Arc::from(node));
            of_node = Some(Arc::clone(&node));
            files.push(LogFile { node, path: path.to_owned(), object: object.clone() });
        }
    }
    files.sort_by_cached_key(|file| {
        (file.rank(), Reverse(file.object.modified()), Arc::clone(&file.node), file.path.clone())
    });
    files
}

#[cfg(test)]
mod tests;
