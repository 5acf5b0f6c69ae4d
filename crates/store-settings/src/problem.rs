//! Problems of settings: one per field, reported together.
//!
//! A problem contains the field, its value and the valid form. It never shows a value that could contain a credential.

use std::fmt;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field, such as `spec.cache.ttl`; empty for the document as a whole.
    pub field: String,
    /// The problem, and the valid form.
    pub message: String,
}

impl Problem {
    /// Returns a problem of a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.field, self.message) }
    }
}

/// All problems of a document, or of other settings; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// Quotes a text for a message, and shortens it to 60 characters.
pub fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    format!("{short:?}{}", if short.len() < text.len() { " ..." } else { "" })
}
