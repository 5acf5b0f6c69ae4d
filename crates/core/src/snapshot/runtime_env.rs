//! Runtime environments as the nodes' agents would have listed them at the end of the session.
//!
//! Ray asks the agent of every ALIVE node (`StateAPIManager.list_runtime_envs`) and sorts by creation time, longest
//! first, unknown times before all others. If the log of a node's agent is stored, the rows come from a replay of it
//! (`logs::runtime_env_agent`). Otherwise they come from the task attempts and actors that ran on the node: their
//! environments existed, but creation time and reference count are unknown and stay null. Where a collector stored the
//! list itself, its rows come first.

use super::Snapshot;
use super::actor::Actor;
use super::intern::{Id, Str};
use crate::base::id::NodeId;
use crate::base::stored_json::{self, parts};
use crate::logs::runtime_env_agent::Outcome;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// One environment of one node. `None` becomes JSON null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRuntimeEnv {
    /// The node.
    pub node: NodeId,
    /// JSON object as Ray serialized it, shared by rows of the same text.
    pub runtime_env: Arc<str>,
    /// `true` if it was created, `false` if that failed; `None` while it is being created.
    pub success: Option<bool>,
    /// Duration of its creation.
    pub creation_time_ms: Option<i64>,
    /// Number of workers and jobs that used it.
    pub ref_cnt: Option<i64>,
    /// Reason for which it could not be created.
    pub error: Option<Box<str>>,
}

impl NodeRuntimeEnv {
    /// Returns the memory held, in bytes. A shared text counts in equal parts for its holders.
    pub fn weight(&self) -> usize {
        let text = self.runtime_env.len() / Arc::strong_count(&self.runtime_env);
        size_of::<Self>() + text + self.error.as_ref().map_or(0, |error| error.len())
    }
}

/// Returns the environments of a session in Ray's order.
pub fn build(snapshot: &Snapshot) -> Vec<NodeRuntimeEnv> {
    let (mut rows, mut known) = (Vec::new(), HashMap::new());
    let mut used = None;
    for node in snapshot.nodes.iter().filter(|node| node.alive) {
        let hex = node.id.hex();
        if snapshot.facts.runtime_envs.has_log(&hex) {
            rows.extend(replayed(snapshot, node.id, &hex));
        } else {
            let used = used.get_or_insert_with(|| envs_by_node(snapshot));
            rows.extend(used.get(&node.id).into_iter().flatten().filter_map(|&env| {
                let text = known.entry(env).or_insert_with(|| strict(snapshot.str(env))).clone()?;
                Some(row_without_log(node.id, text))
            }));
        }
    }
    rows = after_listed(listed(snapshot), rows);
    // The sort is stable: rows of equal time stay in the order of nodes and of the agent's list.
    rows.sort_by_key(|row| std::cmp::Reverse(row.creation_time_ms.unwrap_or(i64::MAX)));
    rows
}

/// Returns the rows of a list that a collector stored of the live dashboard, whose order is that of the agents.
fn listed(snapshot: &Snapshot) -> Vec<NodeRuntimeEnv> {
    let is_list = |url: &str| url.split('?').next() == Some("api/v0/runtime_envs");
    let stored = snapshot.endpoints.iter().find(|(url, _)| is_list(url)).map_or("", |(_, body)| body);
    let rows = parts::at(stored, &["data", "result", "result"]).map(parts::objects).unwrap_or_default();
    rows.into_iter()
        .filter_map(|row| {
            let at = |key: &str| parts::at(row, &[key]);
            let number = |key: &str| parts::string(at(key)?)?.parse().ok();
            Some(NodeRuntimeEnv {
                node: NodeId::from_hex(&parts::string(at("node_id")?)?)?,
                runtime_env: strict(at("runtime_env")?)?,
                success: at("success").and_then(|text| text.parse().ok()),
                creation_time_ms: number("creation_time_ms"),
                ref_cnt: number("ref_cnt"),
                error: at("error").and_then(parts::string).map(|error| error.into_owned().into()),
            })
        })
        .collect()
}

/// Returns listed rows, and after them the built ones that are in no list: they came later.
fn after_listed(mut listed: Vec<NodeRuntimeEnv>, built: Vec<NodeRuntimeEnv>) -> Vec<NodeRuntimeEnv> {
    if listed.is_empty() {
        return built;
    }
    // Values are counted, because texts that differ in the order of keys have the same one.
    let value = |env: &NodeRuntimeEnv| (env.node, stored_json::value(env.runtime_env.as_bytes()));
    let mut known: HashMap<_, usize> = HashMap::with_capacity(listed.len());
    for env in &listed {
        *known.entry(value(env)).or_default() += 1;
    }
    for env in built {
        match known.get_mut(&value(&env)).filter(|rows| **rows > 0) {
            Some(rows) => *rows -= 1,
            None => listed.push(env),
        }
    }
    listed
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

/// Returns an environment as strict JSON; `None` for anything but an object.
fn strict(runtime_env: &str) -> Option<Arc<str>> {
    stored_json::object(runtime_env).map(Into::into)
}

/// Returns the environments of the task attempts and actors that ran on each node.
fn envs_by_node(snapshot: &Snapshot) -> BTreeMap<NodeId, BTreeSet<Str>> {
    let mut pairs: BTreeSet<(Id, Str)> = BTreeSet::new();
    for attempt in snapshot.tasks.iter().filter(|attempt| !snapshot.id(attempt.worker_id()).is_empty()) {
        pairs.insert((attempt.node_id(), attempt.shape().runtime_env));
    }
    // Ray itself makes the environments of submission supervisors.
    let is_user_actor = |actor: &&Actor| !snapshot.str(actor.name).starts_with("_ray_internal_");
    for actor in snapshot.actors.iter().filter(is_user_actor) {
        pairs.extend(actor.incarnations.iter().map(|incarnation| (incarnation.node, actor.runtime_env)));
    }
    let mut used: BTreeMap<NodeId, BTreeSet<Str>> = BTreeMap::new();
    for (node, env) in pairs {
        // Ray never asks the agent for an empty environment.
        if let Ok(node) = snapshot.id(node).try_into()
            && !matches!(snapshot.str(env), "" | "{}")
        {
            used.entry(crate::base::id::RayId(node)).or_default().insert(env);
        }
    }
    used
}

fn row_without_log(node: NodeId, runtime_env: Arc<str>) -> NodeRuntimeEnv {
    NodeRuntimeEnv { node, runtime_env, success: Some(true), creation_time_ms: None, ref_cnt: None, error: None }
}

#[cfg(test)]
mod tests;
