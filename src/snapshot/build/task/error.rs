//! The error of an attempt, out of fragments: merged as protobuf merges messages, field by field.
//!
//! A field at its default is not sent, so a fragment that has it there replaces nothing.

use super::super::latest::Latest;
use super::{Catalogue, Nanos, Renamed};
use crate::event::task;
use crate::snapshot::intern::Str;
use crate::snapshot::text::Text;

/// The zero of `ErrorType`, which protobuf does not tell from an absent one.
const DEFAULT: &str = "WORKER_DIED";

/// The fields of an error seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TaskError {
    error_type: Latest<Str>,
    message: Latest<Text>,
}

impl TaskError {
    /// Takes a fragment of that time.
    pub(super) fn tell(&mut self, values: &mut Catalogue, at: Nanos, error: &task::TaskError<'_>) {
        let is_default = matches!(error.error_type, "" | DEFAULT);
        let error_type = values.str(if is_default { DEFAULT } else { error.error_type });
        let told = Latest::new(if is_default { 0 } else { at }, error_type);
        self.error_type.join(told, |a, b| values.compare_str(a, b));
        if !error.error_message.is_empty() {
            let message = values.text(&error.error_message);
            self.message.join(Latest::new(at, message), |a, b| values.compare_text(a, b));
        }
    }

    /// Takes what another thread was told.
    pub(super) fn merge(&mut self, theirs: Self, values: &Catalogue, renamed: &Renamed) {
        let error_type = theirs.error_type.map(|error_type| renamed.str(error_type));
        self.error_type.join(error_type, |a, b| values.compare_str(a, b));
        let message = theirs.message.map(|message| renamed.text(message));
        self.message.join(message, |a, b| values.compare_text(a, b));
    }

    /// Its type; empty where the attempt has no error.
    pub(super) fn error_type(&self) -> Str {
        self.error_type.get()
    }

    /// Its message.
    pub(super) fn message(&self) -> Text {
        self.message.get()
    }
}
