//! What was given, under the peer's names: variables of the environment and keys of its JSON file.
//!
//! Remembers what each field of the spec is called there, so that what is wrong is told in words that users wrote.

use super::super::{Problem, shape};
use super::{Environment, set};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Every key that some backend of the peer reads.
const KEYS: [&str; 14] = [
    "azureAccountURL",
    "azureAuthMode",
    "azureConnectionString",
    "azureContainer",
    "gcpProjectID",
    "gcsBucket",
    "ossBucket",
    "ossEndpoint",
    "ossRegion",
    "s3Bucket",
    "s3DisableSSL",
    "s3Endpoint",
    "s3ForcePathStyle",
    "s3Region",
];

/// What was given.
pub(super) struct Given<'a> {
    env: Environment<'a>,
    file: &'a str,
    /// Of the JSON file; empty when there is none.
    keys: Map<String, Value>,
    found: Found,
    notes: Vec<String>,
}

/// What fields are called, and what is wrong.
#[derive(Default)]
pub(super) struct Found {
    pub(super) names: BTreeMap<&'static str, String>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Given<'a> {
    pub(super) fn new(env: Environment<'a>, file: Option<(&'a str, &str)>) -> Self {
        let mut given = Self { env, file: "", keys: Map::new(), found: Found::default(), notes: Vec::new() };
        if let Some((name, text)) = file {
            given.file = name;
            match serde_json::from_str(text) {
                Ok(Value::Object(keys)) => given.keys = keys,
                // Without what is written there: it may hold a connection string.
                Ok(_) => given.wrong(name, "must be a JSON object"),
                Err(error) => {
                    given.wrong(name, format!("is not JSON: line {}, column {}", error.line(), error.column()));
                }
            }
        }
        let known = |key: &&String| KEYS.contains(&key.as_str());
        let unknown: Vec<String> = given.keys.keys().filter(|key| !known(key)).cloned().collect();
        for key in unknown {
            given.note(format!("{}: KubeRay has no key {}; it is not read", given.file, shape::quoted(&key)));
        }
        given
    }

    /// What was found besides values: problems, then notes.
    pub(super) fn end(self) -> (Found, Vec<String>) {
        (self.found, self.notes)
    }

    /// A field of the spec has this name where it was given.
    pub(super) fn call(&mut self, field: &'static str, name: impl Into<String>) {
        self.found.names.insert(field, name.into());
    }

    pub(super) fn wrong(&mut self, name: impl Into<String>, message: impl Into<String>) {
        self.found.problems.push(Problem::new(name, message));
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// A variable.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        set(self.env, name)
    }

    /// A key of the file; none when it is not there.
    pub(super) fn key(&mut self, field: &'static str, key: &str) -> Option<String> {
        let name = format!("{key} in {}", self.file);
        let value = match self.keys.get(key)? {
            Value::String(text) => text.clone(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null => return None,
            _ => {
                self.wrong(name, "must be text");
                return None;
            }
        };
        self.call(field, name);
        Some(value)
    }

    /// The key, else the variable.
    pub(super) fn key_or_variable(&mut self, field: &'static str, key: &str, variable: &str) -> Option<String> {
        let value = self.key(field, key);
        if value.is_some() {
            return value;
        }
        self.call(field, variable);
        self.variable(variable)
    }

    /// The key when the file has any, else the variable: for S3 and OSS the file stands instead of the environment.
    pub(super) fn instead(&mut self, field: &'static str, key: &str, variable: &str) -> Option<String> {
        if self.keys.is_empty() {
            self.call(field, variable);
            return self.variable(variable);
        }
        let value = self.key(field, key);
        if value.is_none() {
            self.call(field, format!("{key} in {}", self.file));
            if self.variable(variable).is_some() {
                self.note(format!("{variable} is not read, because {} is: put {key} there", self.file));
            }
        }
        value
    }

    /// As `instead`, for `true` and `false`.
    pub(super) fn truth_instead(&mut self, field: &'static str, key: &str, variable: &str) -> bool {
        match self.instead(field, key, variable).as_deref() {
            Some("true") => true,
            None | Some("false" | "") => false,
            Some(_) => {
                let name = self.found.names.get(field).cloned().unwrap_or_default();
                self.wrong(name, "must be true or false");
                false
            }
        }
    }
}
