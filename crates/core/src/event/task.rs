//! Task payloads: definition, lifecycle (and the `taskExecutionEvent` of Ray 2.49), profile.

use super::reader::{Reader, Result};
use super::value::{id, map, time};
use crate::base::id::{ActorId, JobId, NodeId, PlacementGroupId, TaskId, WorkerId};
use crate::base::task::{Language, TaskState, TaskType};
use crate::base::time::Nanos;
use std::borrow::Cow;

/// `TaskDefinitionEvent` or `ActorTaskDefinitionEvent`. An empty string means "not sent".
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct TaskDefinition<'a> {
    pub task_id: Option<TaskId>,
    pub attempt: i64,
    /// `true` for an `ActorTaskDefinitionEvent`.
    pub is_actor_task: bool,
    /// `None` for a type that a later Ray added.
    pub task_type: Option<TaskType>,
    pub language: Language,
    pub function: Function<'a>,
    pub name: Cow<'a, str>,
    /// JSON text of a `map<string, double>`.
    pub required_resources: &'a str,
    pub job_id: Option<JobId>,
    pub actor_id: Option<ActorId>,
    pub parent_task_id: Option<TaskId>,
    pub placement_group_id: Option<PlacementGroupId>,
    pub serialized_runtime_env: Cow<'a, str>,
    pub call_site: Cow<'a, str>,
    /// JSON text of a `map<string, string>`.
    pub label_selector: &'a str,
    /// JSON text of a `FallbackStrategy`.
    pub fallback_strategy: &'a str,
}

/// A function descriptor of any language.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub enum Function<'a> {
    #[default]
    None,
    Python {
        class_name: Cow<'a, str>,
        function_name: Cow<'a, str>,
    },
    Java {
        class_name: Cow<'a, str>,
        function_name: Cow<'a, str>,
    },
    Cpp {
        function_name: Cow<'a, str>,
    },
}

impl Function<'_> {
    /// Returns `Class.func` or `func`, as the state API prints it (Ray's `FunctionDescriptor::CallString`).
    pub fn call_string(&self) -> Cow<'_, str> {
        let short = |name: &str| -> usize { name.rfind('.').map_or(0, |dot| dot + 1) };
        match self {
            Self::None => Cow::Borrowed(""),
            Self::Python { class_name, function_name } if class_name.is_empty() => {
                Cow::Borrowed(&function_name[short(function_name)..])
            }
            Self::Python { class_name, function_name } => {
                Cow::Owned(format!("{}.{}", &class_name[short(class_name)..], &function_name[short(function_name)..]))
            }
            Self::Java { class_name, function_name } if class_name.is_empty() => Cow::Borrowed(function_name),
            Self::Java { class_name, function_name } => Cow::Owned(format!("{class_name}.{function_name}")),
            Self::Cpp { function_name } => Cow::Borrowed(function_name),
        }
    }
}

