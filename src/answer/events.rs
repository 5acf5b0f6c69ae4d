//! `/events`: rows of Ray's event files, grouped by job.
//!
//! Keys are rewritten in Google's style, `\n` in messages becomes a line end again. Rows without a job are `global`.
//! Source: `ray/dashboard/modules/event/{event_head,event_utils}.py`.

use super::google_style::to_camel_case;
use super::{Answer, Question, Refusal};
use crate::base::stored_json;
use crate::logs::event_file::EventRow;
use crate::snapshot::Snapshot;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Answers `/events` and `/events?job_id=…`.
pub fn events(snapshot: &Arc<Snapshot>, question: &Question) -> Result<Answer, Refusal> {
    let rows = snapshot.facts.events.rows();
    let answer = if let Some(job) = question.get("job_id") {
        let events: Vec<Value> = rows.filter(|row| group(row) == job).map(shown).collect();
        json!({"result": true, "msg": "Job events fetched.", "data": {"jobId": job, "events": events}})
    } else {
        let mut by_job: Map<String, Value> = Map::new();
        for row in rows {
            let events = by_job.entry(group(row).to_owned()).or_insert_with(|| json!([]));
            if let Value::Array(events) = events {
                events.push(shown(row));
            }
        }
        json!({"result": true, "msg": "All events fetched.", "data": {"events": by_job}})
    };
    Ok(Answer::json(answer.to_string().into_bytes()))
}

fn group(row: &EventRow) -> &str {
    if row.job.is_empty() { "global" } else { &row.job }
}

fn shown(row: &EventRow) -> Value {
    camel_case(parsed(row))
}

/// A row as Ray keeps it in memory.
pub(super) fn parsed(row: &EventRow) -> Value {
    let mut event: Value = stored_json::value(&*row.json).unwrap_or_default();
    if let Some(Value::String(message)) = event.get_mut("message") {
        *message = message.replace("\\n", "\n").replace("\\r", "\n");
    }
    event
}

/// The same document with every key in Google's style.
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
