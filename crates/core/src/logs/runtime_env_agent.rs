//! `logs/runtime_env_agent.log` and its rotations: the runtime environments that a node created, used and removed.
//!
//! Lines of Ray's `_private/runtime_env/agent/runtime_env_agent.py`, kept as steps in order; `replay` rebuilds the
//! agent's last tables from them. Environments are identified by their serialized text, as in Ray.

mod replay;

use super::line::{number_after, records};
pub use replay::{LiveEnv, Outcome};
use std::collections::BTreeMap;
use std::collections::HashMap;

/// Bytes of the head and of the tail that are wanted.
pub(super) const END: u64 = 16 * 1024 * 1024;

/// One step, from one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    local_ms: i64,
    /// Index into `FileLog::envs`, where a line without an environment has an empty one.
    env: u32,
    action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    /// The agent started, with empty tables.
    Started,
    /// The first use: `Creating runtime env: E with timeout N seconds.`
    Creating { timeout_s: i64 },
    /// Its creation succeeded.
    Created,
    /// Another use of an existing environment.
    Reused,
    /// A use ended.
    Released,
    /// It was removed from the cache.
    Removed,
    /// One attempt to create it failed, with this traceback.
    AttemptFailed { traceback: Box<str> },
    /// All attempts failed; the line contains no environment.
    GaveUp,
}

/// The steps of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct FileLog {
    /// Bytes read: of two readings of a file that grew, the longer one counts.
    size: usize,
    envs: Vec<Box<str>>,
    steps: Vec<Step>,
}

/// The steps of all agents, by node; a node's files from the newest (rotation 0) to the oldest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuntimeEnvAgents {
    files: BTreeMap<Box<str>, BTreeMap<u32, FileLog>>,
}

impl RuntimeEnvAgents {
    /// Reads one file; `rotation` is 0 for the current one.
    pub(super) fn read(&mut self, node: &str, rotation: u32, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let mut found = FileLog { size: bytes.len(), ..FileLog::default() };
        let mut index: HashMap<&str, u32> = HashMap::new();
        for record in records(&text) {
            let Some((env, action)) = step(record.message) else { continue };
            let next = index.len() as u32;
            let env = *index.entry(env).or_insert_with(|| {
                found.envs.push(env.into());
                next
            });
            found.steps.push(Step { local_ms: record.local_ms, env, action });
        }
        self.add(node.into(), rotation, found);
    }

    fn add(&mut self, node: Box<str>, rotation: u32, found: FileLog) {
        let known = self.files.entry(node).or_default().entry(rotation).or_default();
        if *known < found {
            *known = found;
        }
    }

    /// Returns `true` if a node has a log.
    pub fn has_log(&self, node: &str) -> bool {
        self.files.contains_key(node)
    }

    /// Merges the facts of another reader.
    pub(super) fn merge(&mut self, other: Self) {
        for (node, files) in other.files {
            for (rotation, found) in files {
                self.add(node.clone(), rotation, found);
            }
        }
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let file = |log: &FileLog| {
            log.envs.iter().map(|env| env.len() + 16).sum::<usize>() + log.steps.capacity() * size_of::<Step>()
        };
        self.files.values().flat_map(BTreeMap::values).map(file).sum()
    }
}

/// Returns the environment in a message and the action; `None` for other messages.
fn step(message: &str) -> Option<(&str, Action)> {
    let between = |prefix: &str, end: &str| message.strip_prefix(prefix)?.rsplit_once(end).map(|(env, _)| env);
    if let Some(env) = between("Creating runtime env: ", " with timeout ") {
        let timeout_s = number_after(message.get(env.len()..)?, " with timeout ").unwrap_or_default();
        return Some((env, Action::Creating { timeout_s }));
    }
    if let Some(env) = between("Successfully created runtime env: ", ", context: ") {
        return Some((env, Action::Created));
    }
    if let Some(env) = between("Runtime env already created successfully. Env: ", ", context: ") {
        return Some((env, Action::Reused));
    }
    if let Some((_, env)) = message.split_once(" to decrease reference for runtime env: ")
        && message.starts_with("Got request from ")
    {
        return Some((env.trim_end().strip_suffix('.').unwrap_or(env), Action::Released));
    }
    if let Some(env) = between("Runtime env ", " removed from env-level cache.") {
        return Some((env, Action::Removed));
    }
    if let Some(rest) = message.strip_prefix("Failed to create runtime env ") {
        let (env, traceback) = rest.split_once('\n').unwrap_or((rest, ""));
        let traceback = if traceback.is_empty() { "".into() } else { format!("{traceback}\n").into() };
        return Some((env.strip_suffix('.').unwrap_or(env), Action::AttemptFailed { traceback }));
    }
    if message.starts_with("runtime_env creation failed ") {
        return Some(("", Action::GaveUp));
    }
    message.starts_with("Starting runtime env agent ").then_some(("", Action::Started))
}

#[cfg(test)]
mod tests;
