//! `/api/v0/nodes`: nodes as rows of the state API; dead ones keep all their fields.
//!
//! Filters `=` on `node_id`, `node_name` and `state` are Ray's source filters: they also reduce
//! `num_after_truncation`, never `total` (seen live), since Ray 2.55; before, they reduce neither. Source: `list_nodes`
//! in `dashboard/state_aggregator.py`, `get_all_node_info` in `util/state/state_manager.py`, `NodeState` in
//! `util/state/common.py`.

use super::resource;
use super::resource::{Column, Counts, Filter, Kind, MAX_LIMIT, Notes, Options, Predicate, Resource};
use crate::cell::Cell;
use crate::dashboard::nodes::state_message;
use crate::{Answer, Query, RayError};
use ray_history_core::base::time::millis;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::version::RayVersion;
use std::borrow::Cow;
use std::sync::Arc;

/// Answers `/api/v0/nodes`.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let options = Options::parse(query)?;
    let nodes = Nodes(Arc::clone(snapshot));
    let filters = resource::parse_filters(query, Nodes::COLUMNS)?;
    let equal = || filters.iter().filter(|filter| filter.predicate == Predicate::Equal);
    for filter in equal() {
        resource::check_id(filter)?;
        let state = filter.given.to_uppercase();
        if filter.column == "state" && !matches!(&*state, "ALIVE" | "DEAD") {
            return Err(RayError::BadQuery(format!("Invalid node state for filtering: {state}")));
        }
    }
    let accepts = |row: u32, filter: &Filter| filter.accepts(&nodes.cell(row as usize, filter.column));
    // Ray's source accepts a node that matches any selector, and applies only the last of several states.
    let selectors: Vec<&Filter> = equal().filter(|filter| matches!(filter.column, "node_id" | "node_name")).collect();
    let state = equal().rfind(|filter| filter.column == "state");
    let mut rows: Vec<u32> = (0..nodes.rows() as u32).collect();
    rows.retain(|&row| selectors.is_empty() || selectors.iter().any(|filter| accepts(row, filter)));
    rows.retain(|&row| state.is_none_or(|filter| accepts(row, filter)));
    let counts_filtered = RayVersion::of(snapshot).is_some_and(|version| version < RayVersion::FILTERED_NODES);
    let at_source = if counts_filtered { nodes.rows() } else { rows.len() };
    rows.retain(|&row| filters.iter().all(|filter| accepts(row, filter)));
    let counts =
        Counts { total: nodes.rows(), num_after_truncation: at_source.min(MAX_LIMIT), num_filtered: rows.len() };
    let counts = options.counts(counts);
    rows.truncate(options.limit);
    Ok(resource::write(nodes, rows, counts, options.detail, Notes::EmptyWarning))
}

/// The nodes of a snapshot as rows.
#[derive(Debug)]
pub struct Nodes(Arc<Snapshot>);

