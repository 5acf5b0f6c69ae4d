//! Actors that died and were not meant to.

use super::FailureKind;
use super::deaths::{Deaths, is_expected_of_worker};
use super::draft::{Drafts, Key, Message, One};
use super::fingerprint::{self, exit_type};
use crate::base::actor::ActorState;
use crate::base::id::WorkerId;
use crate::base::stored_json;
use crate::snapshot::text::TextReader;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

/// `deathCause` of an actor, which has one of these.
#[derive(Deserialize, Default)]
#[serde(default)]
struct DeathCause {
    #[serde(rename = "actorDiedErrorContext", alias = "actor_died_error_context")]
    died: Option<Context>,
    #[serde(rename = "runtimeEnvFailedContext", alias = "runtime_env_failed_context")]
    no_runtime_env: Option<Context>,
    #[serde(rename = "actorUnschedulableContext", alias = "actor_unschedulable_context")]
    unschedulable: Option<Context>,
    #[serde(rename = "creationTaskFailureContext", alias = "creation_task_failure_context")]
    creation_failed: Option<Context>,
    #[serde(rename = "oomContext", alias = "oom_context")]
    out_of_memory: Option<Context>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Context {
    #[serde(alias = "error_message")]
    error_message: String,
    #[serde(alias = "formatted_exception_string")]
    formatted_exception_string: String,
    reason: String,
    #[serde(alias = "owner_id")]
    owner_id: String,
}

impl DeathCause {
    /// Returns Ray's type of the error and its context; `None` for an ordinary end.
    fn failure(self) -> Option<(String, Context)> {
        if let Some(died) = self.died {
            // The exit of its worker, or of its owner.
            let exit = exit_type(&died.error_message);
            let reason = match died.reason.as_str() {
                "RAY_KILL" | "OUT_OF_SCOPE" | "REF_DELETED" => return None,
                _ if is_expected_of_worker(exit) => return None,
                // Older versions of Ray send no reason.
                "" | "UNSPECIFIED" if exit.is_empty() => return None,
                "" | "UNSPECIFIED" => "WORKER_DIED",
                reason => reason,
            };
            return Some((reason.to_owned(), died));
        }
        let others = [
            ("ACTOR_CREATION_FAILED", self.creation_failed),
            ("RUNTIME_ENV_SETUP_FAILED", self.no_runtime_env),
            ("ACTOR_UNSCHEDULABLE_ERROR", self.unschedulable),
            ("OUT_OF_MEMORY", self.out_of_memory),
        ];
        others.into_iter().find_map(|(name, context)| Some((name.to_owned(), context?)))
    }
}

/// Counts the actors that died, and whose end nobody asked for.
pub(super) fn add(drafts: &mut Drafts<'_>, deaths: &Deaths) {
    let snapshot = drafts.snapshot;
    let mut reader = TextReader::default();
    for actor in snapshot.actors.iter().filter(|actor| actor.state == ActorState::Dead && !actor.death_cause.is_empty())
    {
        let cause: DeathCause = stored_json::read(reader.get(&snapshot.texts, actor.death_cause)).unwrap_or_default();
        let Some((error_type, context)) = cause.failure() else { continue };
        // A reason that a later Ray added is still a death.
        let error_type = known(&error_type).unwrap_or("ACTOR_DIED");
        let message =
            if context.error_message.is_empty() { context.formatted_exception_string } else { context.error_message };
        let detail = drafts.detail(fingerprint::detail(error_type, &message));
        let at = Some(actor.end).filter(|at| *at > 0);
        let last = actor.incarnations.last();
        let (node, worker) = last.map_or((&[][..], &[][..]), |last| (snapshot.id(last.node), snapshot.id(last.worker)));
        let cause = match error_type {
            "WORKER_DIED" | "NODE_DIED" | "OUT_OF_MEMORY" => deaths.explain(at, node, worker),
            "OWNER_DIED" => owner(&context.owner_id).and_then(|owner| deaths.explain(at, &[], &owner.0)),
            _ => None,
        };
        let function = snapshot.str(actor.class_name);
        let key = Key { kind: FailureKind::Actor, job: actor.job, function, error_type, detail };
        let (id, message) = (Ok(&actor.id.0[..]), Message::Made(message.into()));
        drafts.add(key, One { at, id, attempt: None, recovered: false, node, worker, message, cause });
    }
}

/// Returns the name of a type of error or a reason that Ray has.
fn known(error_type: &str) -> Option<&'static str> {
    const KNOWN: [&str; 7] = [
        "WORKER_DIED",
        "NODE_DIED",
        "OWNER_DIED",
        "ACTOR_CREATION_FAILED",
        "RUNTIME_ENV_SETUP_FAILED",
        "ACTOR_UNSCHEDULABLE_ERROR",
        "OUT_OF_MEMORY",
    ];
    KNOWN.into_iter().find(|known| *known == error_type)
}

/// Returns the owner's worker: events have its id in base64.
fn owner(id: &str) -> Option<WorkerId> {
    WorkerId::from_hex(id).or_else(|| WorkerId::try_from_bytes(&BASE64_STANDARD.decode(id).ok()?))
}
