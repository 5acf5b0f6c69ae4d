//! The proof of a session in its report: from the manifests of its collectors, Ray's counters and what was read.

use crate::http::sessions::completeness::time;
use ray_history_core::snapshot::gap::Code;
use ray_history_manifest::proof::{Limit, Proof};
use ray_history_session::Proved;
use serde::Serialize;
use utoipa::ToSchema;

/// The proof of a session whose collectors write manifests.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProofItem {
    /// Number of nodes that have manifests.
    nodes: usize,
    /// Number of events that their collectors stored.
    events: u64,
    /// All losses, at most 1000.
    losses: Vec<LossItem>,
    /// Number of further losses.
    #[serde(skip_serializing_if = "is_zero")]
    further_losses: u64,
    /// Facts that are missing for a proof.
    doubts: Vec<DoubtItem>,
    /// Nodes that limit the time to which the session is complete.
    limits: Vec<LimitItem>,
}

/// Something that is missing of a node.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LossItem {
    /// Id of the node.
    node: String,
    /// Kind of the gap.
    #[schema(value_type = String, example = "dropped-events")]
    code: Code,
    /// Description of the loss.
    message: String,
    /// Number of missing items, if counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<u64>,
    /// Number of items expected, if counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
}

/// A fact of a node that is missing for a proof.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DoubtItem {
    /// Id of the node.
    node: String,
    /// The fact.
    message: String,
}

/// A node that limits the time to which a session is complete.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LimitItem {
    /// Id of the node.
    node: String,
    /// Time up to which all of it is stored, RFC 3339.
    to: String,
    /// `true` if the node is alive: more of it is stored soon.
    alive: bool,
    /// Seconds of events that may be missing at most: from what was stored last, or from the last look at Ray's counters
    /// to Ray's end; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// The same for logs of users.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_seconds: Option<u64>,
    /// The same for Ray's own logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_log_seconds: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl From<&Proved> for ProofItem {
    fn from(proved: &Proved) -> Self {
        let losses = proved.losses().map(|(node, gap)| {
            let (code, message, missing, of) = (gap.code, gap.message, gap.missing, gap.of);
            LossItem { node: node.to_owned(), code, message, missing, of }
        });
        let doubts = proved.doubts().map(|(node, message)| DoubtItem { node: node.to_owned(), message });
        let Proof { nodes, records, unlisted, limits, .. } = &proved.proof;
        let limits = limits.iter().map(|Limit { node, to, alive, most }| LimitItem {
            node: node.clone(),
            to: time(*to).unwrap_or_default(),
            alive: *alive,
            seconds: most.map(|most| most.events),
            log_seconds: most.map(|most| most.logs).filter(|seconds| *seconds > 0),
            system_log_seconds: most.map(|most| most.system_logs).filter(|seconds| *seconds > 0),
        });
        Self {
            nodes: *nodes,
            events: *records,
            losses: losses.collect(),
            further_losses: *unlisted,
            doubts: doubts.collect(),
            limits: limits.collect(),
        }
    }
}
