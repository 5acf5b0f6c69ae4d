//! Death causes of actors: the `ActorDeathCause` message, stored as the event's own JSON text.
//!
//! The dashboard shows one text of it (`exitDetail`); the state API shows all of it with snake-case names and ids in
//! hex, which events contain in base64.

use crate::json::JsonWriter;
use crate::json::proto_json::snake_case;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ray_history_core::base::stored_json;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The fields read from a death cause, in either spelling of their names.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct DeathCause<'a> {
    #[serde(borrow, rename = "actorDiedErrorContext", alias = "actor_died_error_context")]
    died: Option<Context<'a>>,
    #[serde(borrow, rename = "runtimeEnvFailedContext", alias = "runtime_env_failed_context")]
    no_runtime_env: Option<Context<'a>>,
    #[serde(borrow, rename = "actorUnschedulableContext", alias = "actor_unschedulable_context")]
    unschedulable: Option<Context<'a>>,
    #[serde(borrow, rename = "creationTaskFailureContext", alias = "creation_task_failure_context")]
    creation_failed: Option<Context<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    #[serde(borrow, alias = "error_message")]
    error_message: Option<&'a RawValue>,
    #[serde(borrow, alias = "formatted_exception_string")]
    formatted_exception_string: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "node_ip_address")]
    node_ip_address: Cow<'a, str>,
}

impl<'a> DeathCause<'a> {
    /// Parses the event's JSON; an empty or unreadable text gives an empty cause.
    pub(crate) fn parse(json: &'a str) -> Self {
        if json.is_empty() { Self::default() } else { stored_json::read_borrowed(json).unwrap_or_default() }
    }

    /// Returns the dashboard's `exitDetail` as a JSON string.
    ///
    /// It is `-` where Ray finds no text, as for a live actor and for one that was killed for lack of memory.
    pub(crate) fn exit_detail(&self) -> &'a str {
        let message = |context: &Context<'a>| context.error_message;
        let text = if let Some(context) = &self.died {
            message(context)
        } else if let Some(context) = &self.no_runtime_env {
            message(context)
        } else if let Some(context) = &self.unschedulable {
            message(context)
        } else {
            self.creation_failed.as_ref().and_then(|context| context.formatted_exception_string)
        };
        text.map(RawValue::get).filter(|text| text.starts_with('"')).unwrap_or("\"-\"")
    }

    /// Returns the address of the node that the actor was on or was scheduled to.
    pub(super) fn node_ip(&self) -> Option<&str> {
        self.died.as_ref().map(|context| &*context.node_ip_address).filter(|ip| !ip.is_empty())
    }
}

/// Writes a protobuf message from an event's JSON as the state API shows it: snake-case names, ids in hex.
///
/// An empty or unreadable text is null.
pub fn write_snake_case(w: &mut JsonWriter, json: &str) {
    let value = if json.is_empty() { Value::Null } else { stored_json::value(json).unwrap_or_default() };
    write_value(w, &value);
}

fn write_value(w: &mut JsonWriter, value: &Value) {
    match value {
        Value::Object(members) => {
            w.begin_object();
            for (key, value) in members {
                let key = snake_case(key);
                w.key_escaped(&key);
                match value {
                    Value::String(id) if ID_FIELDS.contains(&&*key) => w.string(&hex_of(id)),
                    value => write_value(w, value),
                }
            }
            w.end_object();
        }
        Value::Array(items) => {
            w.begin_array();
            for item in items {
                write_value(w, item);
            }
            w.end_array();
        }
        Value::String(text) => w.string(text),
        scalar => w.raw_with(|out| out.extend_from_slice(scalar.to_string().as_bytes())),
    }
}

/// Fields that hold ids (`fields_to_decode` of `list_actors` in `dashboard/state_aggregator.py`).
const ID_FIELDS: [&str; 5] = ["actor_id", "owner_id", "job_id", "node_id", "placement_group_id"];

/// Converts an id from base64 to hex; any other text, also hex, is unchanged.
fn hex_of(id: &str) -> Cow<'_, str> {
    let is_hex = matches!(id.len(), 8 | 32 | 36 | 56) && id.bytes().all(|b| b.is_ascii_hexdigit());
    match BASE64_STANDARD.decode(id) {
        Ok(bytes) if !is_hex => {
            let mut hex = Vec::with_capacity(2 * bytes.len());
            ray_history_core::base::id::push_hex(&mut hex, &bytes);
            Cow::Owned(String::from_utf8(hex).unwrap_or_default())
        }
        _ => Cow::Borrowed(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The death of an actor by `ray.kill`, as sent by Ray 2.60.
    const KILLED: &str = r#"{"actorDiedErrorContext": {"errorMessage": "The actor is dead because it was killed by `ray.kill`.", "ownerId": "AgAAAP///////////////////////////////w==", "ownerIpAddress": "127.0.0.1", "nodeIpAddress": "127.0.0.1", "pid": 10645, "rayNamespace": "capture-ns", "className": "Async", "actorId": "enE9q3B8f0AXofzdAgAAAA==", "reason": "RAY_KILL", "name": "", "neverStarted": false}}"#;

    fn snake(json: &str) -> String {
        let mut w = JsonWriter::with_capacity(256);
        write_snake_case(&mut w, json);
        String::from_utf8(w.into_bytes()).unwrap()
    }

    #[test]
    fn state_api_shows_snake_case_and_hex() {
        let expected = r#"{"actor_died_error_context": {"error_message": "The actor is dead because it was killed by `ray.kill`.", "owner_id": "02000000ffffffffffffffffffffffffffffffffffffffffffffffff", "owner_ip_address": "127.0.0.1", "node_ip_address": "127.0.0.1", "pid": 10645, "ray_namespace": "capture-ns", "class_name": "Async", "actor_id": "7a713dab707c7f4017a1fcdd02000000", "reason": "RAY_KILL", "name": "", "never_started": false}}"#;
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&snake(KILLED)).unwrap(), expected);
        assert_eq!(snake(""), "null");
        assert_eq!(snake("{broken"), "null");
        assert_eq!(snake(r#"{"jobId":"02000000"}"#), r#"{"job_id":"02000000"}"#);
    }

    #[test]
    fn dashboard_shows_text_of_first_known_context() {
        for (json, expected) in [
            (KILLED, "\"The actor is dead because it was killed by `ray.kill`.\""),
            (r#"{"actor_died_error_context":{"error_message":"a\nb"}}"#, r#""a\nb""#),
            (r#"{"runtimeEnvFailedContext":{"errorMessage":"no pip"}}"#, r#""no pip""#),
            (r#"{"actorUnschedulableContext":{"errorMessage":"no node"}}"#, r#""no node""#),
            (r#"{"creationTaskFailureContext":{"formattedExceptionString":"Traceback"}}"#, r#""Traceback""#),
            (r#"{"oomContext":{"errorMessage":"out of memory"}}"#, r#""-""#),
            (r#"{"actorDiedErrorContext":{"errorMessage":7}}"#, r#""-""#),
            ("", r#""-""#),
            ("[", r#""-""#),
        ] {
            assert_eq!(DeathCause::parse(json).exit_detail(), expected, "{json}");
        }
        assert_eq!(DeathCause::parse(KILLED).node_ip(), Some("127.0.0.1"));
    }
}
