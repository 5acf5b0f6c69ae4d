//! `/api/v0/objects`: objects in the stores of live workers. A dead session has none, which is no error.

use super::resource;
use super::resource::{Column, Counts, Kind, Notes, Options, Resource};
use crate::cell::Cell;
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError};

struct Objects;

impl Resource for Objects {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("object_id", Kind::Text),
        Column::filterable("object_size", Kind::Int),
        Column::filterable("task_status", Kind::Text),
        Column::filterable("attempt_number", Kind::Int),
        Column::filterable("reference_type", Kind::Text),
        Column::filterable("call_site", Kind::Text),
        Column::filterable("type", Kind::Text),
        Column::filterable("pid", Kind::Int),
        Column::filterable("ip", Kind::Text),
    ];

    fn rows(&self) -> usize {
        0
    }

    fn cell(&self, _: usize, _: &'static str) -> Cell<'_> {
        Cell::Null
    }
}

/// Answers `/api/v0/objects`.
pub fn list(query: &Query) -> Result<Answer, RayError> {
    resource::list(Objects, query, Notes::NullWarning)
}

/// Answers `/api/v0/objects/summarize`.
pub fn summarize(query: &Query) -> Result<Answer, RayError> {
    Options::parse(query)?;
    let mut w = JsonWriter::with_capacity(512);
    resource::begin(&mut w, Counts::default());
    w.key("result");
    w.raw(
        br#"{"node_id_to_summary":{"cluster":{"summary":{},"total_objects":0,"total_size_mb":0.0,"callsite_enabled":false,"summary_by":"callsite"}}}"#,
    );
    resource::end(&mut w, Notes::NullWarning);
    Ok(Answer::json(w.into_bytes()))
}
