//! `/api/v0/runtime_envs`: the runtime environments of every node that was alive at the end.
//!
//! Rows are built when the session is loaded (`snapshot::runtime_env`), in Ray's order.
//! Source: `list_runtime_envs` of `dashboard/state_aggregator.py`, `RuntimeEnvState` of `util/state/common.py`.

use super::resource;
use super::resource::{Column, Kind, Notes, Resource};
use crate::cell::Cell;
use crate::jobs::runtime_env;
use crate::{Answer, Query, RayError};
use ray_history_core::snapshot::Snapshot;
use std::sync::Arc;

/// Answers `/api/v0/runtime_envs`.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let envs = RuntimeEnvs { snapshot: Arc::clone(snapshot), redact: query.redact };
    resource::list(envs, query, Notes::NullWarning)
}

/// The rows. Ray prints 64-bit numbers as strings.
struct RuntimeEnvs {
    snapshot: Arc<Snapshot>,
    redact: bool,
}

impl Resource for RuntimeEnvs {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("runtime_env", Kind::Other),
        Column::filterable("success", Kind::Bool).optional(),
        Column::plain("creation_time_ms"),
        Column::filterable("node_id", Kind::Text),
        Column::plain("ref_cnt").only_detail(),
        Column::filterable("error", Kind::Text).only_detail().optional(),
    ];

    fn rows(&self) -> usize {
        self.snapshot.runtime_envs.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        let Some(env) = self.snapshot.runtime_envs.get(row) else { return Cell::Null };
        let number = |value: Option<i64>| value.map_or(Cell::Null, |number| Cell::Str(number.to_string().into()));
        match column {
            "runtime_env" => Cell::Json(runtime_env(&env.runtime_env, self.redact)),
            "success" => env.success.map_or(Cell::Null, Cell::Bool),
            "creation_time_ms" => number(env.creation_time_ms),
            "node_id" => Cell::Hex(&env.node.0),
            "ref_cnt" => number(env.ref_cnt),
            "error" => env.error.as_deref().map_or(Cell::Null, |error| Cell::Str(error.into())),
            _ => Cell::Null,
        }
    }
}

#[cfg(test)]
mod tests;
