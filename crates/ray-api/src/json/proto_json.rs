//! Converts the proto-JSON of events (camelCase) to that of Ray's state API (`snake_case`).

use ray_history_core::base::stored_json;
use serde_json::{Map, Value};

/// Returns a document with every key in `snake_case`, or `{}` if it is not JSON.
pub fn snake_case_keys(json: &str) -> String {
    stored_json::value(json).map_or_else(|| "{}".to_owned(), |value| rename_keys(value).to_string())
}

fn rename_keys(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.into_iter().map(|(key, value)| (snake_case(&key), rename_keys(value))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(rename_keys).collect()),
        other => other,
    }
}

/// Converts a camelCase key: `nodeDeathInfo` becomes `node_death_info`.
pub fn snake_case(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renames_keys_at_every_depth() {
        assert_eq!(
            snake_case_keys(r#"{"options":[{"labelSelector":{"labelConstraints":[]}}]}"#),
            r#"{"options":[{"label_selector":{"label_constraints":[]}}]}"#
        );
        assert_eq!(snake_case_keys("{oops"), "{}");
    }
}
