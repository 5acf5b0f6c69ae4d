//! Hides values of environment variables in runtime environments, as Ray 2.60 does for browsers.
//!
//! Keys stay, so that one sees which variables are set. Fails closed: what cannot be parsed is hidden whole.
//! Source: `ray/dashboard/runtime_env_redaction.py`.

mod document;

use super::json::JsonWriter;
use crate::base::stored_json::parts::{Members, members};
use crate::base::stored_json::strict;
use crate::snapshot::Snapshot;
use crate::snapshot::intern::Str;
pub(super) use document::Redactor;
use std::collections::HashMap;

/// What stands for a hidden value.
pub const REDACTED: &str = "<redacted>";

/// Serialized environments up to this many bytes have their keys sorted, as Ray sorts them; longer ones stay in their
/// order, because sorting needs many times their memory.
const SORTED: usize = 64 * 1024;

/// Bytes of hidden environments that an answer keeps.
const MAX_KNOWN: usize = 1 << 20;

/// A serialized runtime environment with its values hidden; empty stays empty.
pub fn serialized(runtime_env: &str) -> String {
    if runtime_env.is_empty() {
        return String::new();
    }
    let strict = strict(runtime_env.as_bytes()).filter(|strict| strict.trim_start().starts_with('{'));
    let Some(strict) = strict else { return REDACTED.to_owned() };
    let hidden = match members(&strict) {
        Some(members) if strict.len() <= SORTED => sorted(&members),
        _ => Redactor::of_runtime_env().all(&strict),
    };
    String::from_utf8(hidden).unwrap_or_else(|_| REDACTED.to_owned())
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

fn sorted(runtime_env: &Members) -> Vec<u8> {
    let mut w = JsonWriter::with_capacity(256);
    w.begin_object();
    for (key, value) in runtime_env {
        w.key_escaped(key);
        match members(value.get()).filter(|_| key == document::VARIABLES) {
            Some(variables) => {
                w.begin_object();
                for name in variables.keys() {
                    w.key_escaped(name);
                    w.string(REDACTED);
                }
                w.end_object();
            }
            None => w.raw(value.get().as_bytes()),
        }
    }
    w.end_object();
    w.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_and_keys_stay() {
        let hidden = r#"{"env_vars":{"A":"<redacted>","TOKEN":"<redacted>"},"pip":["x"]}"#;
        assert_eq!(serialized(r#"{"pip":["x"],"env_vars":{"TOKEN":"secret","A":"1"}}"#), hidden);
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
