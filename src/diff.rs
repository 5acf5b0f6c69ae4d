//! The output of `ray-history diff`: what changed from one session to another, as text or Markdown. Text only; no I/O.
//!
//! Answers may be of a server of another version, so no field has to be there.

mod sections;
mod table;

use ray_history_core::snapshot::diff::Diff;
use serde::Deserialize;
use table::Page;

/// A form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
}

/// One of the two sessions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Side {
    name: String,
}

/// The answer of the API.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Comparison {
    a: Side,
    b: Side,
    #[serde(flatten)]
    diff: Diff,
}

/// Returns an answer of the API in words.
///
/// # Errors
/// Returns an error if it is no such answer.
pub fn told(answer: &str, form: Form) -> Result<String, serde_json::Error> {
    let Comparison { a, b, diff } = serde_json::from_str(answer)?;
    let mut page = Page::new(form);
    page.title("What changed");
    page.table(&["", "session"], &[vec!["A".to_owned(), a.name], vec!["B".to_owned(), b.name]]);
    sections::all(&mut page, &diff);
    Ok(page.end())
}

#[cfg(test)]
mod tests;
