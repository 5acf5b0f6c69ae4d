//! `run_settings` of a Train run, from its export row or its controller's log.

use super::proto::{int, list, object};
use serde_json::{Value, json};

/// Returns the settings of an export row (`ExportTrainRunEventData.RunSettings`).
pub(super) fn exported(row: &Value) -> Value {
    let mut data_config = object(&row["data_config"]);
    if let Some(data) = data_config.as_object_mut() {
        // One of two members names the datasets to split.
        let all = data.remove("all").is_some();
        let names = data.remove("datasets").map(|names| list(&names["values"]));
        data.insert("datasets_to_split".into(), if all { "all".into() } else { names.unwrap_or_default() });
        data.entry("execution_options").or_insert(Value::Null);
    }
    let (scaling, run) = (&row["scaling_config"], &row["run_config"]);
    json!({
        "train_loop_config": row["train_loop_config"],
        "backend_config": {
            "framework": framework(&row["backend_config"]["framework"]),
            "config": object(&row["backend_config"]["config"]),
        },
        "scaling_config": {
            "num_workers": num_workers(scaling),
            "use_gpu": flag(&scaling["use_gpu"]),
            "resources_per_worker": scaling["resources_per_worker"]["values"],
            "placement_strategy": scaling["placement_strategy"],
            "accelerator_type": scaling["accelerator_type"],
            "use_tpu": flag(&scaling["use_tpu"]),
            "topology": scaling["topology"],
            "bundle_label_selector": label_selector(scaling),
        },
        "datasets": list(&row["datasets"]),
        "data_config": data_config,
        "run_config": {
            "name": run["name"],
            "failure_config": {
                "max_failures": int(&run["failure_config"]["max_failures"]).as_i64().unwrap_or_default(),
                "controller_failure_limit":
                    int(&run["failure_config"]["controller_failure_limit"]).as_i64().unwrap_or_default(),
            },
            "worker_runtime_env": object(&run["worker_runtime_env"]),
            "checkpoint_config": {
                "num_to_keep": int(&run["checkpoint_config"]["num_to_keep"]),
                "checkpoint_score_attribute": run["checkpoint_config"]["checkpoint_score_attribute"],
                "checkpoint_score_order":
                    run["checkpoint_config"]["checkpoint_score_order"].as_str().map(str::to_lowercase),
            },
            "storage_path": run["storage_path"],
            "storage_filesystem": run["storage_filesystem"],
        },
    })
}

/// Returns a framework in the schema's spelling: `TORCH` becomes `torch`.
fn framework(value: &Value) -> Value {
    match value.as_str() {
        None | Some("TRAINING_FRAMEWORK_UNSPECIFIED") => Value::Null,
        Some(name) => name.to_lowercase().into(),
    }
}

fn num_workers(scaling: &Value) -> Value {
    let range = &scaling["num_workers_range"];
    if range.is_object() {
        return json!([int(&range["min"]), int(&range["max"])]);
    }
    int(&scaling["num_workers_fixed"])
}

fn label_selector(scaling: &Value) -> Value {
    if let Some(single) = scaling.get("label_selector_single") {
        return object(&single["values"]);
    }
    let Some(selectors) = scaling["label_selector_list"]["values"].as_array() else { return Value::Null };
    selectors.iter().map(|selector| object(&selector["values"])).collect()
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or_default()
}

/// Settings found in a controller's log.
pub(super) struct LoggedSettings<'a> {
    /// The run's name.
    pub(super) name: &'a str,
    /// Number of workers requested first.
    pub(super) num_workers: Option<i64>,
    /// Resources requested for each worker.
    pub(super) resources_per_worker: Value,
    /// Allowed failures of workers, logged only when one failed.
    pub(super) max_failures: Option<i64>,
}

/// Returns the settings of a run that is known only from logs.
///
/// Ray's schema requires most of them, so an unrecorded setting has Ray's default (`ScalingConfig`, `DataConfig`,
/// `FailureConfig`, `CheckpointConfig` of Ray 2.60) and is listed in `not_recorded`.
pub(super) fn logged(settings: &LoggedSettings<'_>) -> Value {
    // Ray refuses `use_gpu` without GPUs for the workers, and GPUs without it.
    let requests = |kind: &str| settings.resources_per_worker[kind].as_f64().is_some_and(|amount| amount > 0.0);
    // Ray's requests if the user names no resources.
    let defaults = [json!({"CPU": 1}), json!({"CPU": 1.0}), json!({"GPU": 1}), json!({"GPU": 1.0})];
    let resources = Some(&settings.resources_per_worker).filter(|resources| !defaults.contains(resources));
    let mut not_recorded = vec![
        "train_loop_config",
        "backend_config",
        "scaling_config.placement_strategy",
        "scaling_config.topology",
        "scaling_config.bundle_label_selector",
        "datasets",
        "data_config",
        "run_config.failure_config",
        "run_config.worker_runtime_env",
        "run_config.checkpoint_config",
        "run_config.storage_path",
        "run_config.storage_filesystem",
    ];
    if settings.max_failures.is_some() {
        not_recorded.retain(|path| *path != "run_config.failure_config");
    }
    json!({
        "train_loop_config": null,
        "backend_config": {"framework": null, "config": {}},
        "scaling_config": {
            "num_workers": settings.num_workers,
            "use_gpu": requests("GPU"),
            "resources_per_worker": resources,
            "placement_strategy": "PACK",
            "accelerator_type": accelerator(&settings.resources_per_worker),
            "use_tpu": requests("TPU"),
            "topology": null,
            "bundle_label_selector": null,
        },
        "datasets": [],
        "data_config": {
            "datasets_to_split": "all",
            "execution_options": null,
            "data_execution_options": {
                "default": {
                    "resource_limits": {"CPU": "inf", "GPU": "inf", "object_store_memory": "inf", "memory": "inf"},
                    "exclude_resources": {"CPU": 0.0, "GPU": 0.0, "object_store_memory": 0, "memory": 0},
                    "preserve_order": false,
                    "actor_locality_enabled": true,
                    "verbose_progress": true,
                },
                "per_dataset_execution_options": {},
            },
            "enable_shard_locality": true,
        },
        "run_config": {
            "name": settings.name,
            "failure_config": {
                "max_failures": settings.max_failures.unwrap_or_default(),
                "controller_failure_limit": -1,
            },
            "worker_runtime_env": {},
            "checkpoint_config": {
                "num_to_keep": null,
                "checkpoint_score_attribute": null,
                "checkpoint_score_order": "max",
            },
            // The default is in the user's home, which is not recorded.
            "storage_path": "",
            "storage_filesystem": null,
        },
        "not_recorded": not_recorded,
    })
}

/// Returns the type in a resource such as `accelerator_type:A100`.
fn accelerator(resources: &Value) -> Option<&str> {
    resources.as_object()?.keys().find_map(|name| name.strip_prefix("accelerator_type:"))
}
