//! `/api/cluster_status`: the autoscaler's last status, or the totals of the nodes if it left none.
//!
//! With `format=1` the text is the last "Autoscaler status" block of the head's `monitor.log`, verbatim. The other
//! form is a report that only a live autoscaler has; its members are null.

use super::quantities;
use crate::{Answer, Query, RayError};
use ray_history_core::snapshot::Snapshot;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Answers `/api/cluster_status`.
pub fn cluster_status(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let answer = if query.get("format") == Some("1") {
        let text = snapshot.facts.monitor.status().map_or_else(|| build_text(snapshot), str::to_owned);
        json!({"result": true, "msg": "Got formatted cluster status.", "data": {"clusterStatus": text}})
    } else {
        json!({"result": true, "msg": "Got cluster status.",
            "data": {"autoscalingStatus": null, "autoscalingError": null, "clusterStatus": null}})
    };
    Ok(Answer::json(answer.to_string().into_bytes()))
}

/// Builds the text in Ray's layout from events: nodes and totals; usage and demands are not in events.
fn build_text(snapshot: &Snapshot) -> String {
    const RULE: &str = "---------------------------------------------------------------";
    let at = jiff::Timestamp::from_nanosecond(snapshot.as_of.into()).unwrap_or_default();
    let mut out = format!("======== Autoscaler status: {} ========\n", at.strftime("%Y-%m-%d %H:%M:%S.%6f"));
    let _ = writeln!(out, "Node status\n{RULE}\nActive:");
    let (alive, dead): (Vec<_>, Vec<_>) = snapshot.nodes.iter().partition(|node| node.alive);
    for node in &alive {
        let _ = writeln!(out, " 1 node_{}", node.id);
    }
    if alive.is_empty() {
        out.push_str(" (no active nodes)\n");
    }
    out.push_str("Pending:\n (no pending nodes)\nRecent failures:\n");
    for node in &dead {
        let _ = writeln!(out, " node_{}: {}", node.id, snapshot.str(node.death_reason));
    }
    if dead.is_empty() {
        out.push_str(" (no failures)\n");
    }
    let _ = write!(out, "\nResources\n{RULE}\nTotal Usage:\n");
    let mut totals: BTreeMap<String, f64> = BTreeMap::new();
    for node in &alive {
        for (name, amount) in quantities::of(snapshot.str(node.resources)) {
            if !name.starts_with("node:") {
                *totals.entry(name).or_default() += amount;
            }
        }
    }
    for (name, total) in &totals {
        let _ = writeln!(out, " {total} {name} (usage was not recorded)");
    }
    out.push_str("\nFrom request_resources:\n (none)\nPending Demands:\n (not recorded)");
    out
}
