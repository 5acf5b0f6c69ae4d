//! The origin of an open session: raw data, or a persisted snapshot and the state of the raw data behind it.

use super::kept::KeptFacts;
use ray_history_tables::{self as tables, Compared, Input};
use std::sync::Arc;

/// The persisted snapshot that a session was opened from.
#[derive(Clone, Debug)]
pub struct Persisted {
    /// The build: 32 hex digits.
    pub build: String,
    /// The time of the writer's clock, RFC 3339.
    pub written_at: String,
    /// The raw data behind it, as of the last look.
    pub raw: Raw,
    /// The raw objects of the build.
    pub(super) inputs: Arc<[Input]>,
}

/// The raw data behind a persisted snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Raw {
    /// As it was for the build, or not looked at yet.
    #[default]
    Whole,
    /// Some of it was deleted.
    Partly {
        /// Files that came after the build and cannot be added, because others are gone.
        late: u64,
    },
    /// All of it was deleted.
    Gone,
}

/// The origin of a session: the parts of log files that its facts were read from, or the persisted snapshot.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub(super) kept: Option<KeptFacts>,
    pub(super) persisted: Option<Persisted>,
}

impl Origin {
    pub(super) fn weight(&self) -> usize {
        self.kept.as_ref().map_or(0, KeptFacts::weight) + self.persisted.as_ref().map_or(0, Persisted::weight)
    }
}

impl Persisted {
    /// Returns the raw objects of the build.
    pub(crate) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Compares the objects of the build with a later listing.
    pub(crate) fn compare(&self, listed: &[Input]) -> Compared {
        tables::compare(&self.inputs, listed)
    }

    /// Returns the state of the raw data by such a comparison.
    pub(crate) fn raw(&self, found: Compared) -> Raw {
        match found.gone {
            0 => Raw::Whole,
            gone if gone == self.inputs.len() as u64 && found.late == 0 => Raw::Gone,
            _ => Raw::Partly { late: found.late },
        }
    }

    pub(super) fn with_raw(&self, raw: Raw) -> Self {
        Self { raw, ..self.clone() }
    }

    /// Returns the memory held, in bytes.
    fn weight(&self) -> usize {
        let of = |input: &Input| size_of::<Input>() + input.key.len() + input.etag.as_ref().map_or(0, String::len);
        self.inputs.iter().map(of).sum()
    }
}
