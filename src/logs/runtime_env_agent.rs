//! `logs/runtime_env_agent.log` and its rotations: which runtime environments a node created, used and dropped.
//!
//! Lines of Ray's `_private/runtime_env/agent/runtime_env_agent.py`, kept as steps in their order; `replay` plays them
//! back into the tables the agent held last. Environments are told apart by their serialized text, as Ray does.

mod replay;

use super::line::{number_after, records};
pub use replay::{LiveEnv, Outcome};
use std::collections::BTreeMap;
use std::collections::HashMap;

/// Bytes of the head and of the tail that are wanted.
pub(super) const END: u64 = 16 * 1024 * 1024;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    local_ms: i64,
    /// Index into `FileLog::envs`; zero where the line names none.
    env: u32,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The agent started: it knows nothing.
    Started,
    /// A first use: `Creating runtime env: E with timeout N seconds.`
    Creating { timeout_s: i64 },
    /// It exists now.
    Created,
    /// Another use of what exists.
    Reused,
    /// One use less.
    Released,
    /// It is forgotten.
    Removed,
    /// One attempt to create it failed, with this traceback.
    AttemptFailed { traceback: Box<str> },
    /// All attempts failed; the line names no environment.
    GaveUp,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct FileLog {
    /// Bytes read, which decides between two readings of a file that grew.
    size: usize,
    envs: Vec<Box<str>>,
    steps: Vec<Step>,
}

/// What the agents' logs say, by node; a node's files from the newest (rotation 0) to the oldest.
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
            let Some((env, what)) = step(record.message) else { continue };
            let next = index.len() as u32;
            let env = *index.entry(env).or_insert_with(|| {
                found.envs.push(env.into());
                next
            });
            found.steps.push(Step { local_ms: record.local_ms, env, what });
        }
        self.add(node.into(), rotation, found);
    }

    fn add(&mut self, node: Box<str>, rotation: u32, found: FileLog) {
        let known = self.files.entry(node).or_default().entry(rotation).or_default();
        if *known < found {
            *known = found;
        }
    }

    /// Whether a node left a log.
    pub fn has(&self, node: &str) -> bool {
        self.files.contains_key(node)
    }

    /// Takes over what another reader found.
    pub(super) fn merge(&mut self, other: Self) {
        for (node, files) in other.files {
            for (rotation, found) in files {
                self.add(node.clone(), rotation, found);
            }
        }
    }

    /// Memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let file = |log: &FileLog| {
            log.envs.iter().map(|env| env.len() + 16).sum::<usize>() + log.steps.capacity() * size_of::<Step>()
        };
        self.files.values().flat_map(BTreeMap::values).map(file).sum()
    }
}

/// The environment a message names and what it says happened; none for messages that say nothing here.
fn step(message: &str) -> Option<(&str, What)> {
    let between = |prefix: &str, end: &str| message.strip_prefix(prefix)?.rsplit_once(end).map(|(env, _)| env);
    if let Some(env) = between("Creating runtime env: ", " with timeout ") {
        let timeout_s = number_after(message.get(env.len()..)?, " with timeout ").unwrap_or_default();
        return Some((env, What::Creating { timeout_s }));
    }
    if let Some(env) = between("Successfully created runtime env: ", ", context: ") {
        return Some((env, What::Created));
    }
    if let Some(env) = between("Runtime env already created successfully. Env: ", ", context: ") {
        return Some((env, What::Reused));
    }
    if let Some((_, env)) = message.split_once(" to decrease reference for runtime env: ")
        && message.starts_with("Got request from ")
    {
        return Some((env.trim_end().strip_suffix('.').unwrap_or(env), What::Released));
    }
    if let Some(env) = between("Runtime env ", " removed from env-level cache.") {
        return Some((env, What::Removed));
    }
    if let Some(rest) = message.strip_prefix("Failed to create runtime env ") {
        let (env, traceback) = rest.split_once('\n').unwrap_or((rest, ""));
        let traceback = if traceback.is_empty() { "".into() } else { format!("{traceback}\n").into() };
        return Some((env.strip_suffix('.').unwrap_or(env), What::AttemptFailed { traceback }));
    }
    if message.starts_with("runtime_env creation failed ") {
        return Some(("", What::GaveUp));
    }
    message.starts_with("Starting runtime env agent ").then_some(("", What::Started))
}

#[cfg(test)]
mod tests;
