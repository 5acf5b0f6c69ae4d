//! The table `runtime_envs`, in Ray's order: environments of nodes as their agents would list them.

use super::Member;
use crate::error::Error;
use crate::row::{Columns, Record, Row};
use crate::values::Values;
use ray_history_core::base::id::NodeId;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::runtime_env::NodeRuntimeEnv;
use std::collections::HashSet;
use std::sync::Arc;

impl Record for NodeRuntimeEnv {
    fn empty() -> Self {
        Self {
            node: NodeId::NIL,
            runtime_env: "".into(),
            success: None,
            creation_time_ms: None,
            ref_cnt: None,
            error: None,
        }
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { node, runtime_env, success, creation_time_ms, ref_cnt, error } = self;
        columns.string("node_id", node)?;
        columns.runtime_env(runtime_env)?;
        columns.flag("success", success)?;
        columns.number("creation_time_ms", creation_time_ms)?;
        columns.number("ref_cnt", ref_cnt)?;
        columns.string("error", error)
    }
}

impl Row for NodeRuntimeEnv {
    const TABLE: &'static str = "runtime_envs";

    fn is_before(&self, _next: &Self, _values: &Values) -> bool {
        true
    }
}

impl Member for NodeRuntimeEnv {
    fn rows(snapshot: &Snapshot) -> &[Self] {
        &snapshot.runtime_envs
    }

    /// Nodes of a cluster have the same environments.
    fn finish(rows: &mut [Self]) {
        let mut known: HashSet<Arc<str>> = HashSet::new();
        for row in rows {
            match known.get(&row.runtime_env) {
                Some(shared) => row.runtime_env = Arc::clone(shared),
                None => drop(known.insert(Arc::clone(&row.runtime_env))),
            }
        }
    }
}
