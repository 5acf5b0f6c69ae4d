//! Hides values of environment variables in log files that are kept.
//!
//! It fails closed: of a line that names variables and cannot be understood, the rest is hidden.

use crate::head::facts::FactFile;
use bytes::Bytes;
use serde_json::Value;

/// Replaces a hidden value, as Ray's dashboard writes it.
const REDACTED: &str = "<redacted>";
/// The members of Ray's JSON that hold variables.
const VARIABLES: [&str; 2] = ["env_vars", "envVars"];
/// The log of the agent that creates environments: nearly every line holds variables, in Python's own notation.
const AGENT: &str = "runtime_env_agent";

/// Returns the file without values of variables; `None` if it holds nothing else.
pub(super) fn without_variables(file: &FactFile) -> Option<FactFile> {
    if file.path.contains(AGENT) {
        return None;
    }
    if !names_variables(&file.bytes) {
        return Some(file.clone());
    }
    let mut hidden = Vec::with_capacity(file.bytes.len());
    for line in file.bytes.split_inclusive(|byte| *byte == b'\n') {
        if names_variables(line) {
            hidden.extend_from_slice(&hide(line));
        } else {
            hidden.extend_from_slice(line);
        }
    }
    Some(FactFile { bytes: Bytes::from(hidden), ..file.clone() })
}

/// Returns `true` if bytes of a log may hold values of variables.
pub fn names_variables(bytes: &[u8]) -> bool {
    position(bytes).is_some()
}

/// Returns the position of the first name of variables.
fn position(bytes: &[u8]) -> Option<usize> {
    let found = VARIABLES.iter().filter_map(|name| memchr::memmem::find(bytes, name.as_bytes()));
    found.min()
}

fn hide(line: &[u8]) -> Vec<u8> {
    if let Ok(mut value) = serde_json::from_slice::<Value>(line) {
        hide_in(&mut value);
        let mut hidden = value.to_string().into_bytes();
        if line.ends_with(b"\n") {
            hidden.push(b'\n');
        }
        return hidden;
    }
    let mut hidden = line[..position(line).unwrap_or_default()].to_vec();
    hidden.extend_from_slice(REDACTED.as_bytes());
    if line.ends_with(b"\n") {
        hidden.push(b'\n');
    }
    hidden
}

/// Hides variables in a document and in documents that are texts of it.
fn hide_in(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if VARIABLES.contains(&name.as_str()) {
                    hide_all(member);
                } else {
                    hide_in(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_in),
        Value::String(text) if names_variables(text.as_bytes()) => match serde_json::from_str::<Value>(text) {
            Ok(mut inner @ (Value::Object(_) | Value::Array(_))) => {
                hide_in(&mut inner);
                *text = inner.to_string();
            }
            _ => text.replace_range(.., REDACTED),
        },
        _ => {}
    }
}

/// Hides the values of an object, or anything else as a whole.
fn hide_all(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|member| *member = REDACTED.into()),
        Value::Null => {}
        other => *other = REDACTED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(path: &str, text: &str) -> Option<String> {
        let file =
            FactFile { node: String::new(), path: path.to_owned(), bytes: Bytes::copy_from_slice(text.as_bytes()) };
        without_variables(&file).map(|file| String::from_utf8(file.bytes.to_vec()).unwrap())
    }

    #[test]
    fn values_are_hidden_in_documents_and_in_texts() {
        let inner = r#"{\"env_vars\": {\"A\": \"s3cret\"}, \"pip\": [\"x\"]}"#;
        for (line, kept) in [
            (r#"{"env_vars": {"A": "s3cret"}, "b": 1}"#.to_owned(), r#""b":1"#),
            (format!(r#"{{"runtimeEnvJson": "{inner}"}}"#), r#"\"pip\":[\"x\"]"#),
            (r#"{"a": [{"envVars": ["s3cret"]}]}"#.to_owned(), "envVars"),
            (r#"{"message": "started with {'env_vars': {'A': 's3cret'}}"}"#.to_owned(), REDACTED),
            ("2026 INFO started {'env_vars': {'A': 's3cret'}} at x".to_owned(), "2026 INFO started {'"),
        ] {
            let text = format!("first\n{line}\nlast");
            let hidden = hidden("dashboard_agent.log", &text).unwrap();
            assert!(!hidden.contains("s3cret") && hidden.contains(REDACTED) && hidden.contains(kept), "{hidden}");
            assert!(hidden.starts_with("first\n") && hidden.ends_with("\nlast"), "{hidden}");
        }
        assert_eq!(hidden("runtime_env_agent.log", "x"), None);
        assert_eq!(hidden("monitor.log", "all is well\n").as_deref(), Some("all is well\n"));
    }
}
