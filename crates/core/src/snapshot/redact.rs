//! Hides values of environment variables in runtime environments, as Ray 2.60 does for browsers.
//!
//! Keys stay visible. It fails closed: text that cannot be parsed is hidden entirely.
//! Source: `ray/dashboard/runtime_env_redaction.py`.

mod document;
mod python_json;

use crate::base::stored_json::{self, read_borrowed};
pub use document::Redactor;
use serde_json::{Map, Value};

/// Replacement for a hidden value.
pub const REDACTED: &str = "<redacted>";

/// Longest serialized environment, in bytes, that is formatted as in Ray, with sorted keys; longer ones keep their
/// format, because sorting takes many times their memory.
const MAX_SORTED: usize = 64 * 1024;

/// Returns a serialized runtime environment with its values hidden; an empty text stays empty.
pub fn serialized(runtime_env: &str) -> String {
    if runtime_env.is_empty() {
        return String::new();
    }
    let Some(strict) = stored_json::object(runtime_env) else { return REDACTED.to_owned() };
    if strict.len() <= MAX_SORTED
        && let Some(Value::Object(mut env)) = read_borrowed(&strict)
    {
        hide_variables(&mut env);
        return python_json::dumps(&Value::Object(env));
    }
    String::from_utf8(Redactor::of_runtime_env().all(&strict)).unwrap_or_else(|_| REDACTED.to_owned())
}

/// Returns a runtime environment, given as strict JSON, with its values hidden; a non-object is unchanged.
pub fn runtime_env(strict: &str) -> Vec<u8> {
    Redactor::of_runtime_env().all(strict)
}

fn hide_variables(runtime_env: &mut Map<String, Value>) {
    if let Some(Value::Object(variables)) = runtime_env.get_mut(document::VARIABLES) {
        for (_, value) in variables {
            *value = REDACTED.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_values_and_keeps_keys() {
        assert_eq!(
            serialized(r#"{"pip":["x"],"env_vars":{"TOKEN":"secret","A":"1"}}"#),
            r#"{"env_vars": {"A": "<redacted>", "TOKEN": "<redacted>"}, "pip": ["x"]}"#
        );
        for (env, hidden) in [("", ""), ("{}", "{}"), ("no json: secret", REDACTED), ("[\"secret\"]", REDACTED)] {
            assert_eq!(serialized(env), hidden, "{env}");
        }
        let long = format!(r#"{{"pip":["{}"],"env_vars":{{"K":"secret"}}}}"#, "x".repeat(MAX_SORTED));
        let hidden = serialized(&long);
        assert!(hidden.contains(r#""K":"<redacted>""#) && !hidden.contains("secret"));
        assert_eq!(runtime_env(r#"{"env_vars":{"K":[1]}}"#), br#"{"env_vars":{"K":"<redacted>"}}"#);
        assert_eq!(runtime_env(r#"{"env_vars":7}"#), br#"{"env_vars":7}"#);
        assert_eq!(runtime_env("null"), b"null");
    }
}
