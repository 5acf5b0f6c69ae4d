//! The same document that `kubectl apply` takes, from a file: YAML (or JSON) text becomes a `RayHistory`.
//!
//! Stricter than the API server in one thing: a field that does not exist is an error, because nobody would see the
//! warning that `kubectl` prints.

use super::{Problem, Problems, shape};
use crate::crd::{self, RayHistory};
use serde_json::Value;

const API_VERSION: &str = "history.ray.io/v1alpha1";

/// Reads one document.
pub(super) fn read(text: &str) -> Result<RayHistory, Problems> {
    let mut documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        // Without the lines around it: they may hold what must not be shown.
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
    // What a server reported is of no use here, and an object that was read back with kubectl has it.
    document.as_object_mut().map(|fields| fields.remove("status"));
    let schema = crd::schema();
    let known = ["apiVersion", "kind", "metadata", "spec"];
    for field in document.as_object().into_iter().flatten().map(|(name, _)| name) {
        if !known.contains(&field.as_str()) {
            problems.push(Problem::new(field, format!("no such field; there are {}", known.join(", "))));
        }
    }
    match (schema.pointer("/properties/spec"), document.get("spec")) {
        (Some(schema), Some(spec)) => shape::check(schema, spec, "spec", &mut problems),
        _ => problems.push(Problem::new("spec", "is missing: at least spec.storage must be there")),
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    without_nulls(&mut document);
    serde_json::from_value(document).map_err(|error| Problem::new("", error.to_string()).into())
}

/// Drops fields that are null, as the API server does.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
