//! Replaces the parts of a value that violate its schema, so that the rules beyond the schema can be applied to the
//! rest.
//!
//! The violations are reported separately. A repaired value must never be served.

use super::Problem;
use serde_json::{Map, Value, json};

/// Returns a value that matches the schema: valid parts are kept, invalid and missing ones are replaced.
pub(super) fn repaired(schema: &Value, value: &Value) -> Value {
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return if value.is_string() || value.is_i64() { value.clone() } else { json!("") };
    }
    match schema.get("type").and_then(Value::as_str).unwrap_or("object") {
        "object" => object(schema, value),
        "array" => {
            let items = value.as_array().into_iter().flatten();
            items
                .map(|item| schema.get("items").map_or_else(|| item.clone(), |schema| repaired(schema, item)))
                .collect()
        }
        "string" => {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => String::new(),
            };
            match schema.get("enum").and_then(Value::as_array) {
                Some(words) if !words.iter().any(|word| *word == text) => words.first().cloned().unwrap_or_default(),
                _ => text.into(),
            }
        }
        "integer" if !value.is_i64() => json!(0),
        "boolean" if !value.is_boolean() => json!(false),
        _ => value.clone(),
    }
}

fn object(schema: &Value, value: &Value) -> Value {
    let known = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    let fields = known.filter_map(|(name, schema)| {
        let field = value.get(name).filter(|field| !field.is_null());
        let field = field.or_else(|| is_required(name).then_some(&Value::Null))?;
        Some((name.clone(), repaired(schema, field)))
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

/// Returns the problems of `found` that do not follow from a `reported` one.
pub(super) fn without_consequences(found: Vec<Problem>, reported: &[Problem]) -> impl Iterator<Item = Problem> + '_ {
    found.into_iter().filter(|problem| !reported.iter().any(|other| is_at_or_below(&problem.field, &other.field)))
}

fn is_at_or_below(field: &str, other: &str) -> bool {
    field.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd;
    use crate::shape;

    #[test]
    fn any_value_becomes_a_spec_of_the_right_types() {
        let schema = crd::schema();
        let schema = schema.pointer("/properties/spec").unwrap();
        for spec in [
            json!(null),
            json!([]),
            json!({"storage": 5}),
            json!({"storage": {"rootDirs": "log", "s3": "ray", "oss": {}}, "cache": {"maxSessions": 1e99}}),
            json!({"storage": {"local": {"path": true}}, "cache": {"maxMemory": [], "ttl": 5}, "redaction": "no"}),
            json!({"clusters": {"namespaces": [5, {}], "sharedStorage": "yes"}, "prewarm": null}),
        ] {
            let repaired = repaired(schema, &spec);
            let read: Result<crd::RayHistorySpec, _> = serde_json::from_value(repaired);
            assert!(read.is_ok(), "{spec}: {read:?}");
        }
    }

    #[test]
    fn keeps_valid_values() {
        let schema = crd::schema();
        let schema = schema.pointer("/properties/spec").unwrap();
        let spec = json!({"storage": {"s3": {"bucket": "ray", "forcePathStyle": true}}, "cache": {"maxMemory": "2Gi"}});
        let mut problems = Vec::new();
        shape::check(schema, &spec, "spec", &mut problems);
        assert_eq!((repaired(schema, &spec), problems), (spec, vec![]));
    }
}
