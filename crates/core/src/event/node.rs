//! Node payloads: definition and lifecycle.

use super::reader::{Reader, Result};
use super::value::{id, map, time};
use crate::base::id::NodeId;
use crate::base::time::Nanos;
use std::borrow::Cow;

/// `NodeDefinitionEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct NodeDefinition<'a> {
    pub node_id: Option<NodeId>,
    pub node_ip_address: Cow<'a, str>,
    /// JSON text of a `map<string, string>`.
    pub labels: &'a str,
    pub start: Nanos,
    pub hostname: Cow<'a, str>,
    pub node_name: Cow<'a, str>,
    pub instance_id: Cow<'a, str>,
    pub instance_type_name: Cow<'a, str>,
}

/// Reads a definition.
pub fn definition<'a>(r: &mut Reader<'a>) -> Result<NodeDefinition<'a>> {
    let mut out = NodeDefinition::default();
    r.object(|r, key| {
        match key {
            "nodeId" | "node_id" => out.node_id = id(r)?,
            "nodeIpAddress" | "node_ip_address" => out.node_ip_address = r.string()?,
            "labels" => out.labels = map(r)?,
            "startTimestamp" | "start_timestamp" => out.start = time(r)?,
            "hostname" => out.hostname = r.string()?,
            "nodeName" | "node_name" => out.node_name = r.string()?,
            "instanceId" | "instance_id" => out.instance_id = r.string()?,
            "instanceTypeName" | "instance_type_name" => out.instance_type_name = r.string()?,
            _ => r.unknown("nodeDefinitionEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// `NodeLifecycleEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct NodeLifecycle<'a> {
    pub node_id: Option<NodeId>,
    pub transitions: Vec<NodeTransition<'a>>,
}

/// One state of a node.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct NodeTransition<'a> {
    pub state: &'a str,
    pub alive_sub_state: &'a str,
    pub timestamp: Nanos,
    /// JSON text of a `map<string, double>`.
    pub resources: &'a str,
    pub death_reason: &'a str,
    pub death_message: Cow<'a, str>,
}

/// Reads a lifecycle.
pub fn lifecycle<'a>(r: &mut Reader<'a>) -> Result<NodeLifecycle<'a>> {
    let mut out = NodeLifecycle::default();
    r.object(|r, key| {
        match key {
            "nodeId" | "node_id" => out.node_id = id(r)?,
            "stateTransitions" | "state_transitions" => r.array(|r| {
                out.transitions.push(transition(r)?);
                Ok(())
            })?,
            _ => r.unknown("nodeLifecycleEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn transition<'a>(r: &mut Reader<'a>) -> Result<NodeTransition<'a>> {
    let mut out = NodeTransition::default();
    r.object(|r, key| {
        match key {
            "state" => out.state = r.plain()?,
            "aliveSubState" | "alive_sub_state" => out.alive_sub_state = r.plain()?,
            "timestamp" => out.timestamp = time(r)?,
            "resources" => out.resources = map(r)?,
            "deathInfo" | "death_info" => r.object(|r, key| {
                match key {
                    "reason" => out.death_reason = r.plain()?,
                    "reasonMessage" | "reason_message" => out.death_message = r.string()?,
                    _ => r.unknown("nodeLifecycleEvent.deathInfo", key)?,
                }
                Ok(())
            })?,
            _ => r.unknown("nodeLifecycleEvent.stateTransitions", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}
