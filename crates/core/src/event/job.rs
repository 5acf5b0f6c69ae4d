//! Job payloads: driver jobs, and submission jobs (defined by Ray since 2.55, never sent up to 2.60).

use super::reader::{Reader, Result};
use super::value::{id, time};
use crate::base::id::{JobId, NodeId};
use crate::base::time::Nanos;
use std::borrow::Cow;

/// `Config` of either kind of job.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct JobConfig<'a> {
    pub serialized_runtime_env: Cow<'a, str>,
    pub metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

fn config<'a>(r: &mut Reader<'a>) -> Result<JobConfig<'a>> {
    let mut out = JobConfig::default();
    r.object(|r, key| match key {
        "serializedRuntimeEnv" | "serialized_runtime_env" => {
            out.serialized_runtime_env = r.string()?;
            Ok(())
        }
        "metadata" => r.object(|r, key| {
            let entry = (r.text_of(key)?, r.string()?);
            out.metadata.push(entry);
            Ok(())
        }),
        _ => r.skip().map(|_| ()),
    })?;
    Ok(out)
}

/// `DriverJobDefinitionEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct DriverJobDefinition<'a> {
    pub job_id: Option<JobId>,
    pub driver_pid: i64,
    pub driver_node_id: Option<NodeId>,
    pub entrypoint: Cow<'a, str>,
    pub config: JobConfig<'a>,
}

/// Reads a driver job's definition.
pub fn driver_definition<'a>(r: &mut Reader<'a>) -> Result<DriverJobDefinition<'a>> {
    let mut out = DriverJobDefinition::default();
    r.object(|r, key| {
        match key {
            "jobId" | "job_id" => out.job_id = id(r)?,
            "driverPid" | "driver_pid" => out.driver_pid = r.int()?,
            "driverNodeId" | "driver_node_id" => out.driver_node_id = id(r)?,
            "entrypoint" => out.entrypoint = r.string()?,
            "config" => out.config = config(r)?,
            _ => r.unknown("driverJobDefinitionEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// `DriverJobLifecycleEvent`: the times of its transitions, zero for one that is missing.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct DriverJobLifecycle {
    pub job_id: Option<JobId>,
    pub created: Nanos,
    pub finished: Nanos,
    /// Transitions to states that a later Ray added.
    pub unknown_states: u32,
}

/// Reads a driver job's lifecycle.
pub fn driver_lifecycle(r: &mut Reader<'_>) -> Result<DriverJobLifecycle> {
    let mut out = DriverJobLifecycle::default();
    r.object(|r, key| {
        match key {
            "jobId" | "job_id" => out.job_id = id(r)?,
            "stateTransitions" | "state_transitions" => r.array(|r| {
                let (mut state, mut at) = ("", 0);
                r.object(|r, key| {
                    match key {
                        "state" => state = r.plain()?,
                        "timestamp" => at = time(r)?,
                        _ => r.unknown("driverJobLifecycleEvent.stateTransitions", key)?,
                    }
                    Ok(())
                })?;
                match state {
                    "CREATED" => out.created = out.created.max(at),
                    "FINISHED" => out.finished = out.finished.max(at),
                    _ => out.unknown_states += 1,
                }
                Ok(())
            })?,
            _ => r.unknown("driverJobLifecycleEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// `SubmissionJobDefinitionEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct SubmissionJobDefinition<'a> {
    pub submission_id: Cow<'a, str>,
    pub entrypoint: Cow<'a, str>,
    pub config: JobConfig<'a>,
}

/// Reads a submission's definition.
pub fn submission_definition<'a>(r: &mut Reader<'a>) -> Result<SubmissionJobDefinition<'a>> {
    let mut out = SubmissionJobDefinition::default();
    r.object(|r, key| {
        match key {
            "submissionId" | "submission_id" => out.submission_id = r.string()?,
            "entrypoint" => out.entrypoint = r.string()?,
            "config" => out.config = config(r)?,
            "entrypointResources" | "entrypoint_resources" => {
                r.skip()?;
            }
            _ => r.unknown("submissionJobDefinitionEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// `SubmissionJobLifecycleEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct SubmissionJobLifecycle<'a> {
    pub submission_id: Cow<'a, str>,
    pub transitions: Vec<SubmissionTransition<'a>>,
}

/// One state of a submission.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct SubmissionTransition<'a> {
    pub state: &'a str,
    pub timestamp: Nanos,
    pub message: Cow<'a, str>,
    pub error_type: Cow<'a, str>,
    pub driver_node_id: Option<NodeId>,
    pub driver_agent_http_address: Cow<'a, str>,
    pub driver_exit_code: Option<i64>,
}

/// Reads a submission's lifecycle.
pub fn submission_lifecycle<'a>(r: &mut Reader<'a>) -> Result<SubmissionJobLifecycle<'a>> {
    let mut out = SubmissionJobLifecycle::default();
    r.object(|r, key| {
        match key {
            "submissionId" | "submission_id" => out.submission_id = r.string()?,
            "stateTransitions" | "state_transitions" => r.array(|r| {
                out.transitions.push(submission_transition(r)?);
                Ok(())
            })?,
            _ => r.unknown("submissionJobLifecycleEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn submission_transition<'a>(r: &mut Reader<'a>) -> Result<SubmissionTransition<'a>> {
    let mut out = SubmissionTransition::default();
    r.object(|r, key| {
        match key {
            "state" => out.state = r.plain()?,
            "timestamp" => out.timestamp = time(r)?,
            "message" => out.message = r.string()?,
            "errorType" | "error_type" => out.error_type = r.string()?,
            "driverNodeId" | "driver_node_id" => out.driver_node_id = id(r)?,
            "driverAgentHttpAddress" | "driver_agent_http_address" => out.driver_agent_http_address = r.string()?,
            "driverExitCode" | "driver_exit_code" if !r.is_null() => out.driver_exit_code = Some(r.int()?),
            "driverExitCode" | "driver_exit_code" => {
                r.skip()?;
            }
            _ => r.unknown("submissionJobLifecycleEvent.stateTransitions", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}
