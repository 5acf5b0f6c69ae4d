//! Hides values of environment variables in runtime environments, as Ray 2.60 does for browsers.
//!
//! Keys stay, so that one sees which variables are set. Fails closed: what cannot be parsed is hidden whole.
//! Source: `ray/dashboard/runtime_env_redaction.py`.

use super::python_json;
use crate::base::stored_json;
use serde_json::{Map, Value};

/// What stands for a hidden value.
pub const REDACTED: &str = "<redacted>";

/// A serialized runtime environment with its values hidden; empty stays empty.
pub fn serialized(runtime_env: &str) -> String {
    if runtime_env.is_empty() {
        return String::new();
    }
    match stored_json::value(runtime_env) {
        Some(Value::Object(mut env)) => {
            hide(&mut env);
            python_json::dumps(&Value::Object(env))
        }
        _ => REDACTED.to_owned(),
    }
}

/// A runtime environment with its values hidden; anything but an object is left alone.
pub fn value(runtime_env: &mut Value) {
    if let Value::Object(env) = runtime_env {
        hide(env);
    }
}

/// A document in which every nested runtime environment, plain or serialized, has its values hidden.
pub fn deep(document: &mut Value) {
    match document {
        Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), &mut *member) {
                    ("runtime_env", env) => value(env),
                    ("serialized_runtime_env", Value::String(env)) => *env = serialized(env),
                    (_, other) => deep(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(deep),
        _ => {}
    }
}

fn hide(env: &mut Map<String, Value>) {
    if let Some(Value::Object(variables)) = env.get_mut("env_vars") {
        for (_, value) in variables {
            *value = Value::String(REDACTED.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_and_keys_stay() {
        assert_eq!(
            serialized(r#"{"pip":["x"],"env_vars":{"TOKEN":"secret","A":"1"}}"#),
            r#"{"env_vars": {"A": "<redacted>", "TOKEN": "<redacted>"}, "pip": ["x"]}"#
        );
        for (env, hidden) in [("", ""), ("{}", "{}"), ("no json: secret", REDACTED), ("[\"secret\"]", REDACTED)] {
            assert_eq!(serialized(env), hidden, "{env}");
        }
        let mut nested = serde_json::json!({"apps": [{"runtime_env": {"env_vars": {"K": "secret"}}}]});
        deep(&mut nested);
        assert!(!nested.to_string().contains("secret"));
    }
}
