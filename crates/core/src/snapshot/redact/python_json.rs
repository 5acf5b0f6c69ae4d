//! JSON text in the format of Python's `json.dumps`: a space after `,` and `:`, and only ASCII.
//!
//! It is used for JSON inside a string, which clients show and compare as text.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use std::io::{Result, Write};

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> Result<()> {
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                writer.write_all(&[c as u8])?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the text of a value with members sorted by name, as with `sort_keys=True`.
pub(super) fn dumps(value: &Value) -> String {
    let mut out = Vec::new();
    // Writing to memory does not fail, and the output is ASCII.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut out, Python));
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn formats_like_python() {
        for (value, text) in [
            (json!({}), "{}"),
            (json!({"b": [1, "x", null], "a": {"c": true}}), r#"{"a": {"c": true}, "b": [1, "x", null]}"#),
            (json!("caf\u{e9} \u{1f600} \u{7f} \" \n"), "\"caf\\u00e9 \\ud83d\\ude00 \\u007f \\\" \\n\""),
            (json!([1.5, -2, "\u{1}"]), r#"[1.5, -2, "\u0001"]"#),
        ] {
            assert_eq!(dumps(&value), text);
        }
    }
}
