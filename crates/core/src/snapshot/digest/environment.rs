//! A runtime environment by key, so that two can be compared without a value that nobody may see.
//!
//! Values of variables are hidden, as Ray hides them, and so are names and passwords in URLs. What cannot be read is
//! hidden as a whole.

use crate::base::id::push_hex;
use crate::base::stored_json;
use crate::snapshot::run_facts::bounded;
use regex_lite::Regex;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Stands for a value that is hidden.
const HIDDEN: &str = "<redacted>";
/// The member with variables.
const VARIABLES: &str = "env_vars";
/// Keys that are kept.
const MAX_KEYS: usize = 500;
/// Longest key and value that are kept, in characters.
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 200;
/// Levels of objects that become keys.
const LEVELS: usize = 4;
/// Lists of packages, which are compared one by one.
const PACKAGES: [&str; 4] = ["pip", "pip.packages", "uv", "uv.packages"];

type Keys = BTreeMap<Box<str>, Box<str>>;

/// Returns a serialized environment by key, such as `env_vars.TOKEN`, `pip.torch`, `working_dir`.
pub(super) fn by_key(runtime_env: &str) -> Keys {
    let mut keys = Keys::new();
    match stored_json::value(runtime_env) {
        Some(env @ Value::Object(_)) => add(&mut keys, "", &env, LEVELS),
        _ if runtime_env.trim().is_empty() => {}
        _ => insert(&mut keys, "(not understood)", HIDDEN),
    }
    keys
}

fn add(keys: &mut Keys, path: &str, value: &Value, levels: usize) {
    // A value of a variable, or something else than variables in their place.
    let is_hidden = path.split('.').any(|part| part == VARIABLES);
    let is_value = path.rsplit_once('.').is_some_and(|(above, _)| above.split('.').any(|part| part == VARIABLES));
    match value {
        Value::Object(members) if levels > 0 && !is_value => {
            for (key, value) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                add(keys, &path, value, levels - 1);
            }
        }
        _ if is_hidden => insert(keys, path, HIDDEN),
        Value::Array(packages) if PACKAGES.contains(&path) => {
            for package in packages {
                let text = package.as_str().map_or_else(|| package.to_string(), ToOwned::to_owned);
                let name = text.split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).next();
                let name = name.filter(|name| !name.is_empty()).unwrap_or("…");
                insert(keys, &format!("{path}.{name}"), &text);
            }
        }
        Value::String(text) => insert(keys, path, text),
        value => insert(keys, path, &value.to_string()),
    }
}

fn insert(keys: &mut Keys, path: &str, value: &str) {
    if keys.len() < MAX_KEYS {
        keys.insert(bounded(path, MAX_KEY), shown(value));
    }
}

/// Returns a value as it is shown: of a long one the begin, and a hash by which it differs from others.
fn shown(value: &str) -> Box<str> {
    static USER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"://[^/@\s"]*@"#).ok());
    let Some(user) = &*USER else { return HIDDEN.into() };
    let clean = user.replace_all(value, format!("://{HIDDEN}@"));
    if clean.chars().count() <= MAX_VALUE {
        return bounded(&clean, MAX_VALUE);
    }
    let mut hash = Vec::new();
    push_hex(&mut hash, &Sha256::digest(clean.as_bytes())[..4]);
    format!("{} ({})", bounded(&clean, MAX_VALUE), String::from_utf8_lossy(&hash)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(runtime_env: &str) -> Vec<(String, String)> {
        by_key(runtime_env).into_iter().map(|(key, value)| (key.into(), value.into())).collect()
    }

    #[test]
    fn environments_are_flat_and_hide_values() {
        let found = rows(
            r#"{"env_vars": {"TOKEN": "secret", "A": {"b": "secret"}}, "working_dir": "gcs://x.zip",
                "pip": {"packages": ["torch==2.1", "git+https://me:secret@host/x"], "pip_check": false},
                "py_modules": ["https://secret@host/a.zip"], "uv": ["numpy>=2", 7], "config": {}}"#,
        );
        let expected = [
            ("env_vars.A", "<redacted>"),
            ("env_vars.TOKEN", "<redacted>"),
            ("pip.packages.git", "git+https://<redacted>@host/x"),
            ("pip.packages.torch", "torch==2.1"),
            ("pip.pip_check", "false"),
            ("py_modules", r#"["https://<redacted>@host/a.zip"]"#),
            ("uv.7", "7"),
            ("uv.numpy", "numpy>=2"),
            ("working_dir", "gcs://x.zip"),
        ];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(rows("").is_empty() && rows("{}").is_empty());
    }

    const NESTED: &str = r#"{"a": {"env_vars": {"T": ["secret"]}}}"#;

    #[test]
    fn what_cannot_be_read_is_hidden() {
        for odd in
            ["no json: secret", "[\"secret\"]", r#"{"env_vars": "secret"}"#, r#"{"env_vars": ["secret"]}"#, NESTED]
        {
            let found = rows(odd);
            assert_eq!((found.len(), found[0].1.as_str()), (1, HIDDEN), "{odd}");
        }
    }

    #[test]
    fn long_values_differ_by_their_end() {
        let of = |end: &str| rows(&format!(r#"{{"conda": "{}{end}"}}"#, "x".repeat(1000))).remove(0).1;
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        assert!(of("a").chars().count() < 220);
    }
}
