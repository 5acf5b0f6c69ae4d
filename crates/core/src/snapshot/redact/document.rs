//! Hides values of environment variables anywhere in a document while it is copied in pieces.
//!
//! The copy reads tokens and keeps one byte for each open bracket, so that memory does not depend on the document.

use super::{REDACTED, serialized};
use crate::base::stored_json::escape_into;
use crate::event::reader::Reader;

/// The member of a runtime environment that holds environment variables.
pub(super) const VARIABLES: &str = "env_vars";

/// The meaning of a value, derived from the keys on its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    /// Any part of a document that may contain runtime environments.
    Document,
    /// A runtime environment.
    RuntimeEnv,
    /// A runtime environment serialized as text.
    Serialized,
    /// The variables of a runtime environment.
    Variables,
    /// The value of a variable.
    Hidden,
    /// Any other part of a runtime environment, which is copied.
    Copied,
}

impl Context {
    /// Returns the context of an object's member.
    fn member(self, key: &str) -> Self {
        match self {
            Self::Document => match key {
                // The second key is that of Ray Train's workers.
                "runtime_env" | "worker_runtime_env" => Self::RuntimeEnv,
                "serialized_runtime_env" => Self::Serialized,
                _ => Self::Document,
            },
            Self::RuntimeEnv if key == VARIABLES => Self::Variables,
            Self::Variables => Self::Hidden,
            _ => Self::Copied,
        }
    }

    /// Returns the context of a list's items.
    fn item(self) -> Self {
        if matches!(self, Self::Document | Self::Serialized) { Self::Document } else { Self::Copied }
    }
}

/// The state of a copy. Every call must pass the same document, which must be strict JSON.
#[derive(Debug)]
pub struct Redactor {
    at: usize,
    /// Open brackets: `true` for an object, and the context of the object or of the list's items.
    open: Vec<(bool, Context)>,
    next: Context,
    is_key: bool,
    /// End of the token that is being copied, which may be longer than a piece.
    copied_to: usize,
}

impl Redactor {
    /// Creates a copy of a document.
    pub fn of_document() -> Self {
        Self { at: 0, open: Vec::new(), next: Context::Document, is_key: false, copied_to: 0 }
    }

    /// Creates a copy of a runtime environment.
    pub fn of_runtime_env() -> Self {
        Self { next: Context::RuntimeEnv, ..Self::of_document() }
    }

    /// Returns the complete copy.
    pub fn all(mut self, document: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(document.len());
        while !self.piece(document, &mut out, usize::MAX) {}
        out
    }

    /// Continues the copy until `out` has `limit` bytes; returns `true` at the end of the document.
    pub fn piece(&mut self, document: &str, out: &mut Vec<u8>, limit: usize) -> bool {
        while out.len() < limit {
            let end = self.copied_to.min(self.at.saturating_add(limit - out.len()));
            if let Some(copied) = document.as_bytes().get(self.at..end).filter(|copied| !copied.is_empty()) {
                out.extend_from_slice(copied);
                self.at = end;
            } else if self.token(document, out).is_none() {
                return true;
            }
        }
        false
    }

