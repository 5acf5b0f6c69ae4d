//! A stored answer of the live dashboard to `/api/jobs/`: the rows as they were when a collector last asked.

use super::told::{Told, text};
use super::{Driver, JobStatus};
use crate::base::id::JobId;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One row. What has another type than Ray gives it is a damaged row, and left out.
#[derive(Debug, Deserialize)]
pub(super) struct Polled {
    pub(super) job_id: Option<String>,
    pub(super) submission_id: Option<String>,
    driver_info: Option<DriverInfo>,
    status: Option<String>,
    entrypoint: Option<Box<str>>,
    message: Option<Box<str>>,
    error_type: Option<Box<str>>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    metadata: Option<BTreeMap<Box<str>, Box<str>>>,
    runtime_env: Option<Box<RawValue>>,
    driver_agent_http_address: Option<Box<str>>,
    driver_node_id: Option<Box<str>>,
    driver_exit_code: Option<i32>,
}

#[derive(Debug, Deserialize)]
struct DriverInfo {
    id: String,
    #[serde(default)]
    node_ip_address: Box<str>,
    #[serde(default)]
    pid: Box<str>,
}

/// The rows of the stored answer, if there is one. Its URL may have been stored with or without its slashes.
pub(super) fn jobs(endpoints: &BTreeMap<String, Vec<u8>>) -> Vec<Polled> {
    let body = endpoints.iter().find(|(url, _)| url.trim_matches('/') == "api/jobs").map(|(_, body)| body);
    let rows: Vec<&RawValue> = body.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    rows.into_iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect()
}

impl Polled {
    /// Its driver.
    pub(super) fn driver(&self) -> Option<Driver> {
        let info = self.driver_info.as_ref()?;
        let id = JobId::from_hex(&info.id)?;
        Some(Driver { id, node_ip_address: info.node_ip_address.clone(), pid: info.pid.clone() })
    }

    /// What it tells.
    pub(super) fn told(&self) -> Told {
        let object = |env: &RawValue| env.get().starts_with('{').then(|| env.get().into());
        Told {
            status: self.status.as_deref().and_then(JobStatus::parse),
            message: self.message.clone(),
            error_type: self.error_type.clone(),
            end_ms: self.end_time,
            assumed: false,
            exit_code: self.driver_exit_code,
            entrypoint: self.entrypoint.as_deref().and_then(text),
            start_ms: self.start_time,
            metadata: self.metadata.clone().map(|metadata| metadata.into_iter().collect()),
            runtime_env: self.runtime_env.as_deref().and_then(object),
            agent: self.driver_agent_http_address.clone(),
            node: self.driver_node_id.clone(),
        }
    }
}