impl Resource for Nodes {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("node_id", Kind::Text),
        Column::filterable("node_ip", Kind::Text),
        Column::filterable("is_head_node", Kind::Bool),
        Column::filterable("state", Kind::Text),
        Column::plain("state_message"),
        Column::filterable("node_name", Kind::Text),
        Column::plain("resources_total"),
        Column::plain("labels"),
        Column::plain("start_time_ms").only_detail(),
        Column::plain("end_time_ms").only_detail(),
    ];

    fn rows(&self) -> usize {
        self.0.nodes.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        let snapshot = &*self.0;
        let Some(node) = snapshot.nodes.get(row) else { return Cell::Null };
        let text = |text: Str| Cell::Str(Cow::Borrowed(snapshot.str(text)));
        let map = |json: Str| match snapshot.str(json) {
            "" => Cell::Json(Cow::Borrowed(b"{}")),
            json => Cell::Json(Cow::Borrowed(json.as_bytes())),
        };
        match column {
            "node_id" => Cell::Hex(&node.id.0),
            "node_ip" => text(node.ip),
            "is_head_node" => Cell::Bool(node.is_head),
            "state" => Cell::Str(Cow::Borrowed(if node.alive { "ALIVE" } else { "DEAD" })),
            "state_message" => state_message(snapshot, node).map_or(Cell::Null, |text| Cell::Str(Cow::Owned(text))),
            "node_name" => text(node.node_name),
            "resources_total" => map(node.resources),
            "labels" => map(node.labels),
            "start_time_ms" => Cell::Int(millis(node.start)),
            "end_time_ms" => Cell::Int(millis(node.end)),
            _ => Cell::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_events::{DEAD_NODE, HEAD, query_from, result_of, snapshot};
    use serde_json::{Value, json};

    fn get(query: &str) -> Value {
        result_of(list, &query_from(query))
    }

    #[test]
    fn dead_node_keeps_all_fields() {
        let rows = get("detail:1")["result"].clone();
        assert_eq!(
            rows[1],
            json!({
                "node_id": DEAD_NODE, "node_ip": "127.0.0.3", "is_head_node": false, "state": "DEAD",
                "state_message":
                    "Unexpected termination: health check failed due to missing too many heartbeats",
                "node_name": "127.0.0.3",
                "resources_total": {
                    "CPU": 2.0, "memory": 24_173_268_480.0, "node:127.0.0.3": 1.0, "object_store_memory": 200_000_000.0,
                    "w2": 1.0,
                },
                "labels": {"ray.io/node-id": DEAD_NODE},
                "start_time_ms": 1_795_389_106_229_i64,
                // The event is created some milliseconds after Ray records the end.
                "end_time_ms": 1_795_389_431_476_i64,
            })
        );
        assert_eq!((&rows[0]["node_id"], &rows[0]["end_time_ms"]), (&json!(HEAD), &json!(0)));
        assert_eq!(get("")["result"][0].get("start_time_ms"), None);
    }

    #[test]
    fn source_filters_do_not_reduce_the_total() {
        for (query, fetched, rows) in [
            ("", 3, 3),
            (&*format!("filter_keys:node_id&filter_predicates:=&filter_values:{HEAD}"), 1, 1),
            ("filter_keys:state&filter_predicates:=&filter_values:alive", 2, 2),
            ("filter_keys:state&filter_predicates:!=&filter_values:alive", 3, 1),
            ("filter_keys:is_head_node&filter_predicates:=&filter_values:True", 3, 1),
            ("filter_keys:node_ip&filter_predicates:=&filter_values:127.0.0.2", 3, 1),
        ] {
            let answer = get(query);
            let counts = [&answer["total"], &answer["num_after_truncation"], &answer["num_filtered"]];
            assert_eq!(counts, [&json!(3), &json!(fetched), &json!(rows)], "{query}");
        }
    }

    #[test]
    fn nodes_filtered_at_the_source_count_before_ray_2_55() {
        let query = query_from(&format!("filter_keys:node_id&filter_predicates:=&filter_values:{HEAD}"));
        for (version, fetched) in [("2.54.1", 3), ("2.55.0", 1)] {
            let mut snapshot = Snapshot::clone(&snapshot());
            let metadata = json!({"data": {"rayVersion": version}});
            snapshot.endpoints.insert("api/v0/cluster_metadata".into(), metadata.to_string().into());
            let answer = list(&Arc::new(snapshot), &query).unwrap().into_bytes();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer["data"]["result"]["num_after_truncation"], json!(fetched), "{version}");
        }
    }

    #[test]
    fn refuses_invalid_filters_with_rays_text() {
        for (query, words) in [
            ("filter_keys:state&filter_predicates:=&filter_values:gone", "Invalid node state for filtering: GONE"),
            ("filter_keys:node_id&filter_predicates:=&filter_values:ff", "ID string needs to have length 28, got 1"),
        ] {
            assert_eq!(list(&snapshot(), &query_from(query)).unwrap_err().to_string(), words);
        }
    }
}
