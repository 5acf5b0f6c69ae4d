//! The nodes that may have a submission's log, `job-driver-<submission>.log` on the node of its supervisor.
//!
//! Ray reads the node from its job table; events contain it in three ways: the supervisor actor is named
//! `_ray_internal_job_actor_<submission>` and starts the driver as its child, a driver job has its submission in its
//! metadata, and `SUBMISSION_JOB` events contain the node (defined, but never sent, by Ray 2.60).

use super::place::node_id;
use ray_history_core::base::id::NodeId;
use ray_history_core::snapshot::Snapshot;
use std::collections::HashSet;

/// Returns the nodes that may have the log, the likeliest first: the requested one, known ones, the head, the rest.
pub(super) fn nodes(snapshot: &Snapshot, submission: &str, requested: Option<NodeId>) -> Vec<NodeId> {
    let supervisor = snapshot.actors.iter().filter(|actor| {
        snapshot.str(actor.name).strip_prefix("_ray_internal_job_actor_").is_some_and(|id| id == submission)
    });
    let supervised = supervisor.flat_map(|actor| actor.incarnations.iter().rev()).map(|incarnation| incarnation.node);
    let drivers = snapshot.driver_jobs.iter().filter(|job| {
        let mut metadata = job.metadata.iter();
        metadata.any(|(key, value)| snapshot.str(*key) == "job_submission_id" && snapshot.str(*value) == submission)
    });
    let events = snapshot.submission_events.iter().filter(|event| snapshot.str(event.submission_id) == submission);
    let known = supervised.chain(drivers.map(|job| job.driver_node)).filter_map(|handle| node_id(snapshot, handle));
    let recorded = events.filter_map(|event| NodeId::from_hex(snapshot.str(event.driver_node)));
    let heads = snapshot.nodes.iter().filter(|node| node.is_head).map(|node| node.id);
    let all = snapshot.nodes.iter().map(|node| node.id);
    let mut seen = HashSet::new();
    requested
        .into_iter()
        .chain(recorded)
        .chain(known)
        .chain(heads)
        .chain(all)
        .filter(|node| seen.insert(*node))
        .collect()
}
