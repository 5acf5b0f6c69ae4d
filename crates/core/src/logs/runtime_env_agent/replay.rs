//! Replays a node's steps into the agent's last reply to `GetRuntimeEnvsInfo`.
//!
//! The rule was checked row by row on recorded sessions, with reference counts and order. `Creating` and `already
//! created` add a use, a release removes one, and an environment without uses leaves the reference table; `removed`
//! drops it from the cache. The reply lists the reference table in the order of first use, then environments that are
//! only cached. A failed environment stays cached, with its error, until Ray removes it.

use super::{Action, RuntimeEnvAgents};
use std::collections::HashMap;

/// The result of creating an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was created.
    Created,
    /// It could not be created, with Ray's own traceback.
    Failed(String),
}

/// An environment in an agent's last tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEnv {
    /// Its text, as Ray serialized it.
    pub runtime_env: String,
    /// The number of workers and jobs that used it.
    pub references: i64,
    /// The result of its creation and the milliseconds it took; `None` if it had not ended.
    pub created: Option<(Outcome, i64)>,
}

#[derive(Default)]
struct State<'a> {
    /// Use counts in the order of first use, as Python's dict keeps them.
    references: Vec<(&'a str, i64)>,
    cached: Vec<(&'a str, (Outcome, i64))>,
    /// The local start of each creation in milliseconds, and its timeout in seconds.
    creating: HashMap<&'a str, (i64, i64)>,
    /// The environment and traceback of the last failed attempt.
    failed: Option<(&'a str, &'a str)>,
}

impl RuntimeEnvAgents {
    /// Returns the environments in the last tables of a node's agent, in the order of its reply.
    pub fn replay(&self, node: &str) -> Vec<LiveEnv> {
        let Some(files) = self.files.get(node) else { return Vec::new() };
        let mut state = State::default();
        for file in files.values().rev() {
            for step in &file.steps {
                let env = file.envs.get(step.env as usize).map_or("", |env| &**env);
                state.apply(env, &step.action, step.local_ms);
            }
        }
        state.into_envs()
    }
}

impl<'a> State<'a> {
    fn apply(&mut self, env: &'a str, action: &'a Action, now: i64) {
        match action {
            Action::Started => *self = Self::default(),
            Action::Creating { timeout_s } => {
                self.creating.insert(env, (now, *timeout_s));
                self.use_once(env);
            }
            Action::Created => self.finish(env, Outcome::Created, now),
            Action::Reused => self.use_once(env),
            Action::Released => self.release(env),
            Action::Removed => self.cached.retain(|(known, _)| *known != env),
            Action::AttemptFailed { traceback } => self.failed = Some((env, traceback)),
            Action::GaveUp => {
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

    fn into_envs(self) -> Vec<LiveEnv> {
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

/// Returns Ray's error text: the traceback, after a hint if it was a timeout.
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
