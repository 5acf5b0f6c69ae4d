//! Placement group payloads (defined by Ray since 2.55, never sent up to 2.60).

use super::reader::{Reader, Result};
use super::value::{id, map, time};
use crate::base::id::{JobId, NodeId, PlacementGroupId};
use crate::base::time::Nanos;
use std::borrow::Cow;

/// `PlacementGroupDefinitionEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct PlacementGroupDefinition<'a> {
    pub placement_group_id: Option<PlacementGroupId>,
    pub name: Cow<'a, str>,
    pub ray_namespace: Cow<'a, str>,
    pub strategy: &'a str,
    pub is_detached: bool,
    pub creator_job_id: Option<JobId>,
    pub creation_request_received: Nanos,
    pub bundles: Vec<BundleSpec<'a>>,
}

/// `BundleSpec`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct BundleSpec<'a> {
    pub index: i64,
    /// JSON text of a `map<string, double>`.
    pub unit_resources: &'a str,
    /// JSON text of a `map<string, string>`.
    pub label_selector: &'a str,
}

/// Reads a definition.
pub fn definition<'a>(r: &mut Reader<'a>) -> Result<PlacementGroupDefinition<'a>> {
    let mut out = PlacementGroupDefinition::default();
    r.object(|r, key| {
        match key {
            "placementGroupId" | "placement_group_id" => out.placement_group_id = id(r)?,
            "name" => out.name = r.string()?,
            "rayNamespace" | "ray_namespace" => out.ray_namespace = r.string()?,
            "strategy" => out.strategy = r.plain()?,
            "isDetached" | "is_detached" => out.is_detached = r.bool()?,
            "creatorJobId" | "creator_job_id" => out.creator_job_id = id(r)?,
            "creationRequestReceivedNs" | "creation_request_received_ns" => out.creation_request_received = r.int()?,
            "bundles" => r.array(|r| {
                out.bundles.push(bundle(r)?);
                Ok(())
            })?,
            "creatorActorId" | "creator_actor_id" | "softTargetNodeId" | "soft_target_node_id" => {
                r.skip()?;
            }
            _ => r.unknown("placementGroupDefinitionEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn bundle<'a>(r: &mut Reader<'a>) -> Result<BundleSpec<'a>> {
    let mut out = BundleSpec::default();
    r.object(|r, key| {
        match key {
            "bundleIndex" | "bundle_index" => out.index = r.int()?,
            "unitResources" | "unit_resources" => out.unit_resources = map(r)?,
            "labelSelector" | "label_selector" => out.label_selector = map(r)?,
            _ => r.unknown("placementGroupDefinitionEvent.bundles", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// `PlacementGroupLifecycleEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct PlacementGroupLifecycle<'a> {
    pub placement_group_id: Option<PlacementGroupId>,
    pub transitions: Vec<PlacementGroupTransition<'a>>,
}

/// One state of a placement group.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct PlacementGroupTransition<'a> {
    pub state: &'a str,
    pub timestamp: Nanos,
    pub scheduling_state: &'a str,
    pub scheduling_attempt: i64,
    pub highest_retry_delay_ms: f64,
    pub placements: Vec<(i64, Option<NodeId>)>,
}

/// Reads a lifecycle.
pub fn lifecycle<'a>(r: &mut Reader<'a>) -> Result<PlacementGroupLifecycle<'a>> {
    let mut out = PlacementGroupLifecycle::default();
    r.object(|r, key| {
        match key {
            "placementGroupId" | "placement_group_id" => out.placement_group_id = id(r)?,
            "stateTransitions" | "state_transitions" => r.array(|r| {
                out.transitions.push(transition(r)?);
                Ok(())
            })?,
            _ => r.unknown("placementGroupLifecycleEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn transition<'a>(r: &mut Reader<'a>) -> Result<PlacementGroupTransition<'a>> {
    let mut out = PlacementGroupTransition::default();
    r.object(|r, key| {
        match key {
            "state" => out.state = r.plain()?,
            "timestamp" => out.timestamp = time(r)?,
            "schedulingState" | "scheduling_state" => out.scheduling_state = r.plain()?,
            "schedulingAttempt" | "scheduling_attempt" => out.scheduling_attempt = r.int()?,
            "highestRetryDelayMs" | "highest_retry_delay_ms" => out.highest_retry_delay_ms = r.float()?,
            "bundlePlacements" | "bundle_placements" => r.array(|r| {
                let (mut index, mut node) = (0, None);
                r.object(|r, key| {
                    match key {
                        "bundleIndex" | "bundle_index" => index = r.int()?,
                        "nodeId" | "node_id" => node = id(r)?,
                        _ => r.unknown("placementGroupLifecycleEvent.bundlePlacements", key)?,
                    }
                    Ok(())
                })?;
                out.placements.push((index, node));
                Ok(())
            })?,
            _ => r.unknown("placementGroupLifecycleEvent.stateTransitions", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}
