//! Node payloads: definition and lifecycle.

use super::message::message;
use super::value::{id, list, map, plain, string, time};
use crate::base::id::NodeId;
use crate::base::time::Nanos;
use std::borrow::Cow;

message! {
    /// `NodeDefinitionEvent`.
    pub struct NodeDefinition<'a> in "nodeDefinitionEvent" {
        node_id: Option<NodeId> = id from "nodeId" | "node_id",
        node_ip_address: Cow<'a, str> = string from "nodeIpAddress" | "node_ip_address",
        /// JSON text of a `map<string, string>`.
        labels: &'a str = map from "labels",
        start: Nanos = time from "startTimestamp" | "start_timestamp",
        hostname: Cow<'a, str> = string from "hostname",
        node_name: Cow<'a, str> = string from "nodeName" | "node_name",
        instance_id: Cow<'a, str> = string from "instanceId" | "instance_id",
        instance_type_name: Cow<'a, str> = string from "instanceTypeName" | "instance_type_name",
    }
}

message! {
    /// `NodeLifecycleEvent`.
    pub struct NodeLifecycle<'a> in "nodeLifecycleEvent" {
        node_id: Option<NodeId> = id from "nodeId" | "node_id",
        transitions: Vec<NodeTransition<'a>> =
            list(NodeTransition::read) from "stateTransitions" | "state_transitions",
    }
}

message! {
    /// One state of a node.
    pub struct NodeTransition<'a> in "nodeLifecycleEvent.stateTransitions" {
        state: &'a str = plain from "state",
        alive_sub_state: &'a str = plain from "aliveSubState" | "alive_sub_state",
        timestamp: Nanos = time from "timestamp",
        /// JSON text of a `map<string, double>`.
        resources: &'a str = map from "resources",
        death: NodeDeath<'a> = NodeDeath::read from "deathInfo" | "death_info",
    }
}

message! {
    /// `NodeLifecycleEvent.DeathInfo`.
    pub struct NodeDeath<'a> in "nodeLifecycleEvent.deathInfo" {
        reason: &'a str = plain from "reason",
        message: Cow<'a, str> = string from "reasonMessage" | "reason_message",
    }
}
