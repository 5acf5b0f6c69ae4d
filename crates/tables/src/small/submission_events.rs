//! The table `submission_events`, by submission id: what events say of submissions.

use super::Member;
use crate::error::Error;
use crate::row::{Columns, Record, Row};
use crate::values::Values;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::job::SubmissionEvents;

impl Record for SubmissionEvents {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self {
            submission_id,
            entrypoint,
            runtime_env,
            metadata,
            status,
            message,
            error_type,
            driver_node,
            driver_agent_http_address,
            driver_exit_code,
            start,
            end,
        } = self;
        columns.string("submission_id", submission_id)?;
        columns.string("entrypoint", entrypoint)?;
        columns.runtime_env(runtime_env)?;
        columns.map("metadata", metadata)?;
        columns.string("status", status)?;
        columns.string("message", message)?;
        columns.string("error_type", error_type)?;
        columns.string("driver_node_id", driver_node)?;
        columns.string("driver_agent_http_address", driver_agent_http_address)?;
        columns.number("driver_exit_code", driver_exit_code)?;
        columns.times([("start_at", start), ("end_at", end)])
    }
}

impl Row for SubmissionEvents {
    const TABLE: &'static str = "submission_events";

    fn is_before(&self, next: &Self, values: &Values) -> bool {
        let id = |row: &Self| values.strings.values().str(row.submission_id);
        id(self) < id(next)
    }
}

impl Member for SubmissionEvents {
    fn rows(snapshot: &Snapshot) -> &[Self] {
        &snapshot.submission_events
    }
}
