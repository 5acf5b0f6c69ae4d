//! Nodes from `NODE_DEFINITION_EVENT` and `NODE_LIFECYCLE_EVENT`, one row per node.

use super::intern::Str;
use super::text::Text;
use crate::base::id::NodeId;
use crate::base::time::Nanos;

/// One node as of the last event.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "six independent facts")]
pub struct Node {
    /// The node.
    pub id: NodeId,
    /// `true` if a definition was seen; without one only id and states are known.
    pub defined: bool,
    /// `true` if a lifecycle event was seen; without one the node is assumed alive.
    pub advanced: bool,
    /// `true` if only another session's events define it and no event of this session refers to it.
    pub is_foreign: bool,
    /// Its address (`nodeIpAddress`).
    pub ip: Str,
    /// Its host name; empty before Ray 2.54.
    pub hostname: Str,
    /// Its name (`nodeName`); its address if none was sent, as before Ray 2.55.
    pub node_name: Str,
    /// Cloud instance id, usually empty.
    pub instance_id: Str,
    /// Cloud instance type, usually empty.
    pub instance_type_name: Str,
    /// Labels as a JSON object with sorted keys; empty if none were sent.
    pub labels: Str,
    /// Start time from the definition.
    pub start: Nanos,
    /// Time at which it was declared dead; zero while alive.
    pub end: Nanos,
    /// `true` if its last state is `ALIVE`.
    pub alive: bool,
    /// `true` if the last ALIVE sub-state is `DRAINING`.
    pub draining: bool,
    /// `true` if its resources contain `node:__internal_head__`.
    pub is_head: bool,
    /// Total resources as a JSON object with sorted keys, from the last ALIVE transition that has any.
    pub resources: Str,
    /// `deathInfo.reason`, such as `UNEXPECTED_TERMINATION`; empty if unknown.
    pub death_reason: Str,
    /// `deathInfo.reasonMessage`.
    pub death_message: Text,
}
