//! Placement group payloads (defined by Ray since 2.55, never sent up to 2.60).

use super::message::message;
use super::value::{bool, float, id, int, list, map, plain, string, time};
use crate::base::id::{JobId, NodeId, PlacementGroupId};
use crate::base::time::Nanos;
use std::borrow::Cow;

message! {
    /// `PlacementGroupDefinitionEvent`.
    pub struct PlacementGroupDefinition<'a> in "placementGroupDefinitionEvent" {
        placement_group_id: Option<PlacementGroupId> = id from "placementGroupId" | "placement_group_id",
        name: Cow<'a, str> = string from "name",
        ray_namespace: Cow<'a, str> = string from "rayNamespace" | "ray_namespace",
        strategy: &'a str = plain from "strategy",
        is_detached: bool = bool from "isDetached" | "is_detached",
        creator_job_id: Option<JobId> = id from "creatorJobId" | "creator_job_id",
        creation_request_received: Nanos = int from "creationRequestReceivedNs" | "creation_request_received_ns",
        bundles: Vec<BundleSpec<'a>> = list(BundleSpec::read) from "bundles",
    }
    skips "creatorActorId" | "creator_actor_id" | "softTargetNodeId" | "soft_target_node_id"
}

message! {
    /// `BundleSpec`.
    pub struct BundleSpec<'a> in "placementGroupDefinitionEvent.bundles" {
        index: i64 = int from "bundleIndex" | "bundle_index",
        /// JSON text of a `map<string, double>`.
        unit_resources: &'a str = map from "unitResources" | "unit_resources",
        /// JSON text of a `map<string, string>`.
        label_selector: &'a str = map from "labelSelector" | "label_selector",
    }
}

message! {
    /// `PlacementGroupLifecycleEvent`.
    pub struct PlacementGroupLifecycle<'a> in "placementGroupLifecycleEvent" {
        placement_group_id: Option<PlacementGroupId> = id from "placementGroupId" | "placement_group_id",
        transitions: Vec<PlacementGroupTransition<'a>> =
            list(PlacementGroupTransition::read) from "stateTransitions" | "state_transitions",
    }
}

message! {
    /// One state of a placement group.
    pub struct PlacementGroupTransition<'a> in "placementGroupLifecycleEvent.stateTransitions" {
        state: &'a str = plain from "state",
        timestamp: Nanos = time from "timestamp",
        scheduling_state: &'a str = plain from "schedulingState" | "scheduling_state",
        scheduling_attempt: i64 = int from "schedulingAttempt" | "scheduling_attempt",
        highest_retry_delay_ms: f64 = float from "highestRetryDelayMs" | "highest_retry_delay_ms",
        placements: Vec<BundlePlacement> = list(BundlePlacement::read) from "bundlePlacements" | "bundle_placements",
    }
}

message! {
    /// The node of a bundle.
    pub struct BundlePlacement in "placementGroupLifecycleEvent.bundlePlacements" {
        index: i64 = int from "bundleIndex" | "bundle_index",
        node_id: Option<NodeId> = id from "nodeId" | "node_id",
    }
}
