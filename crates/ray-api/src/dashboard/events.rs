//! `/events`: rows of Ray's event files, grouped by job.
//!
//! Keys are rewritten in Google's style, and `\n` in messages becomes a line end again. Rows without a job are in the
//! group `global`.
//! Source: `ray/dashboard/modules/event/{event_head,event_utils}.py`.

use super::google_style::to_camel_case;
use super::nodes;
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError, pieces};
use ray_history_core::base::stored_json;
use ray_history_core::logs::event_file::{EventKey, EventRow};
use ray_history_core::snapshot::Snapshot;
use serde_json::Value;
use std::sync::Arc;

/// Answers `/events` and `/events?job_id=…`.
pub fn events(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    Ok(match query.get("job_id") {
        Some(job) => of_job(snapshot, job),
        None => all(snapshot),
    })
}

fn of_job(snapshot: &Arc<Snapshot>, job: &str) -> Answer {
    let facts = &snapshot.facts.events;
    let keys: Vec<EventKey> =
        facts.keys().filter(|key| facts.row(key).is_some_and(|row| group(row) == job)).cloned().collect();
    let mut head = pieces::writer(keys.len());
    nodes::begin(&mut head, "Job events fetched.");
    head.key("jobId");
    head.string(job);
    head.key("events");
    head.begin_array();
    let snapshot = Arc::clone(snapshot);
    let row = move |key: EventKey, w: &mut JsonWriter| write(&snapshot, &key, w);
    pieces::answer(head, keys, row, |w| {
        w.end_array();
        nodes::end(w);
    })
}

fn all(snapshot: &Arc<Snapshot>) -> Answer {
    let facts = &snapshot.facts.events;
    let mut keys: Vec<(Box<str>, EventKey)> =
        facts.keys().filter_map(|key| Some((group(facts.row(key)?).into(), key.clone()))).collect();
    // The sort is stable: events of a job keep their order.
    keys.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut head = pieces::writer(keys.len());
    nodes::begin(&mut head, "All events fetched.");
    head.key("events");
    head.begin_object();
    let snapshot = Arc::clone(snapshot);
    let none = keys.is_empty();
    let mut open: Option<Box<str>> = None;
    let row = move |(job, key): (Box<str>, EventKey), w: &mut JsonWriter| {
        if open.as_ref() != Some(&job) {
            if open.is_some() {
                w.end_array();
            }
            w.key_escaped(&job);
            w.begin_array();
            open = Some(job);
        }
        write(&snapshot, &key, w);
    };
    pieces::answer(head, keys, row, move |w| {
        if !none {
            w.end_array();
        }
        w.end_object();
        nodes::end(w);
    })
}

fn group(row: &EventRow) -> &str {
    if row.job.is_empty() { "global" } else { &row.job }
}

fn write(snapshot: &Snapshot, key: &EventKey, w: &mut JsonWriter) {
    if let Some(row) = snapshot.facts.events.row(key) {
        w.raw(camel_case(parsed(row)).to_string().as_bytes());
    }
}

/// Returns a row in the form that Ray keeps in memory.
pub(crate) fn parsed(row: &EventRow) -> Value {
    let mut event: Value = stored_json::value(&*row.json).unwrap_or_default();
    if let Some(Value::String(message)) = event.get_mut("message") {
        *message = message.replace("\\n", "\n").replace("\\r", "\n");
    }
    event
}

/// Returns a document with every key in Google's style.
fn camel_case(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let renamed = members.into_iter().map(|(key, value)| (to_camel_case(&key).into_owned(), camel_case(value)));
            Value::Object(renamed.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(camel_case).collect()),
        other => other,
    }
}
