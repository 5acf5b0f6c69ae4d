//! `/nodes/{id}`: one node, with the actors that were on it and the workers it had at the end.
//!
//! For Ray an unknown id is not an error: it answers 200 with an almost empty body. The page would fail on that body,
//! so the members that it reads are present and empty.

mod workers;

use super::actors::row::Rows;
use super::nodes::{self, KEYS};
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError, pieces};
use ray_history_core::snapshot::Snapshot;
use std::sync::Arc;
use workers::Process;

/// Answers `/nodes/{id}` for an id in hex.
pub fn detail(snapshot: &Arc<Snapshot>, _: &Query, id: &str) -> Result<Answer, RayError> {
    let node = nodes::find(snapshot, id);
    let mut head = pieces::writer(0);
    nodes::begin(&mut head, "Node details fetched.");
    head.key("detail");
    head.begin_object();
    nodes::write_physical(&mut head, snapshot, node);
    head.key("raylet");
    nodes::raylet::write(&mut head, snapshot, node, &nodes::raylet::LivingWorkers::count(snapshot));
    head.key("actors");
    head.begin_object();
    let node_id = node.map(|node| node.id);
    let mut rows = Rows::new(snapshot, KEYS);
    let actors = if node.is_some() { 0..snapshot.actors.len() } else { 0..0 };
    let processes = node.map(|node| workers::of(snapshot, node)).unwrap_or_default();
    let steps = actors.map(Step::Actor).chain([Step::Between]).chain(processes.into_iter().map(Step::Process));
    let snapshot = Arc::clone(snapshot);
    let write = move |step: Step, w: &mut JsonWriter| match step {
        Step::Actor(row) => {
            let was_on_node = |rows: &mut Rows, actor| node_id.is_some_and(|node| rows.was_on(actor, &node.0));
            if let Some(actor) = snapshot.actors.get(row).filter(|actor| was_on_node(&mut rows, actor)) {
                w.key(&actor.id.hex());
                rows.write(w, actor);
            }
        }
        Step::Between => {
            w.end_object();
            w.key("workers");
            w.begin_array();
        }
        Step::Process(process) => process.write(&snapshot, w),
    };
    Ok(pieces::answer(head, steps, write, |w| {
        w.end_array();
        w.end_object();
        nodes::end(w);
    }))
}

/// A part of the answer to write next.
enum Step {
    Actor(usize),
    Between,
    Process(Process),
}

#[cfg(test)]
mod tests;
