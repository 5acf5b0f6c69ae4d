//! Actor payloads: definition and lifecycle.

use super::reader::{Reader, Result};
use super::value::{id, map, time};
use crate::base::actor::ActorState;
use crate::base::id::{ActorId, JobId, NodeId, PlacementGroupId, WorkerId};
use crate::base::time::Nanos;
use std::borrow::Cow;

/// `ActorDefinitionEvent`. An empty string means "not sent".
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct ActorDefinition<'a> {
    pub actor_id: Option<ActorId>,
    pub job_id: Option<JobId>,
    pub is_detached: bool,
    pub name: Cow<'a, str>,
    pub ray_namespace: Cow<'a, str>,
    pub serialized_runtime_env: Cow<'a, str>,
    pub class_name: Cow<'a, str>,
    /// JSON text of a `map<string, double>`.
    pub required_resources: &'a str,
    pub placement_group_id: Option<PlacementGroupId>,
    /// JSON text of a `map<string, string>`.
    pub label_selector: &'a str,
    /// JSON text of a `FallbackStrategy`; Ray 2.60 does not send one for actors.
    pub fallback_strategy: &'a str,
    pub call_site: Cow<'a, str>,
}

/// Reads a definition.
pub fn definition<'a>(r: &mut Reader<'a>) -> Result<ActorDefinition<'a>> {
    let mut out = ActorDefinition::default();
    r.object(|r, key| {
        match key {
            "actorId" | "actor_id" => out.actor_id = id(r)?,
            "jobId" | "job_id" => out.job_id = id(r)?,
            "isDetached" | "is_detached" => out.is_detached = r.bool()?,
            "name" => out.name = r.string()?,
            "rayNamespace" | "ray_namespace" => out.ray_namespace = r.string()?,
            "serializedRuntimeEnv" | "serialized_runtime_env" => out.serialized_runtime_env = r.string()?,
            "className" | "class_name" => out.class_name = r.string()?,
            "requiredResources" | "required_resources" => out.required_resources = map(r)?,
            "placementGroupId" | "placement_group_id" => out.placement_group_id = id(r)?,
            "labelSelector" | "label_selector" => out.label_selector = map(r)?,
            "fallbackStrategy" | "fallback_strategy" => out.fallback_strategy = map(r)?,
            "callSite" | "call_site" => out.call_site = r.string()?,
            "parentId" | "parent_id" | "refIds" | "ref_ids" => {
                r.skip()?;
            }
            _ => r.unknown("actorDefinitionEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// `ActorLifecycleEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct ActorLifecycle<'a> {
    pub actor_id: Option<ActorId>,
    pub transitions: Vec<ActorTransition<'a>>,
    /// Transitions to states that a later Ray added.
    pub unknown_states: u32,
}

/// One state of an actor.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct ActorTransition<'a> {
    pub state: ActorState,
    pub timestamp: Nanos,
    pub node_id: Option<NodeId>,
    pub worker_id: Option<WorkerId>,
    pub repr_name: Cow<'a, str>,
    pub pid: i64,
    pub port: i64,
    pub restart_reason: &'a str,
    /// JSON text of an `ActorDeathCause`; empty when not sent.
    pub death_cause: &'a str,
}

/// Reads a lifecycle.
pub fn lifecycle<'a>(r: &mut Reader<'a>) -> Result<ActorLifecycle<'a>> {
    let mut out = ActorLifecycle::default();
    r.object(|r, key| {
        match key {
            "actorId" | "actor_id" => out.actor_id = id(r)?,
            "stateTransitions" | "state_transitions" => r.array(|r| {
                match transition(r)? {
                    Some(transition) => out.transitions.push(transition),
                    None => out.unknown_states += 1,
                }
                Ok(())
            })?,
            _ => r.unknown("actorLifecycleEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn transition<'a>(r: &mut Reader<'a>) -> Result<Option<ActorTransition<'a>>> {
    let mut out = ActorTransition::default();
    let mut state = None;
    r.object(|r, key| {
        match key {
            "state" => state = ActorState::parse(r.plain()?),
            "timestamp" => out.timestamp = time(r)?,
            "nodeId" | "node_id" => out.node_id = id(r)?,
            "workerId" | "worker_id" => out.worker_id = id(r)?,
            "reprName" | "repr_name" => out.repr_name = r.string()?,
            "pid" => out.pid = r.int()?,
            "port" => out.port = r.int()?,
            "restartReason" | "restart_reason" => out.restart_reason = r.plain()?,
            "deathCause" | "death_cause" => out.death_cause = map(r)?,
            _ => r.unknown("actorLifecycleEvent.stateTransitions", key)?,
        }
        Ok(())
    })?;
    Ok(state.map(|state| ActorTransition { state, ..out }))
}
