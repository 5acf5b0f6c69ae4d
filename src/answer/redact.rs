//! Hides values of environment variables in runtime environments, as Ray 2.60 does for browsers.
//!
//! Keys stay, so that one sees which variables are set. Fails closed: what cannot be parsed is hidden whole.
//! Source: `ray/dashboard/runtime_env_redaction.py`.

mod document;

use super::python_json;
use crate::base::stored_json::{self, read_borrowed};
use crate::snapshot::Snapshot;
use crate::snapshot::intern::Str;
pub(super) use document::Redactor;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What stands for a hidden value.
pub const REDACTED: &str = "<redacted>";

/// Serialized environments up to this many bytes are spelled as Ray spells them, keys sorted; longer ones stay as they
/// are written, because sorting needs many times their memory.
const SORTED: usize = 64 * 1024;

/// Bytes of hidden environments that an answer keeps.
const MAX_KNOWN: usize = 1 << 20;

/// A serialized runtime environment with its values hidden; empty stays empty.
pub fn serialized(runtime_env: &str) -> String {
    if runtime_env.is_empty() {
        return String::new();
    }
    let Some(strict) = stored_json::object(runtime_env) else { return REDACTED.to_owned() };
    if strict.len() <= SORTED
        && let Some(Value::Object(mut env)) = read_borrowed(&strict)
    {
        hide(&mut env);
        return python_json::dumps(&Value::Object(env));
    }
    String::from_utf8(Redactor::of_runtime_env().all(&strict)).unwrap_or_else(|_| REDACTED.to_owned())
}

/// A runtime environment, given as strict JSON, with its values hidden; anything but an object stays as it is.
pub fn runtime_env(strict: &str) -> Vec<u8> {
    Redactor::of_runtime_env().all(strict)
}

/// Hides the values of a snapshot's environments: few are distinct, and each is read once.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    known: HashMap<Str, String>,
    bytes: usize,
}

impl Hidden {
    /// Returns a serialized environment with its values hidden.
    pub(super) fn get(&mut self, snapshot: &Snapshot, runtime_env: Str) -> &str {
        if self.bytes > MAX_KNOWN {
            *self = Self::default();
        }
        self.known.entry(runtime_env).or_insert_with(|| {
            let hidden = serialized(snapshot.str(runtime_env));
            self.bytes += hidden.len();
            hidden
        })
    }
}

fn hide(runtime_env: &mut Map<String, Value>) {
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
    fn values_are_hidden_and_keys_stay() {
        assert_eq!(
            serialized(r#"{"pip":["x"],"env_vars":{"TOKEN":"secret","A":"1"}}"#),
            r#"{"env_vars": {"A": "<redacted>", "TOKEN": "<redacted>"}, "pip": ["x"]}"#
        );
        for (env, hidden) in [("", ""), ("{}", "{}"), ("no json: secret", REDACTED), ("[\"secret\"]", REDACTED)] {
            assert_eq!(serialized(env), hidden, "{env}");
        }
        let long = format!(r#"{{"pip":["{}"],"env_vars":{{"K":"secret"}}}}"#, "x".repeat(SORTED));
        let hidden = serialized(&long);
        assert!(hidden.contains(r#""K":"<redacted>""#) && !hidden.contains("secret"));
        assert_eq!(runtime_env(r#"{"env_vars":{"K":[1]}}"#), br#"{"env_vars":{"K":"<redacted>"}}"#);
        assert_eq!(runtime_env(r#"{"env_vars":7}"#), br#"{"env_vars":7}"#);
        assert_eq!(runtime_env("null"), b"null");
    }
}
