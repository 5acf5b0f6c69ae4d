//! The table `jobs`, in Ray's order: as the dashboard lists them.

use super::Member;
use crate::error::Error;
use crate::row::{Columns, Enum, Record, Row};
use crate::values::Values;
use ray_history_core::base::id::JobId;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::submission::{Driver, JobStatus, JobType, UnifiedJob};

impl Enum for JobType {
    fn word(self) -> &'static str {
        match self {
            Self::Submission => "SUBMISSION",
            Self::Driver => "DRIVER",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Submission, Self::Driver].into_iter().find(|job_type| job_type.word() == word)
    }
}

impl Enum for JobStatus {
    fn word(self) -> &'static str {
        self.name()
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::parse(word)
    }
}

impl Record for Driver {
    fn empty() -> Self {
        Self { id: JobId::NIL, node_ip_address: Box::default(), pid: Box::default() }
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { id, node_ip_address, pid } = self;
        columns.string("job_id", id)?;
        columns.string("node_ip", node_ip_address)?;
        columns.string("pid", pid)
    }
}

impl Record for UnifiedJob {
    fn empty() -> Self {
        Self {
            job_type: JobType::Driver,
            submission_id: None,
            drivers: Vec::new(),
            status: JobStatus::Pending,
            entrypoint: Box::default(),
            message: None,
            error_type: None,
            start_ms: None,
            end_ms: None,
            metadata: Vec::new(),
            runtime_env: Box::default(),
            driver_agent_http_address: None,
            driver_node_id: None,
            driver_exit_code: None,
        }
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let mut shown = self.driver().map(|driver| driver.id);
        let Self {
            job_type,
            submission_id,
            drivers,
            status,
            entrypoint,
            message,
            error_type,
            start_ms,
            end_ms,
            metadata,
            runtime_env,
            driver_agent_http_address,
            driver_node_id,
            driver_exit_code,
        } = self;
        columns.string("type", job_type)?;
        columns.string("submission_id", submission_id)?;
        columns.string("job_id", &mut shown)?;
        columns.list("drivers", drivers)?;
        columns.string("status", status)?;
        columns.string("entrypoint", entrypoint)?;
        columns.string("message", message)?;
        columns.string("error_type", error_type)?;
        columns.millis([("start_at", start_ms), ("end_at", end_ms)])?;
        columns.map("metadata", metadata)?;
        columns.runtime_env(runtime_env)?;
        columns.string("driver_agent_http_address", driver_agent_http_address)?;
        columns.string("driver_node_id", driver_node_id)?;
        columns.number("driver_exit_code", driver_exit_code)
    }
}

impl Row for UnifiedJob {
    const TABLE: &'static str = "jobs";

    fn is_before(&self, _next: &Self, _values: &Values) -> bool {
        true
    }
}

impl Member for UnifiedJob {
    fn rows(snapshot: &Snapshot) -> &[Self] {
        &snapshot.jobs
    }

    fn without_messages(self) -> Self {
        Self { message: None, ..self }
    }
}
