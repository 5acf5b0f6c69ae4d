//! Values of proto messages written as JSON, turned into those of Ray's schema.

use crate::event::value::parse_id;
use serde_json::{Value, json};

/// A text; empty for anything else.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An id in lower-case hex; empty when it is none.
pub(super) fn hex<const N: usize>(value: &Value) -> String {
    value.as_str().and_then(parse_id::<N>).map_or_else(String::new, |id| id.hex())
}

/// A number, or a string of one; null for anything else.
pub(super) fn int(value: &Value) -> Value {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.map_or(Value::Null, Value::from)
}

/// A list; an empty one for anything else.
pub(super) fn list(value: &Value) -> Value {
    if value.is_array() { value.clone() } else { json!([]) }
}

/// An object; an empty one for anything else.
pub(super) fn object(value: &Value) -> Value {
    if value.is_object() { value.clone() } else { json!({}) }
}
