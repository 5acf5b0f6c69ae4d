//! Reads a `RayHistory` from a file: the document that `kubectl apply` accepts, as YAML or JSON.
//!
//! Stricter than the API server in one point: an unknown field is an error, because a file has no equivalent of the
//! warning that `kubectl` prints. Violations of the schema and of the rules beyond it are reported together.

use super::{Origin, Problem, Problems, Settings, default_max_memory, repair, shape};
use crate::crd::{self, RayHistory, Size};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

const API_VERSION: &str = "history.ray.io/v1alpha1";

/// A document, with the violations of its schema.
#[derive(Debug)]
pub struct Document {
    /// The document; values that violate the schema are replaced by placeholders.
    pub(super) history: RayHistory,
    /// Violations of the schema.
    problems: Vec<Problem>,
}

impl Document {
    /// Reads one document. Fails only if the text cannot be checked further; other problems are kept for `settings`.
    pub fn read(text: &str) -> Result<Self, Problems> {
        let mut documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
            // Without the surrounding lines: they may contain secrets.
            Problem::new("", format!("is not YAML: {}", error.without_snippet()))
        })?;
        let Some(mut document) = documents.pop().filter(|_| documents.is_empty()) else {
            return Err(Problem::new("", "must hold exactly one document, a RayHistory").into());
        };
        let mut problems = Vec::new();
        for (field, expected) in [("apiVersion", API_VERSION), ("kind", "RayHistory")] {
            if document.get(field).and_then(Value::as_str) != Some(expected) {
                problems.push(Problem::new(field, format!("must be {expected}")));
            }
        }
        if document.pointer("/metadata/name").and_then(Value::as_str).is_none_or(str::is_empty) {
            problems.push(Problem::new("metadata.name", "is missing: any name, such as main"));
        }
        // An object that was read back with kubectl has a status, which is not used here.
        document.as_object_mut().map(|fields| fields.remove("status"));
        let known = ["apiVersion", "kind", "metadata", "spec"];
        for field in document.as_object().into_iter().flatten().map(|(name, _)| name) {
            if !known.contains(&field.as_str()) {
                problems.push(Problem::new(field, format!("no such field; there are {}", known.join(", "))));
            }
        }
        let schema = crd::schema();
        let (Some(schema), Some(spec)) = (schema.pointer("/properties/spec"), document.get("spec")) else {
            problems.push(Problem::new("spec", "is missing: at least spec.storage must be there"));
            return Err(Problems(problems));
        };
        shape::check(schema, spec, "spec", &mut problems);
        let spec = document.get("spec").map(|spec| repair::repaired(schema, spec)).unwrap_or_default();
        let spec = serde_json::from_value(spec).map_err(|error| Problem::new("spec", error.to_string()))?;
        let metadata = document.get("metadata").and_then(|metadata| ObjectMeta::deserialize(metadata).ok());
        let mut history = RayHistory::new("", spec);
        history.metadata = metadata.unwrap_or_default();
        Ok(Self { history, problems })
    }

    /// Returns the settings of the document, or all of its problems.
    pub fn settings(&self, origin: Origin, memory_limit: Option<u64>) -> Result<Settings, Problems> {
        let read = Settings::from_spec(&self.history.spec, origin, memory_limit);
        if self.problems.is_empty() {
            return read;
        }
        let mut problems = self.problems.clone();
        let found = read.err().map(|Problems(found)| found).unwrap_or_default();
        problems.extend(repair::without_consequences(found, &self.problems));
        Err(Problems(problems))
    }

    /// Returns the document with its defaults written out, as YAML.
    pub fn with_defaults(&self, memory_limit: Option<u64>) -> Result<String, serde_saphyr::ser::Error> {
        let mut history = self.history.clone();
        let max_memory = &mut history.spec.cache.max_memory;
        max_memory.get_or_insert_with(|| in_binary_units(default_max_memory(memory_limit)));
        serde_saphyr::to_string(&history)
    }
}

/// Formats bytes as a quantity, in the largest unit that needs no fraction.
fn in_binary_units(bytes: u64) -> Size {
    const UNITS: [&str; 4] = ["", "Ki", "Mi", "Gi"];
    let unit = UNITS.iter().enumerate().rev().find(|(power, _)| bytes.is_multiple_of(1 << (10 * power)));
    let (power, unit) = unit.unwrap_or((0, &""));
    Size(format!("{}{unit}", bytes >> (10 * power)))
}
