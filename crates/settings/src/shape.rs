//! Checks a value against the schema of `RayHistory`: unknown fields, types, required fields, bounds.
//!
//! The API server does the same for `kubectl apply`. Messages here describe the valid form. Expressions (CEL) are not
//! run: `read` applies those rules itself.

use super::Problem;
pub(super) use ray_history_store_settings::quoted;
use regex_lite::Regex;
use serde_json::Value;

/// Parts of the names of unknown fields that were probably meant for a credential.
const CREDENTIALS: [&str; 8] =
    ["accesskey", "secret", "token", "password", "connectionstring", "accountkey", "sas", "credential"];

/// Adds the violations of a value to `problems`.
pub(super) fn check(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    if schema.get("x-kubernetes-int-or-string").is_some() {
        if !value.is_string() && !value.is_i64() {
            problems.push(Problem::new(path, format!("must be a number or text, not {}", kind(value))));
        }
        return;
    }
    let expected = schema.get("type").and_then(Value::as_str).unwrap_or("object");
    match (expected, value) {
        ("object", Value::Object(_)) => object(schema, value, path, problems),
        ("array", Value::Array(items)) => {
            bounds(schema, ["minItems", "maxItems"], items.len() as u64, "entries", path, problems);
            for (at, item) in items.iter().enumerate() {
                if let Some(schema) = schema.get("items") {
                    check(schema, item, &format!("{path}[{at}]"), problems);
                }
                if schema.get("x-kubernetes-list-type").is_some_and(|kind| kind == "set") && items[..at].contains(item)
                {
                    problems.push(Problem::new(format!("{path}[{at}]"), format!("{item} is listed twice")));
                }
            }
        }
        ("string", Value::String(text)) => string(schema, text, path, problems),
        ("integer", Value::Number(number)) if number.is_i64() || number.is_u64() => {
            let least = schema.get("minimum").and_then(Value::as_f64).unwrap_or(f64::MIN);
            let most = schema.get("maximum").and_then(Value::as_f64).unwrap_or(f64::MAX);
            if number.as_f64().is_none_or(|number| number < least || number > most) {
                problems.push(Problem::new(path, format!("{number} must be between {least} and {most}")));
            }
        }
        ("boolean", Value::Bool(_)) => {}
        ("string", Value::Number(number)) => {
            problems.push(Problem::new(path, format!("{number} must be text: put it in quotes, with its unit if any")));
        }
        _ => {
            let article = if expected.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
            problems.push(Problem::new(path, format!("must be {article} {expected}, not {}", kind(value))));
        }
    }
}

fn object(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let none = serde_json::Map::new();
    let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    for (name, value) in value.as_object().unwrap_or(&none) {
        let below = format!("{path}.{name}");
        match known.get(name) {
            // As in the API server: null counts as missing.
            Some(_) if value.is_null() => {}
            Some(schema) => check(schema, value, &below, problems),
            None => problems.push(Problem::new(below, unknown(name, known.keys()))),
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| value.get(name).is_none_or(Value::is_null)) {
        let what = known.get(name).and_then(|schema| schema.get("description")).and_then(Value::as_str).unwrap_or("");
        let what = what.lines().next().unwrap_or_default().trim_end_matches('.');
        problems.push(Problem::new(format!("{path}.{name}"), format!("is missing: {what}")));
    }
}

/// Returns the message for an unknown field.
fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let words: Vec<&String> = known.collect();
    let plain = name.to_ascii_lowercase().replace(['_', '-'], "");
    let close = |other: &&&String| {
        let other = other.to_ascii_lowercase();
        if other == plain { 1.0 } else { strsim::jaro_winkler(&plain, &other) }
    };
    let nearest = words.iter().max_by(|a, b| close(a).total_cmp(&close(b))).filter(|word| close(word) > 0.85);
    match nearest {
        Some(nearest) => format!("no such field; did you mean `{nearest}`?"),
        None if CREDENTIALS.iter().any(|word| plain.contains(word)) => {
            "no such field, and credentials do not belong in this document: name a Secret in credentialsSecretRef, or \
             (with a file) set them in the environment"
                .to_owned()
        }
        None => {
            let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
            format!("no such field; there are {}", words.join(", "))
        }
    }
}

fn string(schema: &Value, text: &str, path: &str, problems: &mut Vec<Problem>) {
    bounds(schema, ["minLength", "maxLength"], text.chars().count() as u64, "characters", path, problems);
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.iter().any(|word| word == text)
    {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        problems.push(Problem::new(path, format!("{} must be one of {}", quoted(text), words.join(", "))));
    }
    // A certificate has several lines.
    let has_lines = path.ends_with(".caBundle");
    if let Some(odd) = text.chars().find(|c| c.is_control() && !(has_lines && "\n\r\t".contains(*c))) {
        let odd = odd.escape_default();
        problems.push(Problem::new(path, format!("{} has a character that no name has: {odd}", quoted(text))));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
    {
        problems.push(Problem::new(path, format!("{} does not match {pattern}", quoted(text))));
    }
}

fn bounds(schema: &Value, names: [&str; 2], length: u64, of: &str, path: &str, problems: &mut Vec<Problem>) {
    let [least, most] = names.map(|name| schema.get(name).and_then(Value::as_u64));
    if least.is_some_and(|least| length < least) {
        problems.push(Problem::new(
            path,
            if length == 0 { "must not be empty".to_owned() } else { format!("has too few {of}") },
        ));
    }
    if let Some(most) = most.filter(|most| length > *most) {
        problems.push(Problem::new(path, format!("has {length} {of}, more than {most}")));
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
