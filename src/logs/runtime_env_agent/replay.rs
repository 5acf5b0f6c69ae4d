//! Plays a node's steps back into what the agent would have answered last (`GetRuntimeEnvsInfo`).
//!
//! The rule, checked row by row on recorded sessions (reference counts and order too):
//! `Creating` and `already created` count one use more, a release one less, and an environment without a use leaves
//! the reference table; `removed` drops it from the cache. The answer lists the reference table in the order of first
//! use, then what is only cached. A failed environment stays cached, with its error, until Ray removes it.

use super::{RuntimeEnvAgents, What};
use std::collections::HashMap;

/// How the creation of an environment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It exists.
    Created,
    /// It could not be created: Ray's own traceback.
    Failed(String),
}

/// One environment an agent knew at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEnv {
    /// As Ray serialized it.
    pub runtime_env: String,
    /// How many workers and jobs used it.
    pub references: i64,
    /// How its creation ended and how long it took in milliseconds; none while it goes on.
    pub created: Option<(Outcome, i64)>,
}

#[derive(Default)]
struct State<'a> {
    /// In the order of first use, as Python's dict keeps them.
    references: Vec<(&'a str, i64)>,
    cached: Vec<(&'a str, (Outcome, i64))>,
    /// When a creation began, and its timeout in seconds.
    creating: HashMap<&'a str, (i64, i64)>,
    /// The last failed attempt: environment and traceback.
    failed: Option<(&'a str, &'a str)>,
}

impl RuntimeEnvAgents {
    /// What the agent of a node knew at the end, in the order it would have listed it.
    pub fn replay(&self, node: &str) -> Vec<LiveEnv> {
        let Some(files) = self.files.get(node) else { return Vec::new() };
        let mut state = State::default();
        for file in files.values().rev() {
            for step in &file.steps {
                let env = file.envs.get(step.env as usize).map_or("", |env| &**env);
                state.take(env, &step.what, step.local_ms);
            }
        }
        state.answer()
    }
}

impl<'a> State<'a> {
    fn take(&mut self, env: &'a str, what: &'a What, now: i64) {
        match what {
            What::Started => *self = Self::default(),
            What::Creating { timeout_s } => {
                self.creating.insert(env, (now, *timeout_s));
                self.use_once(env);
            }
            What::Created => self.finish(env, Outcome::Created, now),
            What::Reused => self.use_once(env),
            What::Released => self.release(env),
            What::Removed => self.cached.retain(|(known, _)| *known != env),
            What::AttemptFailed { traceback } => self.failed = Some((env, traceback)),
            What::GaveUp => {
                let Some((env, traceback)) = self.failed.take() else { return };
                let timeout_s = self.creating.get(env).map_or(0, |creating| creating.1);
                self.finish(env, Outcome::Failed(error(traceback, timeout_s)), now);
                self.release(env);
            }
        }
    }

    fn use_once(&mut self, env: &'a str) {
        match self.references.iter_mut().find(|(known, _)| *known == env) {
            Some((_, count)) => *count += 1,
            None => self.references.push((env, 1)),
        }
    }

    fn release(&mut self, env: &str) {
        if let Some((_, count)) = self.references.iter_mut().find(|(known, _)| *known == env) {
            *count -= 1;
        }
        self.references.retain(|(_, count)| *count > 0);
    }

    fn finish(&mut self, env: &'a str, outcome: Outcome, now: i64) {
        let took = self.creating.remove(env).map_or(0, |(began, _)| (now - began).max(0));
        self.cached.retain(|(known, _)| *known != env);
        self.cached.push((env, (outcome, took)));
    }

    fn answer(self) -> Vec<LiveEnv> {
        let created =
            |env: &str| self.cached.iter().find(|(known, _)| *known == env).map(|(_, created)| created.clone());
        let used = self.references.iter().map(|&(env, references)| (env, references));
        let unused = self.cached.iter().map(|&(env, _)| (env, 0));
        let unused = unused.filter(|(env, _)| !self.references.iter().any(|(used, _)| used == env));
        used.chain(unused)
            .map(|(env, references)| LiveEnv { runtime_env: env.to_owned(), references, created: created(env) })
            .collect()
    }
}

/// Ray's error text: the traceback, with a hint before it when the time was up.
fn error(traceback: &str, timeout_s: i64) -> String {
    let last = traceback.lines().next_back().unwrap_or_default();
    if !last.contains("TimeoutError") {
        return traceback.to_owned();
    }
    format!(
        "Failed to install runtime_env within the timeout of {timeout_s} seconds. Consider increasing the timeout in \
         the runtime_env config. For example: \n    runtime_env={{\"config\": {{\"setup_timeout_seconds\": 1800}}, \
         ...}}\nIf not provided, the default timeout is 600 seconds. {traceback}"
    )
}