    /// Copies a token; returns `None` at the end.
    fn token(&mut self, document: &str, out: &mut Vec<u8>) -> Option<()> {
        let byte = *document.as_bytes().get(self.at)?;
        let is_value = !matches!(byte, b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n');
        if is_value && self.next == Context::Hidden && !self.is_key {
            self.skip(document)?;
            out.push(b'"');
            out.extend_from_slice(REDACTED.as_bytes());
            out.push(b'"');
            self.next = Context::Copied;
            return Some(());
        }
        match byte {
            b'{' => {
                let context = if self.next == Context::Serialized { Context::Document } else { self.next };
                self.open.push((true, context));
                self.is_key = true;
            }
            b'[' => {
                let context = self.next.item();
                self.open.push((false, context));
                self.next = context;
            }
            b'}' | b']' => {
                self.open.pop();
                self.is_key = false;
            }
            b',' => {
                let (is_object, context) = *self.open.last()?;
                self.is_key = is_object;
                self.next = context;
            }
            b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => return self.scalar(document, out),
        }
        out.push(byte);
        self.at += 1;
        Some(())
    }

    /// Copies a key, a string, a number or a literal, or records where it ends for `piece` to copy.
    fn scalar(&mut self, document: &str, out: &mut Vec<u8>) -> Option<()> {
        let start = self.at;
        let raw = self.skip(document)?;
        if self.is_key {
            let (_, context) = *self.open.last()?;
            self.next = context.member(&Reader::new(raw).string().ok()?);
            self.is_key = false;
        } else if self.next == Context::Serialized && raw.starts_with('"') {
            out.push(b'"');
            escape_into(out, &serialized(&Reader::new(raw).string().ok()?));
            out.push(b'"');
            return Some(());
        }
        (self.at, self.copied_to) = (start, self.at);
        Some(())
    }

    /// Skips the value at the current position and returns its text.
    fn skip<'d>(&mut self, document: &'d str) -> Option<&'d str> {
        let raw = Reader::new(document.get(self.at..)?).skip().ok()?;
        self.at += raw.len();
        Some(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn hidden(document: &Value, limit: usize) -> Value {
        let text = serde_json::to_string_pretty(document).unwrap();
        let (mut redactor, mut all) = (Redactor::of_document(), Vec::new());
        loop {
            let mut piece = Vec::new();
            let ended = redactor.piece(&text, &mut piece, limit);
            all.extend(piece);
            if ended {
                return serde_json::from_slice(&all).unwrap();
            }
        }
    }

    #[test]
    fn finds_environments_at_any_depth() {
        let env = json!({"pip": ["x"], "env_vars": {"K": "secret", "L": {"deep": ["secret"]}}});
        let shown = json!({"pip": ["x"], "env_vars": {"K": REDACTED, "L": REDACTED}});
        let text = |env: &Value| Value::from(env.to_string());
        let shown_text = Value::from(r#"{"env_vars": {"K": "<redacted>", "L": "<redacted>"}, "pip": ["x"]}"#);
        for (document, expected) in [
            (json!({"apps": [{"runtime_env": env, "a": 1}]}), json!({"apps": [{"runtime_env": shown, "a": 1}]})),
            (json!([{"serialized_runtime_env": text(&env)}]), json!([{"serialized_runtime_env": shown_text}])),
            (json!({"serialized_runtime_env": "no json"}), json!({"serialized_runtime_env": REDACTED})),
            (
                json!({"serialized_runtime_env": {"runtime_env": env}}),
                json!({"serialized_runtime_env": {"runtime_env": shown}}),
            ),
            (json!({"run": {"worker_runtime_env": env}}), json!({"run": {"worker_runtime_env": shown}})),
            (json!({"env_vars": {"not": "one"}}), json!({"env_vars": {"not": "one"}})),
            (json!({"runtime_env": [env]}), json!({"runtime_env": [env]})),
            (json!({"runtime_env": null, "b": [[], {}, "x"]}), json!({"runtime_env": null, "b": [[], {}, "x"]})),
        ] {
            assert_eq!(hidden(&document, usize::MAX), expected);
            assert_eq!(hidden(&document, 1), expected, "piece by piece");
        }
        let escaped = r#"{"runtime\u005fenv": {"env\u005fvars": {"K": "secret"}}}"#;
        assert!(!String::from_utf8(Redactor::of_document().all(escaped)).unwrap().contains("secret"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let key = prop::sample::select(vec!["runtime_env", "env_vars", "serialized_runtime_env", "a\"b", "x"]);
        let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), ".{0,8}".prop_map(Value::from)];
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Applies Ray's rule to a tree.
    fn by_tree(document: Value) -> Value {
        match document {
            Value::Object(members) => members
                .into_iter()
                .map(|(key, value)| {
                    let value = match (key.as_str(), value) {
                        ("runtime_env", Value::Object(mut env)) => {
                            if let Some(Value::Object(variables)) = env.get_mut(VARIABLES) {
                                variables.values_mut().for_each(|value| *value = REDACTED.into());
                            }
                            Value::Object(env)
                        }
                        ("runtime_env", other) => other,
                        ("serialized_runtime_env", Value::String(text)) => serialized(&text).into(),
                        (_, other) => by_tree(other),
                    };
                    (key, value)
                })
                .collect(),
            Value::Array(items) => items.into_iter().map(by_tree).collect(),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_ray_on_any_json(document in any_json(), limit in 1usize..40) {
            prop_assert_eq!(hidden(&document, limit), by_tree(document));
        }
    }
}
