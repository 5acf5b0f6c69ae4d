//! Keys in Google's style, as Ray's dashboard rewrites them: `object_store_memory` becomes `objectStoreMemory`.
//!
//! Source: `to_google_style` in `dashboard/utils.py`. It applies to every key of the `/nodes` answers and of a single
//! actor, including names of resources and labels (`node:__internal_head__` becomes `node:InternalHead`), but not to
//! the list of all actors.

use crate::json::JsonWriter;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The style of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Unchanged.
    Original,
    /// Google's style.
    Google,
}

/// Writes a map of resources or labels from its JSON text; an empty text is an empty map.
pub fn write_map(w: &mut JsonWriter, json: &str, keys: Keys) {
    if json.is_empty() {
        w.raw(b"{}");
    } else if keys == Keys::Original || !json.contains('_') {
        w.raw(json.as_bytes());
    } else {
        let map: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).unwrap_or_default();
        w.begin_object();
        for (key, value) in map {
            w.key_escaped(&to_camel_case(&key));
            w.raw(value.get().as_bytes());
        }
        w.end_object();
    }
}

/// Converts a name: the first part is unchanged, the others are in title case.
///
/// A leading underscore makes the first part empty.
pub fn to_camel_case(name: &str) -> Cow<'_, str> {
    let Some((first, rest)) = name.split_once('_') else { return Cow::Borrowed(name) };
    let mut out = String::with_capacity(name.len());
    out.push_str(first);
    for part in rest.split('_') {
        // Python's `title`: a letter after a non-letter becomes upper case, every other letter lower case.
        let mut inside = false;
        for c in part.chars() {
            if inside {
                out.extend(c.to_lowercase());
            } else {
                out.extend(c.to_uppercase());
            }
            inside = c.is_alphabetic();
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewrites_names_as_ray_does() {
        for (name, expected) in [
            ("CPU", "CPU"),
            ("object_store_memory", "objectStoreMemory"),
            ("node:__internal_head__", "node:InternalHead"),
            ("node:127.0.0.1", "node:127.0.0.1"),
            ("accelerator_type:A100", "acceleratorType:A100"),
            ("my_TPU-v4_slice", "myTpu-V4Slice"),
            ("_x", "X"),
        ] {
            assert_eq!(to_camel_case(name), expected, "{name}");
        }
    }

    #[test]
    fn keeps_values_of_maps() {
        let text = |json, keys| {
            let mut w = JsonWriter::with_capacity(64);
            write_map(&mut w, json, keys);
            String::from_utf8(w.into_bytes()).unwrap()
        };
        assert_eq!(text(r#"{"a_b":0.001,"c":1.0}"#, Keys::Google), r#"{"aB":0.001,"c":1.0}"#);
        assert_eq!(text(r#"{"a_b":0.001}"#, Keys::Original), r#"{"a_b":0.001}"#);
        assert_eq!(text("", Keys::Google), "{}");
        assert_eq!(text("{broken_", Keys::Google), "{}");
    }
}
