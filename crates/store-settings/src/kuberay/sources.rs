//! The sources of KubeRay's settings: environment variables and the keys of its JSON file.
//!
//! Records KubeRay's name for each field of the spec, so that problems are reported under the names that users wrote.

use crate::{Problem, quoted};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The bucket that KubeRay's server reads (and creates) by default.
pub(super) const DEFAULT_BUCKET: &str = "ray-historyserver";

/// Reads variables and keys, and collects problems and notes.
pub struct Sources<'a> {
    env: Environment<'a>,
    file: &'a str,
    /// Keys of the JSON file; empty if there is none.
    keys: Map<String, Value>,
    found: Found,
    notes: Vec<String>,
}

/// KubeRay's names of fields, and problems.
#[derive(Debug, Default)]
pub struct Found {
    /// The names of fields, by the paths that the fields have in a `RayHistory`.
    pub names: BTreeMap<&'static str, String>,
    /// Problems of their values.
    pub problems: Vec<Problem>,
}

impl<'a> Sources<'a> {
    /// Reads the JSON file (its name and text), of which KubeRay knows `known_keys`.
    pub fn new(env: Environment<'a>, file: Option<(&'a str, &str)>, known_keys: &[&str]) -> Self {
        let mut sources = Self { env, file: "", keys: Map::new(), found: Found::default(), notes: Vec::new() };
        if let Some((name, text)) = file {
            sources.file = name;
            match serde_json::from_str(text) {
                Ok(Value::Object(keys)) => sources.keys = keys,
                // Without the text of the file: it may contain a connection string.
                Ok(_) => sources.problem(name, "must be a JSON object"),
                Err(error) => {
                    sources.problem(name, format!("is not JSON: line {}, column {}", error.line(), error.column()));
                }
            }
        }
        let known = |key: &&String| known_keys.contains(&key.as_str());
        let unknown: Vec<String> = sources.keys.keys().filter(|key| !known(key)).cloned().collect();
        for key in unknown {
            sources.note(format!("{}: KubeRay has no key {}; it is not read", sources.file, quoted(&key)));
        }
        sources
    }

    /// Returns the problems and the notes.
    pub fn finish(self) -> (Found, Vec<String>) {
        (self.found, self.notes)
    }

    /// Sets KubeRay's name for a field of the spec.
    pub fn set_name(&mut self, field: &'static str, name: impl Into<String>) {
        self.found.names.insert(field, name.into());
    }

    /// Adds a problem of a setting.
    pub fn problem(&mut self, name: impl Into<String>, message: impl Into<String>) {
        self.found.problems.push(Problem::new(name, message));
    }

    /// Adds a problem of a field, under KubeRay's name for it.
    pub(super) fn problem_of(&mut self, field: &'static str, message: String) {
        let name = self.found.names.get(field).cloned().unwrap_or_else(|| field.to_owned());
        self.problem(name, message);
    }

    /// Adds a note on a setting that has no effect.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Returns a variable, unless it is empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        set(self.env, name)
    }

    /// Returns the value of a key of the file; `None` if it is missing.
    pub(super) fn key(&mut self, field: &'static str, key: &str) -> Option<String> {
        let name = format!("{key} in {}", self.file);
        let value = match self.keys.get(key)? {
            Value::String(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Null => return None,
            _ => {
                self.problem(name, "must be text");
                return None;
            }
        };
        self.set_name(field, name);
        Some(value)
    }

    /// Returns the value of the key, else of the variable.
    pub(super) fn key_or_variable(&mut self, field: &'static str, key: &str, variable: &str) -> Option<String> {
        let value = self.key(field, key);
        if value.is_some() {
            return value;
        }
        self.set_name(field, variable);
        self.variable(variable)
    }

    /// Returns the value of the key if the file has any keys, else of the variable: for S3 and OSS the file replaces
    /// the environment.
    pub(super) fn key_if_file(&mut self, field: &'static str, key: &str, variable: &str) -> Option<String> {
        if self.keys.is_empty() {
            self.set_name(field, variable);
            return self.variable(variable);
        }
        let value = self.key(field, key);
        if value.is_none() {
            self.set_name(field, format!("{key} in {}", self.file));
            if self.variable(variable).is_some() {
                self.note(format!("{variable} is not read, because {} is: put {key} there", self.file));
            }
        }
        value
    }

    /// Like `key_if_file`, for `true` and `false`.
    pub(super) fn bool_if_file(&mut self, field: &'static str, key: &str, variable: &str) -> bool {
        match self.key_if_file(field, key, variable).as_deref() {
            Some("true") => true,
            None | Some("false" | "") => false,
            Some(_) => {
                self.problem_of(field, "must be true or false".to_owned());
                false
            }
        }
    }
}

/// Returns a variable, unless it is empty.
pub fn set(env: Environment<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// Returns an endpoint with a scheme, adding one if it has none.
pub(super) fn with_scheme(endpoint: String, insecure: bool) -> String {
    let scheme = if insecure { "http" } else { "https" };
    if endpoint.contains("://") { endpoint } else { format!("{scheme}://{endpoint}") }
}
