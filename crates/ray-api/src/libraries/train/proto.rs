//! Converts values of proto messages, written as JSON, to those of Ray's schema.

use ray_history_core::event::value::parse_id;
use serde_json::{Value, json};

/// Returns a text, empty for any other type.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Returns an id in lower-case hex, empty if the value is not an id.
pub(super) fn hex<const N: usize>(value: &Value) -> String {
    value.as_str().and_then(parse_id::<N>).map_or_else(String::new, |id| id.hex())
}

/// Returns the integer of a number or of a string, null for any other value.
pub(super) fn int(value: &Value) -> Value {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.map_or(Value::Null, Value::from)
}

/// Returns a list, empty for any other type.
pub(super) fn list(value: &Value) -> Value {
    if value.is_array() { value.clone() } else { json!([]) }
}

/// Returns an object, empty for any other type.
pub(super) fn object(value: &Value) -> Value {
    if value.is_object() { value.clone() } else { json!({}) }
}
