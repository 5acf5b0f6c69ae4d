//! `/nodes/{id}`: one node, with the actors that were on it and the workers it had at the end.
//!
//! An id that is not known is not an error for Ray: 200 with next to nothing in it. The page would break on that, so
//! what it reads is there, empty.

mod workers;

use super::actors::row::Rows;
use super::json::JsonWriter;
use super::nodes::{self, KEYS};
use super::{Answer, Question, Refusal};
use crate::snapshot::Snapshot;
use std::sync::Arc;

/// The node of an id in hex.
pub fn detail(snapshot: &Arc<Snapshot>, _: &Question, id: &str) -> Result<Answer, Refusal> {
    let node = nodes::find(snapshot, id);
    let mut w = JsonWriter::with_capacity(8 * 1024);
    nodes::begin(&mut w, "Node details fetched.");
    w.key("detail");
    w.begin_object();
    nodes::write_physical(&mut w, snapshot, node);
    w.key("raylet");
    nodes::raylet::write(&mut w, snapshot, node, &nodes::raylet::LivingWorkers::count(snapshot));
    w.key("actors");
    w.begin_object();
    if let Some(node) = node {
        let mut rows = Rows::new(snapshot, KEYS);
        for actor in &snapshot.actors {
            if rows.was_on(actor, &node.id.0) {
                w.key(&actor.id.hex());
                rows.write(&mut w, actor);
            }
        }
    }
    w.end_object();
    w.key("workers");
    w.begin_array();
    if let Some(node) = node {
        workers::write(&mut w, snapshot, node);
    }
    w.end_array();
    w.end_object();
    nodes::end(&mut w);
    Ok(Answer::json(w.into_bytes()))
}

#[cfg(test)]
mod tests;
