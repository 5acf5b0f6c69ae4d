//! The persisted snapshot that a session was opened from.

use ray_history_session::{Persisted, Raw};
use serde::Serialize;
use utoipa::ToSchema;

/// The persisted snapshot that a session was opened from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct SnapshotItem {
    /// The build: the same for the same raw data, choices and version.
    build: String,
    /// Time at which it was written, RFC 3339, by the writer's clock.
    written_at: String,
    /// The raw data behind it, as of `checkedAt`: `whole`, `partly` deleted or `gone`.
    #[schema(example = "whole")]
    raw: &'static str,
    /// Files that came later and cannot be added, because a part of the raw data was deleted.
    late_files: u64,
}

impl From<&Persisted> for SnapshotItem {
    fn from(persisted: &Persisted) -> Self {
        let (raw, late_files) = match persisted.raw {
            Raw::Whole => ("whole", 0),
            Raw::Partly { late } => ("partly", late),
            Raw::Gone => ("gone", 0),
        };
        Self { build: persisted.build.clone(), written_at: persisted.written_at.clone(), raw, late_files }
    }
}
