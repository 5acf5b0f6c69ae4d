//! Actor payloads: definition and lifecycle.

use super::message::message;
use super::reader::{Reader, Result};
use super::value::{bool, id, int, known, map, plain, string, time};
use crate::base::actor::ActorState;
use crate::base::id::{ActorId, JobId, NodeId, PlacementGroupId, WorkerId};
use crate::base::time::Nanos;
use std::borrow::Cow;

message! {
    /// `ActorDefinitionEvent`. An empty string means "not sent".
    pub struct ActorDefinition<'a> in "actorDefinitionEvent" {
        actor_id: Option<ActorId> = id from "actorId" | "actor_id",
        job_id: Option<JobId> = id from "jobId" | "job_id",
        is_detached: bool = bool from "isDetached" | "is_detached",
        name: Cow<'a, str> = string from "name",
        ray_namespace: Cow<'a, str> = string from "rayNamespace" | "ray_namespace",
        serialized_runtime_env: Cow<'a, str> = string from "serializedRuntimeEnv" | "serialized_runtime_env",
        class_name: Cow<'a, str> = string from "className" | "class_name",
        /// JSON text of a `map<string, double>`.
        required_resources: &'a str = map from "requiredResources" | "required_resources",
        placement_group_id: Option<PlacementGroupId> = id from "placementGroupId" | "placement_group_id",
        /// JSON text of a `map<string, string>`.
        label_selector: &'a str = map from "labelSelector" | "label_selector",
        /// JSON text of a `FallbackStrategy`; Ray 2.60 does not send one for actors.
        fallback_strategy: &'a str = map from "fallbackStrategy" | "fallback_strategy",
        call_site: Cow<'a, str> = string from "callSite" | "call_site",
    }
    skips "parentId" | "parent_id" | "refIds" | "ref_ids"
}

message! {
    /// `ActorLifecycleEvent`.
    pub struct ActorLifecycle<'a> in "actorLifecycleEvent" {
        actor_id: Option<ActorId> = id from "actorId" | "actor_id",
        transitions: Vec<(ActorState, ActorTransition<'a>)> =
            known(transition) from "stateTransitions" | "state_transitions",
    }
}

message! {
    /// The facts that come with a state of an actor.
    pub struct ActorTransition<'a> in "actorLifecycleEvent.stateTransitions" {
        /// The name by which `transition` knows the state.
        state: &'a str = plain from "state",
        timestamp: Nanos = time from "timestamp",
        node_id: Option<NodeId> = id from "nodeId" | "node_id",
        worker_id: Option<WorkerId> = id from "workerId" | "worker_id",
        repr_name: Cow<'a, str> = string from "reprName" | "repr_name",
        pid: i64 = int from "pid",
        port: i64 = int from "port",
        restart_reason: &'a str = plain from "restartReason" | "restart_reason",
        /// JSON text of an `ActorDeathCause`; empty when not sent.
        death_cause: &'a str = map from "deathCause" | "death_cause",
    }
}

/// Reads a transition; `None` if a later Ray added its state.
fn transition<'a>(r: &mut Reader<'a>) -> Result<Option<(ActorState, ActorTransition<'a>)>> {
    let transition = ActorTransition::read(r)?;
    Ok(ActorState::parse(transition.state).map(|state| (state, transition)))
}
