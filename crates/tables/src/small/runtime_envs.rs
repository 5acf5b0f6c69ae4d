//! The table `runtime_envs`: environments as the agents would list them, in Ray's order. A reader derives them again where
//! it has the agents' logs, which hold the values of variables.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Flag, Int, Text};
use crate::rows::Table;
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::runtime_env::NodeRuntimeEnv;
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) const TABLE: Table = Table {
    name: "runtime_envs",
    columns: &[
        ("node_id", Text),
        ("runtime_env", Text),
        ("_runtime_env", Int),
        ("success", Flag),
        ("creation_time_ms", Int),
        ("ref_cnt", Int),
        ("error", Text),
    ],
};

pub(crate) fn write(
    snapshot: &Snapshot,
    environments: &mut Environments,
    stamp: &Stamp,
) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, &snapshot.runtime_envs, |out, row| {
        let NodeRuntimeEnv { node, runtime_env, success, creation_time_ms, ref_cnt, error } = row;
        out.hex(&node.0);
        out.environment(runtime_env, environments);
        out.flag(*success);
        out.int(*creation_time_ms);
        out.int(*ref_cnt);
        out.text(error.as_deref());
    })
}

pub(crate) fn read(
    bytes: Bytes,
    stamp: &Stamp,
    expected: &Expected,
    values: &mut Values,
) -> Result<Vec<NodeRuntimeEnv>, Error> {
    let mut known: HashMap<String, Arc<str>> = HashMap::new();
    TABLE.read(bytes, stamp, expected, values, |row| {
        Ok(NodeRuntimeEnv {
            node: row.id()?,
            runtime_env: {
                let text = row.environment()?;
                let text = row.values().strings.values().str(text);
                Arc::clone(known.entry(text.to_owned()).or_insert_with(|| text.into()))
            },
            success: row.flag(),
            creation_time_ms: row.int(),
            ref_cnt: row.int(),
            error: row.text().map(Into::into),
        })
    })
}
