//! `/api/v0/runtime_envs`: the environments in use at the end of the session, per living node.
//!
//! Each node's runtime environment agent logs what it creates, reuses and removes; replaying that gives what it would
//! answer. Where a node left no such log, its definitions' environments cannot be told apart by node and are left out.
//! Rows are sorted by creation time, the longest first, as in Ray.

use super::state_list::{self, Column, Columns, Kind, Notes, Values};
use super::{Answer, Question, Refusal, redact};
use crate::logs::runtime_env_agent::Outcome;
use crate::snapshot::Snapshot;
use serde_json::{Map, Value, json};
use std::sync::Arc;

struct RuntimeEnvs;

impl Columns for RuntimeEnvs {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("runtime_env", Kind::Text),
        Column::filterable("success", Kind::Bool),
        Column::plain("creation_time_ms"),
        Column::filterable("node_id", Kind::Text),
        Column::plain("ref_cnt").only_detail(),
        Column::filterable("error", Kind::Text).only_detail(),
    ];
}

/// Answers `/api/v0/runtime_envs`.
pub fn list(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let mut rows: Vec<(f64, Map<String, Value>)> = Vec::new();
    for node in snapshot.nodes.iter().filter(|node| node.alive) {
        let id = node.id.hex();
        for live in snapshot.facts.runtime_envs.replay(&id) {
            let mut env: Value = serde_json::from_str(&live.runtime_env).unwrap_or_else(|_| json!({}));
            if question.redact {
                redact::value(&mut env);
            }
            let (success, error) = match &live.created {
                Some((Outcome::Created, _)) => (json!(true), Value::Null),
                Some((Outcome::Failed(why), _)) => (json!(false), json!(why)),
                None => (Value::Null, Value::Null),
            };
            let took = live.created.as_ref().map(|(_, took)| *took);
            let row = json!({
                "runtime_env": env,
                "success": success,
                "creation_time_ms": took.map(|took| took.to_string()),
                "node_id": id,
                "ref_cnt": live.references.to_string(),
                "error": error,
            });
            if let Value::Object(row) = row {
                rows.push((took.map_or(f64::INFINITY, |took| took as f64), row));
            }
        }
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    state_list::list(Values::<RuntimeEnvs>::new(rows), question, Notes::NullWarning)
}
