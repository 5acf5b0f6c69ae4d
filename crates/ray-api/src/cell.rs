//! One value of a row, borrowed from the tables: what filters compare, and what is written.

use super::json::JsonWriter;
use std::borrow::Cow;

/// The value of one column in one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// JSON null.
    Null,
    /// A string.
    Str(Cow<'a, str>),
    /// An id, shown as lower-case hex.
    Hex(&'a [u8]),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A value that is JSON already.
    Json(Cow<'a, [u8]>),
}

impl<'a> Cell<'a> {
    /// Returns a string, or null if it is empty.
    pub fn text_or_null(text: &'a str) -> Self {
        if text.is_empty() { Self::Null } else { Self::Str(Cow::Borrowed(text)) }
    }

    /// Returns an id, or null if it is empty.
    pub fn hex_or_null(id: &'a [u8]) -> Self {
        if id.is_empty() { Self::Null } else { Self::Hex(id) }
    }

    /// Writes the value.
    pub fn write(&self, w: &mut JsonWriter) {
        match self {
            Self::Null => w.null(),
            Self::Str(text) => w.string(text),
            Self::Hex(id) => w.hex(id),
            Self::Int(number) => w.int(*number),
            Self::Float(number) => w.float(*number),
            Self::Bool(value) => w.bool(*value),
            Self::Json(json) => w.raw(json),
        }
    }
}
