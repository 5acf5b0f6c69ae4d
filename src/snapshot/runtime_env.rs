//! Runtime environments as the agents of the nodes would have listed them last.
//!
//! Owns which node answers from what; must never decode a file (that is `logs::runtime_env_agent`).
//! Ray asks the agent of every ALIVE node (`StateAPIManager.list_runtime_envs`) and sorts by creation time, longest
//! first, unknown times before all. A node whose agent left a log answers from its replay. One whose log was not
//! stored answers from the task attempts and actors that ran there: their environments existed, but nothing tells how
//! long it took to create them or how many used them at the end, so those stay null.

use super::Snapshot;
use super::actor::Actor;
use super::intern::{Id, Str};
use crate::base::id::NodeId;
use crate::base::stored_json;
use crate::logs::runtime_env_agent::Outcome;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// One environment of one node. Absent means JSON null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRuntimeEnv {
    /// The node.
    pub node: NodeId,
    /// A JSON object, as Ray serialized it; one text for all nodes that have it.
    pub runtime_env: Arc<str>,
    /// Whether it could be created; absent while it is being created.
    pub success: Option<bool>,
    /// How long that took.
    pub creation_time_ms: Option<i64>,
    /// How many workers and jobs used it.
    pub ref_cnt: Option<i64>,
    /// Why it could not be created.
    pub error: Option<Box<str>>,
}

impl NodeRuntimeEnv {
    /// Memory held, in bytes: of the text the share of one of those that hold it.
    pub fn weight(&self) -> usize {
        let text = self.runtime_env.len() / Arc::strong_count(&self.runtime_env);
        size_of::<Self>() + text + self.error.as_ref().map_or(0, |error| error.len())
    }
}

/// The environments of a session, in Ray's order.
pub fn build(snapshot: &Snapshot) -> Vec<NodeRuntimeEnv> {
    let (mut rows, mut known) = (Vec::new(), HashMap::new());
    let mut used = None;
    for node in snapshot.nodes.iter().filter(|node| node.alive) {
        let hex = node.id.hex();
        if snapshot.facts.runtime_envs.has(&hex) {
            rows.extend(replayed(snapshot, node.id, &hex));
        } else {
            let used = used.get_or_insert_with(|| seen_in_use(snapshot));
            rows.extend(used.get(&node.id).into_iter().flatten().filter_map(|&env| {
                let text = known.entry(env).or_insert_with(|| strict(snapshot.str(env))).clone()?;
                Some(in_use(node.id, text))
            }));
        }
    }
    // Stable: rows of equal time stay in the order of nodes, and in the order the agent lists them.
    rows.sort_by_key(|row| std::cmp::Reverse(row.creation_time_ms.unwrap_or(i64::MAX)));
    rows
}

fn replayed(snapshot: &Snapshot, node: NodeId, hex: &str) -> impl Iterator<Item = NodeRuntimeEnv> + use<> {
    snapshot.facts.runtime_envs.replay(hex).into_iter().filter_map(move |env| {
        let (success, error) = match &env.created {
            None => (None, None),
            Some((Outcome::Created, _)) => (Some(true), None),
            Some((Outcome::Failed(error), _)) => (Some(false), Some(error.as_str().into())),
        };
        Some(NodeRuntimeEnv {
            node,
            runtime_env: strict(&env.runtime_env)?,
            success,
            creation_time_ms: env.created.map(|(_, took_ms)| took_ms),
            ref_cnt: Some(env.references),
            error,
        })
    })
}

/// Returns an environment as it may stand in an answer; none for anything but an object.
fn strict(runtime_env: &str) -> Option<Arc<str>> {
    stored_json::object(runtime_env).map(Into::into)
}

/// The environments of the task attempts and actors that ran on each node.
fn seen_in_use(snapshot: &Snapshot) -> BTreeMap<NodeId, BTreeSet<Str>> {
    let mut pairs: BTreeSet<(Id, Str)> = BTreeSet::new();
    for attempt in snapshot.tasks.iter().filter(|attempt| !snapshot.id(attempt.worker_id()).is_empty()) {
        pairs.insert((attempt.node_id(), attempt.shape().runtime_env));
    }
    // Supervisors of submissions live in environments that Ray made up.
    let users = |actor: &&Actor| !snapshot.str(actor.name).starts_with("_ray_internal_");
    for actor in snapshot.actors.iter().filter(users) {
        pairs.extend(actor.incarnations.iter().map(|life| (life.node, actor.runtime_env)));
    }
    let mut used: BTreeMap<NodeId, BTreeSet<Str>> = BTreeMap::new();
    for (node, env) in pairs {
        // Ray's agent never hears of an empty environment.
        if let Ok(node) = snapshot.id(node).try_into()
            && !matches!(snapshot.str(env), "" | "{}")
        {
            used.entry(crate::base::id::RayId(node)).or_default().insert(env);
        }
    }
    used
}

fn in_use(node: NodeId, runtime_env: Arc<str>) -> NodeRuntimeEnv {
    NodeRuntimeEnv { node, runtime_env, success: Some(true), creation_time_ms: None, ref_cnt: None, error: None }
}

#[cfg(test)]
mod tests;
