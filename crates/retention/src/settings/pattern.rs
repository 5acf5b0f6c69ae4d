//! Names with `*`, which stands for any text.

use serde::{Serialize, Serializer};
use std::fmt;

/// A name, or a pattern of names. Only `*` has a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The longest pattern, in bytes: no name in Kubernetes is longer.
    pub const LONGEST: usize = 253;

    /// Returns the pattern of a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` if a whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        matches(&self.0, name)
    }

    /// Returns `true` if a whole name or a beginning of it matches.
    pub fn matches_beginning(&self, name: &str) -> bool {
        matches(&format!("{}*", self.0), name)
    }
}

/// Looks for each piece between two `*` once, behind the piece before, so that no pattern takes more than one way through
/// the name.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(within) = left.strip_suffix(last) else { return false };
    left = within;
    for piece in middle.split('*') {
        match left.find(piece) {
            Some(at) => left = left.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
