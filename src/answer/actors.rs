//! `/logical/actors` and `/logical/actors/{id}`: the dashboard's own view of actors.
//!
//! Field rules are in `row`, checked on all 45 actors of the two recorded sessions. An id that is not known is not an
//! error: its actor is null. `ids` asks for some, in that order; `nocache` has no meaning here. Ray lists actors in
//! order of creation, which no page shows; ours come by id, because that is how they are stored.

mod address;
pub mod death;
mod resources;
pub mod row;

use super::google_style::Keys;
use super::json::JsonWriter;
use super::{Answer, Question, Refusal};
use crate::base::id::ActorId;
use crate::snapshot::Snapshot;
use crate::snapshot::actor::Actor;
use row::Rows;
use std::sync::Arc;

/// Bytes per piece of a streamed answer.
const PIECE: usize = 64 * 1024;

/// `/logical/actors`: all actors, or those of `ids`, as a map by id.
pub fn list(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let mut w = JsonWriter::with_capacity(PIECE + 8 * 1024);
    w.begin_object();
    w.key("result");
    w.bool(true);
    w.key("msg");
    w.string("All actors fetched.");
    w.key("data");
    w.begin_object();
    w.key("actors");
    w.begin_object();
    if let Some(ids) = question.get("ids") {
        let mut rows = Rows::new(snapshot, Keys::Kept);
        let mut seen = Vec::new();
        for id in ids.split(',') {
            if !seen.contains(&id) {
                seen.push(id);
                w.key_escaped(id);
                rows.write_or_null(&mut w, find(snapshot, id));
            }
        }
        close(&mut w);
        return Ok(Answer::json(w.into_bytes()));
    }
    Ok(Answer::json_chunks(Stream { snapshot: Arc::clone(snapshot), next: 0, w: Some(w) }))
}

/// `/logical/actors/{id}`: one actor, or null.
pub fn detail(snapshot: &Arc<Snapshot>, _: &Question, id: &str) -> Result<Answer, Refusal> {
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

/// The actor of an id in hex.
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

/// All actors, piece by piece.
struct Stream {
    snapshot: Arc<Snapshot>,
    next: usize,
    /// None once the document is closed.
    w: Option<JsonWriter>,
}

impl Iterator for Stream {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let w = self.w.as_mut()?;
        let mut rows = Rows::new(&self.snapshot, Keys::Kept);
        while let Some(actor) = self.snapshot.actors.get(self.next) {
            if w.len() >= PIECE {
                return Some(w.take());
            }
            w.key(&actor.id.hex());
            rows.write(w, actor);
            self.next += 1;
        }
        let mut w = self.w.take()?;
        close(&mut w);
        Some(w.into_bytes())
    }
}

#[cfg(test)]
mod tests;