/// Reads a definition; `actor_task` selects which of the two messages it is.
pub fn definition<'a>(r: &mut Reader<'a>, actor_task: bool) -> Result<TaskDefinition<'a>> {
    let mut out = TaskDefinition {
        is_actor_task: actor_task,
        task_type: Some(if actor_task { TaskType::ActorTask } else { TaskType::NormalTask }),
        ..TaskDefinition::default()
    };
    r.object(|r, key| {
        match key {
            "taskId" | "task_id" => out.task_id = id(r)?,
            "taskAttempt" | "task_attempt" => out.attempt = r.int()?,
            "taskType" | "task_type" => out.task_type = TaskType::parse(r.plain()?),
            "language" => out.language = Language::parse(r.plain()?).unwrap_or_default(),
            "taskFunc" | "task_func" | "actorFunc" | "actor_func" => out.function = function(r)?,
            "taskName" | "task_name" | "actorTaskName" | "actor_task_name" => out.name = r.string()?,
            "requiredResources" | "required_resources" => out.required_resources = map(r)?,
            "jobId" | "job_id" => out.job_id = id(r)?,
            "actorId" | "actor_id" => out.actor_id = id(r)?,
            "parentTaskId" | "parent_task_id" => out.parent_task_id = id(r)?,
            "placementGroupId" | "placement_group_id" => out.placement_group_id = id(r)?,
            "serializedRuntimeEnv" | "serialized_runtime_env" => out.serialized_runtime_env = r.string()?,
            // Ray 2.49 sent the whole RuntimeEnvInfo.
            "runtimeEnvInfo" | "runtime_env_info" => r.object(|r, key| match key {
                "serializedRuntimeEnv" | "serialized_runtime_env" => {
                    out.serialized_runtime_env = r.string()?;
                    Ok(())
                }
                _ => r.skip().map(|_| ()),
            })?,
            "callSite" | "call_site" => out.call_site = r.string()?,
            "labelSelector" | "label_selector" => out.label_selector = map(r)?,
            "fallbackStrategy" | "fallback_strategy" => out.fallback_strategy = map(r)?,
            "refIds" | "ref_ids" | "isDetachedActor" | "is_detached_actor" => {
                r.skip()?;
            }
            _ => r.unknown("taskDefinitionEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn function<'a>(r: &mut Reader<'a>) -> Result<Function<'a>> {
    let mut out = Function::None;
    r.object(|r, language| {
        let (mut class_name, mut function_name) = (Cow::Borrowed(""), Cow::Borrowed(""));
        r.object(|r, key| {
            match key {
                "className" | "class_name" => class_name = r.string()?,
                "functionName" | "function_name" => function_name = r.string()?,
                "functionHash" | "function_hash" | "moduleName" | "module_name" | "signature" | "caller" => {
                    r.skip()?;
                }
                _ => r.unknown("functionDescriptor", key)?,
            }
            Ok(())
        })?;
        match language {
            "pythonFunctionDescriptor" | "python_function_descriptor" => {
                out = Function::Python { class_name, function_name };
            }
            "javaFunctionDescriptor" | "java_function_descriptor" => out = Function::Java { class_name, function_name },
            "cppFunctionDescriptor" | "cpp_function_descriptor" => out = Function::Cpp { function_name },
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

/// `TaskLifecycleEvent`. An empty string or `None` means "not sent".
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct TaskLifecycle<'a> {
    pub task_id: Option<TaskId>,
    pub attempt: i64,
    pub job_id: Option<JobId>,
    pub transitions: Vec<(TaskState, Nanos)>,
    /// Transitions to states that a later Ray added.
    pub unknown_states: u32,
    pub error: Option<TaskError<'a>>,
    pub node_id: Option<NodeId>,
    pub worker_id: Option<WorkerId>,
    pub worker_pid: i64,
    pub is_debugger_paused: Option<bool>,
    pub actor_repr_name: Cow<'a, str>,
    pub log: Option<TaskLog<'a>>,
}

/// `RayErrorInfo`, limited to the fields that the state API shows.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct TaskError<'a> {
    pub error_type: &'a str,
    pub error_message: Cow<'a, str>,
}

/// `TaskLogInfo`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct TaskLog<'a> {
    pub stdout_file: Cow<'a, str>,
    pub stderr_file: Cow<'a, str>,
    pub stdout_start: Option<i64>,
    pub stdout_end: Option<i64>,
    pub stderr_start: Option<i64>,
    pub stderr_end: Option<i64>,
}

/// Reads a lifecycle event, or the `taskExecutionEvent` of Ray 2.49, which has a map instead of transitions.
pub fn lifecycle<'a>(r: &mut Reader<'a>) -> Result<TaskLifecycle<'a>> {
    let mut out = TaskLifecycle::default();
    r.object(|r, key| {
        match key {
            "taskId" | "task_id" => out.task_id = id(r)?,
            "taskAttempt" | "task_attempt" => out.attempt = r.int()?,
            "jobId" | "job_id" => out.job_id = id(r)?,
            "stateTransitions" | "state_transitions" => r.array(|r| transition(r, &mut out))?,
            "taskState" | "task_state" => r.object(|r, number| {
                let state = number.parse().ok().and_then(TaskState::from_number);
                let at = time(r)?;
                push_transition(&mut out, state, at);
                Ok(())
            })?,
            "rayErrorInfo" | "ray_error_info" if !r.is_null() => out.error = Some(error(r)?),
            "nodeId" | "node_id" => out.node_id = id(r)?,
            "workerId" | "worker_id" => out.worker_id = id(r)?,
            "workerPid" | "worker_pid" => out.worker_pid = r.int()?,
            "isDebuggerPaused" | "is_debugger_paused" if !r.is_null() => out.is_debugger_paused = Some(r.bool()?),
            "actorReprName" | "actor_repr_name" => out.actor_repr_name = r.string()?,
            "taskLogInfo" | "task_log_info" if !r.is_null() => out.log = Some(log(r)?),
            "rayErrorInfo" | "ray_error_info" | "isDebuggerPaused" | "is_debugger_paused" | "taskLogInfo"
            | "task_log_info" => {
                r.skip()?;
            }
            _ => r.unknown("taskLifecycleEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn transition(r: &mut Reader<'_>, out: &mut TaskLifecycle<'_>) -> Result<()> {
    let (mut state, mut at) = ("", 0);
    r.object(|r, key| {
        match key {
            "state" => state = r.plain()?,
            "timestamp" => at = time(r)?,
            _ => r.unknown("taskLifecycleEvent.stateTransitions", key)?,
        }
        Ok(())
    })?;
    push_transition(out, TaskState::parse(state), at);
    Ok(())
}

fn push_transition(out: &mut TaskLifecycle<'_>, state: Option<TaskState>, at: Nanos) {
    match state {
        Some(state) => out.transitions.push((state, at)),
        None => out.unknown_states += 1,
    }
}

fn error<'a>(r: &mut Reader<'a>) -> Result<TaskError<'a>> {
    let mut out = TaskError::default();
    r.object(|r, key| {
        match key {
            "errorType" | "error_type" => out.error_type = r.plain()?,
            "errorMessage" | "error_message" => out.error_message = r.string()?,
            "actorUnavailableError"
            | "actor_unavailable_error"
            | "actorDiedError"
            | "actor_died_error"
            | "runtimeEnvSetupFailedError"
            | "runtime_env_setup_failed_error" => {
                r.skip()?;
            }
            _ => r.unknown("rayErrorInfo", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn log<'a>(r: &mut Reader<'a>) -> Result<TaskLog<'a>> {
    let mut out = TaskLog::default();
    r.object(|r, key| {
        match key {
            "stdoutFile" | "stdout_file" => out.stdout_file = r.string()?,
            "stderrFile" | "stderr_file" => out.stderr_file = r.string()?,
            "stdoutStart" | "stdout_start" if !r.is_null() => out.stdout_start = Some(r.int()?),
            "stdoutEnd" | "stdout_end" if !r.is_null() => out.stdout_end = Some(r.int()?),
            "stderrStart" | "stderr_start" if !r.is_null() => out.stderr_start = Some(r.int()?),
            "stderrEnd" | "stderr_end" if !r.is_null() => out.stderr_end = Some(r.int()?),
            "stdoutStart" | "stdout_start" | "stdoutEnd" | "stdout_end" | "stderrStart" | "stderr_start"
            | "stderrEnd" | "stderr_end" => {
                r.skip()?;
            }
            _ => r.unknown("taskLogInfo", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// `TaskProfileEvents`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct TaskProfile<'a> {
    pub task_id: Option<TaskId>,
    pub attempt: i64,
    pub job_id: Option<JobId>,
    pub component_type: Cow<'a, str>,
    pub component_id: Option<WorkerId>,
    pub node_ip: Cow<'a, str>,
    pub events: Vec<ProfileSpan<'a>>,
}

/// One entry of `ProfileEvents`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct ProfileSpan<'a> {
    pub start: Nanos,
    pub end: Nanos,
    pub name: Cow<'a, str>,
    /// JSON text; empty when not sent.
    pub extra_data: Cow<'a, str>,
}

/// Reads a profile event.
pub fn profile<'a>(r: &mut Reader<'a>) -> Result<TaskProfile<'a>> {
    let mut out = TaskProfile::default();
    r.object(|r, key| {
        match key {
            "taskId" | "task_id" => out.task_id = id(r)?,
            "attemptNumber" | "attempt_number" => out.attempt = r.int()?,
            "jobId" | "job_id" => out.job_id = id(r)?,
            "profileEvents" | "profile_events" => r.object(|r, key| {
                match key {
                    "componentType" | "component_type" => out.component_type = r.string()?,
                    "componentId" | "component_id" => out.component_id = id(r)?,
                    "nodeIpAddress" | "node_ip_address" => out.node_ip = r.string()?,
                    "events" => r.array(|r| {
                        out.events.push(span(r)?);
                        Ok(())
                    })?,
                    _ => r.unknown("taskProfileEvents.profileEvents", key)?,
                }
                Ok(())
            })?,
            _ => r.unknown("taskProfileEvents", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn span<'a>(r: &mut Reader<'a>) -> Result<ProfileSpan<'a>> {
    let mut out = ProfileSpan::default();
    r.object(|r, key| {
        match key {
            "startTime" | "start_time" => out.start = r.int()?,
            "endTime" | "end_time" => out.end = r.int()?,
            "eventName" | "event_name" => out.name = r.string()?,
            "extraData" | "extra_data" => out.extra_data = r.string()?,
            _ => r.unknown("taskProfileEvents.events", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}
