//! The table `jobs`: jobs as the dashboard lists them, in its order. They are written for queries alone: a reader derives
//! them from the facts again, by its own rules.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Int, Millis, Text};
use crate::rows::Table;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::submission::{Driver, JobType, UnifiedJob};
use serde_json::{Map, Value, json};

pub(crate) const TABLE: Table = Table {
    name: "jobs",
    columns: &[
        ("type", Text),
        ("submission_id", Text),
        ("job_id", Text),
        ("drivers", Text),
        ("status", Text),
        ("entrypoint", Text),
        ("message", Text),
        ("error_type", Text),
        ("start_at", Millis),
        ("end_at", Millis),
        ("metadata", Text),
        ("runtime_env", Text),
        ("_runtime_env", Int),
        ("driver_agent_http_address", Text),
        ("driver_node_id", Text),
        ("driver_exit_code", Int),
    ],
};

pub(crate) fn write(
    snapshot: &Snapshot,
    environments: &mut Environments,
    stamp: &Stamp,
    messages: bool,
) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, &snapshot.jobs, |out, job| {
        let UnifiedJob { job_type, submission_id, drivers, status, entrypoint, message, error_type, .. } = job;
        let UnifiedJob { start_ms, end_ms, metadata, runtime_env, driver_agent_http_address, .. } = job;
        out.str(match job_type {
            JobType::Submission => "SUBMISSION",
            JobType::Driver => "DRIVER",
        });
        out.text(submission_id.as_deref());
        out.text(job.driver().map(|driver| driver.id.hex()).as_deref());
        let driver = |Driver { id, node_ip_address, pid }: &Driver| {
            json!({"job_id": id.hex(), "node_ip": node_ip_address, "pid": pid})
        };
        let drivers: Vec<Value> = drivers.iter().map(driver).collect();
        out.text((!drivers.is_empty()).then(|| Value::from(drivers).to_string()).as_deref());
        out.str(status.name());
        out.str(entrypoint);
        out.text(message.as_deref().filter(|_| messages));
        out.text(error_type.as_deref());
        out.millis(*start_ms);
        out.millis(*end_ms);
        let pairs = metadata.iter().map(|(key, value)| (key.to_string(), Value::from(&**value)));
        let object: Map<String, Value> = pairs.collect();
        out.text((!object.is_empty()).then(|| Value::from(object).to_string()).as_deref());
        out.environment(runtime_env, environments);
        out.text(driver_agent_http_address.as_deref());
        out.text(job.driver_node_id.as_deref());
        out.int(job.driver_exit_code.map(i64::from));
    })
}
