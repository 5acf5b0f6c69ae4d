//! `/logical/actors` and `/logical/actors/{id}`: the dashboard's own view of actors.
//!
//! Field rules are in `row`, verified on all 45 actors of the two recorded sessions. An unknown id is not an error:
//! its actor is null. `ids` selects some actors, in that order; `nocache` has no effect. Ray lists actors in order of
//! creation, which no page shows; here they are sorted by id, as they are stored.

mod address;
pub mod death;
mod resources;
pub mod row;

use super::google_style::Keys;
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError, pieces};
use ray_history_core::base::id::ActorId;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::Actor;
use row::Rows;
use std::collections::HashSet;
use std::sync::Arc;

/// Answers `/logical/actors`: all actors, or those in `ids`, as a map by id.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let mut head = pieces::writer(snapshot.actors.len());
    head.begin_object();
    head.key("result");
    head.bool(true);
    head.key("msg");
    head.string("All actors fetched.");
    head.key("data");
    head.begin_object();
    head.key("actors");
    head.begin_object();
    let snapshot = Arc::clone(snapshot);
    let mut rows = Rows::new(&snapshot, Keys::Original);
    let Some(ids) = query.get("ids") else {
        let count = snapshot.actors.len();
        let row = move |row: usize, w: &mut JsonWriter| {
            if let Some(actor) = snapshot.actors.get(row) {
                w.key(&actor.id.hex());
                rows.write(w, actor);
            }
        };
        return Ok(pieces::answer(head, 0..count, row, close));
    };
    let mut seen = HashSet::new();
    let ids: Vec<String> = ids.split(',').filter(|id| seen.insert(*id)).map(str::to_owned).collect();
    let row = move |id: String, w: &mut JsonWriter| {
        w.key_escaped(&id);
        rows.write_or_null(w, find(&snapshot, &id));
    };
    Ok(pieces::answer(head, ids, row, close))
}

/// Answers `/logical/actors/{id}`: one actor, or null.
pub fn detail(snapshot: &Arc<Snapshot>, _: &Query, id: &str) -> Result<Answer, RayError> {
    let mut w = JsonWriter::with_capacity(2048);
    w.begin_object();
    w.key("result");
    w.bool(true);
    w.key("msg");
    w.string("Actor details fetched.");
    w.key("data");
    w.begin_object();
    w.key("detail");
    Rows::new(snapshot, Keys::Google).write_or_null(&mut w, find(snapshot, id));
    w.end_object();
    w.end_object();
    Ok(Answer::json(w.into_bytes()))
}

/// Returns the actor with an id in hex.
pub fn find<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a Actor> {
    let id = ActorId::from_hex(id)?;
    let row = snapshot.actors.binary_search_by_key(&id, |actor| actor.id).ok()?;
    snapshot.actors.get(row)
}

fn close(w: &mut JsonWriter) {
    w.end_object();
    w.end_object();
    w.end_object();
}

#[cfg(test)]
mod tests;
