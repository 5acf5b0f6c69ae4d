//! The table `driver_jobs`.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Flag, Int, Micros, Text};
use crate::rows::{RowReader, RowWriter, Table};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::job::DriverJob;

pub(crate) const TABLE: Table = Table {
    name: "driver_jobs",
    columns: &[
        ("job_id", Text),
        ("defined", Flag),
        ("driver_pid", Int),
        ("driver_node_id", Text),
        ("entrypoint", Text),
        ("runtime_env", Text),
        ("_runtime_env", Int),
        ("metadata", Text),
        ("created_at", Micros),
        ("_created_ns", Int),
        ("finished_at", Micros),
        ("_finished_ns", Int),
    ],
};

pub(crate) fn write(
    snapshot: &Snapshot,
    environments: &mut Environments,
    stamp: &Stamp,
) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, &snapshot.driver_jobs, |out, job| {
        let DriverJob { id, defined, driver_pid, driver_node, entrypoint, runtime_env, metadata, created, finished } =
            job;
        out.hex(&id.0);
        out.flag(Some(*defined));
        out.int(Some(*driver_pid));
        out.hex(snapshot.id(*driver_node));
        out.str(snapshot.str(*entrypoint));
        out.environment(snapshot.str(*runtime_env), environments);
        push_metadata(snapshot, out, metadata);
        out.time(*created);
        out.time(*finished);
    })
}

/// Appends metadata as a JSON object; none is absent.
pub(super) fn push_metadata(snapshot: &Snapshot, out: &mut RowWriter, metadata: &[(Str, Str)]) {
    let pairs = metadata.iter().map(|(key, value)| (snapshot.str(*key).to_owned(), snapshot.str(*value).into()));
    let object: serde_json::Map<String, serde_json::Value> = pairs.collect();
    out.text((!object.is_empty()).then(|| serde_json::Value::from(object).to_string()).as_deref());
}

/// Takes metadata, which is sorted by key.
pub(super) fn pull_metadata(row: &mut RowReader<'_, '_>) -> Result<Vec<(Str, Str)>, Error> {
    let pairs: std::collections::BTreeMap<String, String> = row.json()?;
    let values = row.values();
    Ok(pairs.iter().map(|(key, value)| (values.strings.str(key), values.strings.str(value))).collect())
}

pub(crate) fn read(
    bytes: Bytes,
    stamp: &Stamp,
    expected: &Expected,
    values: &mut Values,
) -> Result<Vec<DriverJob>, Error> {
    TABLE.read(bytes, stamp, expected, values, |row| {
        Ok(DriverJob {
            id: row.id()?,
            defined: row.flag().unwrap_or_default(),
            driver_pid: row.small()?,
            driver_node: row.any_id()?,
            entrypoint: row.str(),
            runtime_env: row.environment()?,
            metadata: pull_metadata(row)?,
            created: row.time(),
            finished: row.time(),
        })
    })
}
