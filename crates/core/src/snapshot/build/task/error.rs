//! Error of an attempt, merged from fragments field by field, as protobuf merges messages.
//!
//! A field with its default value is not sent, so the default never replaces another value.

use super::super::latest::Latest;
use super::{Catalogue, Nanos, Renamed};
use crate::event::task;
use crate::snapshot::intern::Str;
use crate::snapshot::text::Text;

/// Zero value of `ErrorType`, which protobuf does not distinguish from an absent value.
const DEFAULT: &str = "WORKER_DIED";

/// Merged fields of an error.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TaskError {
    error_type: Latest<Str>,
    message: Latest<Text>,
}

impl TaskError {
    /// Merges a fragment sent at time `at`.
    pub(super) fn add(&mut self, values: &mut Catalogue, at: Nanos, error: &task::TaskError<'_>) {
        let is_default = matches!(error.error_type, "" | DEFAULT);
        let error_type = values.str(if is_default { DEFAULT } else { error.error_type });
        let error_type = Latest::new(if is_default { 0 } else { at }, error_type);
        self.error_type.join(error_type, |a, b| values.compare_str(a, b));
        if !error.error_message.is_empty() {
            let message = values.text(&error.error_message);
            self.message.join(Latest::new(at, message), |a, b| values.compare_text(a, b));
        }
    }

    /// Merges the error of another builder.
    pub(super) fn merge(&mut self, theirs: Self, values: &Catalogue, renamed: &Renamed) {
        let error_type = theirs.error_type.map(|error_type| renamed.str(error_type));
        self.error_type.join(error_type, |a, b| values.compare_str(a, b));
        let message = theirs.message.map(|message| renamed.text(message));
        self.message.join(message, |a, b| values.compare_text(a, b));
    }

    /// Returns the error type; empty if the attempt has no error.
    pub(super) fn error_type(&self) -> Str {
        self.error_type.get()
    }

    /// Returns the error message.
    pub(super) fn message(&self) -> Text {
        self.message.get()
    }
}
