//! The table `submission_events`.

use super::driver_jobs::{pull_metadata, push_metadata};
use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Int, Micros, Text};
use crate::rows::Table;
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::job::SubmissionEvents;

pub(crate) const TABLE: Table = Table {
    name: "submission_events",
    columns: &[
        ("submission_id", Text),
        ("entrypoint", Text),
        ("runtime_env", Text),
        ("_runtime_env", Int),
        ("metadata", Text),
        ("status", Text),
        ("message", Text),
        ("error_type", Text),
        ("driver_node_id", Text),
        ("driver_agent_http_address", Text),
        ("driver_exit_code", Int),
        ("start_at", Micros),
        ("_start_ns", Int),
        ("end_at", Micros),
        ("_end_ns", Int),
    ],
};

pub(crate) fn write(
    snapshot: &Snapshot,
    environments: &mut Environments,
    stamp: &Stamp,
) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, &snapshot.submission_events, |out, job| {
        let SubmissionEvents { submission_id, entrypoint, runtime_env, metadata, status, message, error_type, .. } =
            job;
        let SubmissionEvents { driver_node, driver_agent_http_address, driver_exit_code, start, end, .. } = job;
        out.str(snapshot.str(*submission_id));
        out.str(snapshot.str(*entrypoint));
        out.environment(snapshot.str(*runtime_env), environments);
        push_metadata(snapshot, out, metadata);
        for text in [status, message, error_type, driver_node, driver_agent_http_address] {
            out.str(snapshot.str(*text));
        }
        out.int(driver_exit_code.map(i64::from));
        out.time(*start);
        out.time(*end);
    })
}

pub(crate) fn read(
    bytes: Bytes,
    stamp: &Stamp,
    expected: &Expected,
    values: &mut Values,
) -> Result<Vec<SubmissionEvents>, Error> {
    TABLE.read(bytes, stamp, expected, values, |row| {
        Ok(SubmissionEvents {
            submission_id: row.str(),
            entrypoint: row.str(),
            runtime_env: row.environment()?,
            metadata: pull_metadata(row)?,
            status: row.str(),
            message: row.str(),
            error_type: row.str(),
            driver_node: row.str(),
            driver_agent_http_address: row.str(),
            driver_exit_code: row.maybe()?,
            start: row.time(),
            end: row.time(),
        })
    })
}
