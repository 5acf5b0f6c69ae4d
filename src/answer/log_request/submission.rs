//! Where a submission's driver printed to: `job-driver-<submission>.log` on the node its supervisor ran on.
//!
//! Ray asks its job table for the node; the events know it three ways: the supervisor actor is named
//! `_ray_internal_job_actor_<submission>` and starts the driver as its child, a driver job names its submission in its
//! metadata, and `SUBMISSION_JOB` events name the node (defined, but never sent, by Ray 2.60).

use super::place::node_id;
use crate::base::id::NodeId;
use crate::snapshot::Snapshot;
use std::collections::HashSet;

/// Nodes that may hold the log, the likeliest first: what was asked for, what is known, the head, the rest.
pub(super) fn nodes(snapshot: &Snapshot, submission: &str, asked: Option<NodeId>) -> Vec<NodeId> {
    let supervisor = snapshot.actors.iter().filter(|actor| {
        snapshot.str(actor.name).strip_prefix("_ray_internal_job_actor_").is_some_and(|id| id == submission)
    });
    let supervised = supervisor.flat_map(|actor| actor.incarnations.iter().rev()).map(|lived| lived.node);
    let drivers = snapshot.driver_jobs.iter().filter(|job| {
        let mut metadata = job.metadata.iter();
        metadata.any(|(key, value)| snapshot.str(*key) == "job_submission_id" && snapshot.str(*value) == submission)
    });
    let told = snapshot.submission_events.iter().filter(|told| snapshot.str(told.submission_id) == submission);
    let known = supervised.chain(drivers.map(|job| job.driver_node)).filter_map(|handle| node_id(snapshot, handle));
    let told = told.filter_map(|told| NodeId::from_hex(snapshot.str(told.driver_node)));
    let heads = snapshot.nodes.iter().filter(|node| node.is_head).map(|node| node.id);
    let all = snapshot.nodes.iter().map(|node| node.id);
    let mut seen = HashSet::new();
    asked.into_iter().chain(told).chain(known).chain(heads).chain(all).filter(|node| seen.insert(*node)).collect()
}
