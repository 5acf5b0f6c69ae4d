use super::*;
use crate::test_events::{self, snapshot};

fn get(snapshot: Snapshot, redact: bool) -> Value {
    let answer = runs(&Arc::new(snapshot), &Query { redact, ..Query::default() }).unwrap();
    serde_json::from_slice(&answer.into_bytes()).unwrap()
}

/// A run with two attempts, of which the first failed, as logged by Ray 2.60's controller.
fn controller_log(until: usize) -> String {
    let messages = [
        "Requesting resources: {'GPU': 1, 'CPU': 0.5} * 2",
        "PlacementGroupCleaner launched for run_id=ebccd8a5",
        "[State Transition] INITIALIZING -> SCHEDULING.",
        "Attempting to start training worker group of size 2 with the following resources: [{'GPU': 1, 'CPU': 0.5}] * 2",
        "Started training worker group of size 2: \\n- (ip=127.0.0.2, pid=8) world_rank=1, local_rank=0, node_rank=1\\n- (ip=127.0.0.1, pid=7) world_rank=0, local_rank=0, node_rank=0",
        "[State Transition] SCHEDULING -> RUNNING.",
        "[FailurePolicy] RETRY\\n  Source: worker group\\n  Error count: 1 (max allowed: 3)\\nError: Training failed: rank 0",
        "[State Transition] RUNNING -> RESTARTING.",
        "[State Transition] RESTARTING -> SCHEDULING.",
        "Attempting to start training worker group of size 2 with the following resources: [{'GPU': 1, 'CPU': 0.5}] * 2",
        "Started training worker group of size 2: \\n- (ip=127.0.0.1, pid=9) world_rank=0, local_rank=0, node_rank=0",
        "[State Transition] SCHEDULING -> RUNNING.",
        "[State Transition] RUNNING -> SHUTTING_DOWN.",
        "[State Transition] SHUTTING_DOWN -> FINISHED.",
    ];
    let line = |(n, message): (usize, &&str)| {
        format!(
            "{{\"asctime\": \"2026-11-22 23:14:12,631\", \"message\": \"{message}\", \"process\": 5, \"job_id\": \"02000000\", \
             \"worker_id\": \"c0ffee\", \"node_id\": \"{node}\", \"actor_id\": \"{actor}\", \"run_name\": \"exp1\", \
             \"component\": \"controller\", \"timestamp_ns\": {ns}}}\n",
            node = test_events::HEAD,
            actor = test_events::ALIVE,
            ns = 1_795_389_252_000_000_000 + i64::try_from(n).unwrap(),
        )
    };
    messages.iter().take(until).enumerate().map(line).collect()
}

fn worker_log() -> String {
    format!(
        "{{\"message\": \"Changing the working directory to: /tmp/ray/session_x/artifacts/exp1\", \"process\": 7, \
         \"job_id\": \"02000000\", \"worker_id\": \"beef\", \"node_id\": \"{}\", \"actor_id\": \"{}\", \"run_name\": \"exp1\", \
         \"component\": \"worker\", \"world_rank\": 0, \"local_rank\": 0, \"node_rank\": 0, \"timestamp_ns\": 5}}\n",
        test_events::HEAD,
        test_events::GROUPED
    )
}

fn logged(until: usize) -> Snapshot {
    let mut snapshot = (*snapshot()).clone();
    snapshot.facts.read("n", "train/ray-train-app-controller-c0ffee.log", controller_log(until).as_bytes());
    snapshot.facts.read("n", "train/ray-train-sys-worker-beef.log", worker_log().as_bytes());
    snapshot
}

#[test]
fn reads_run_from_its_controllers_log() {
    let answer = get(logged(usize::MAX), false);
    let run = &answer["train_runs"][0];
    assert_eq!((&run["id"], &run["name"], &run["status"]), (&json!("ebccd8a5"), &json!("exp1"), &json!("FINISHED")));
    assert_eq!(run["status_detail"], Value::Null);
    assert_eq!(run["start_time_ns"], 1_795_389_252_000_000_001_i64);
    assert_eq!(run["end_time_ns"], 1_795_389_252_000_000_013_i64);
    assert_eq!(run["controller_log_file_path"], "/tmp/ray/session_x/logs/train/ray-train-app-controller-c0ffee.log");
    let settings = &run["run_settings"];
    assert_eq!(settings["scaling_config"]["num_workers"], 2);
    assert_eq!(
        (&settings["scaling_config"]["use_gpu"], &settings["scaling_config"]["use_tpu"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(settings["run_config"]["failure_config"]["max_failures"], 3);
    let missing = settings["not_recorded"].as_array().unwrap();
    assert!(missing.contains(&json!("data_config")) && !missing.contains(&json!("run_config.failure_config")));

    let attempts = run["attempts"].as_array().unwrap();
    let seen: Vec<_> = attempts.iter().map(|a| (a["status"].as_str(), a["status_detail"].as_str())).collect();
    assert_eq!(seen, [(Some("ERRORED"), Some("Training failed: rank 0")), (Some("FINISHED"), None)]);
    assert_eq!(attempts[0]["end_time_ns"], 1_795_389_252_000_000_007_i64);
    let workers = attempts[0]["workers"].as_array().unwrap();
    assert_eq!((&workers[1]["actor_id"], &workers[1]["status"]), (&json!(test_events::GROUPED), &json!("DEAD")));
    assert_eq!(workers[1]["log_file_path"], "/tmp/ray/session_x/logs/train/ray-train-app-worker-beef.log");
    assert_eq!((&workers[0]["pid"], &workers[0]["actor_id"]), (&json!(8), &json!("")), "it left no log");
}

#[test]
fn run_without_end_keeps_its_last_state() {
    for (until, status, detail, attempt) in [
        (2, "INITIALIZING", None, None),
        (4, "SCHEDULING", Some("Scheduling 2 workers, each requiring: {'CPU': 0.5, 'GPU': 1}."), Some("PENDING")),
        (6, "RUNNING", None, Some("RUNNING")),
        (8, "RESTARTING", None, Some("ERRORED")),
        (13, "RUNNING", None, Some("RUNNING")),
    ] {
        let mut snapshot = logged(until);
        let answer = get(snapshot.clone(), false);
        let run = &answer["train_runs"][0];
        assert_eq!((run["status"].as_str(), run["end_time_ns"].as_i64()), (Some(status), None), "{until} lines");
        assert_eq!(
            run["status_detail"].as_str().map(|text| text.replace(": ", ":").replace(", ", ",")),
            detail.map(|text| text.replace(": ", ":").replace(", ", ","))
        );
        let last = run["attempts"].as_array().unwrap().last();
        let attempt = if until == 13 { Some("FINISHED") } else { attempt };
        assert_eq!(last.and_then(|last| last["status"].as_str()), attempt, "{until} lines");
        // The same run after its controller died.
        let id = ActorId::from_hex(test_events::ALIVE).unwrap();
        let row = snapshot.actors.binary_search_by_key(&id, |actor| actor.id).unwrap();
        (snapshot.actors[row].state, snapshot.actors[row].end) = (ActorState::Dead, 9);
        let run = get(snapshot, false)["train_runs"][0].clone();
        assert_eq!((run["status"].as_str(), run["end_time_ns"].as_i64()), (Some("ABORTED"), Some(9)), "{until} lines");
    }
}

/// One run as exported by Ray 2.60, without panels.
const EXPORTED: &str = r#"{"event_id": "a", "timestamp": 1795389250, "source_type": "EXPORT_TRAIN_RUN", "event_data": {"schema_version": 4, "id": "63ef", "name": "tr1", "job_id": "BQAAAA==", "controller_actor_id": "9gTkCz5UMj2shxghBQAAAA==", "status": "RUNNING", "start_time_ns": "1795389248182427581", "ray_train_version": 2, "framework_versions": {"ray": "2.60.0"}, "run_settings": {"backend_config": {"config": {}, "framework": "TORCH"}, "scaling_config": {"num_workers_range": {"min": 1, "max": 4}, "resources_per_worker": {"values": {"CPU": 0.5}}, "placement_strategy": "PACK", "label_selector_single": {"values": {"a": "b"}}}, "data_config": {"datasets": {"values": ["train"]}, "enable_shard_locality": true}, "run_config": {"name": "tr1", "failure_config": {"controller_failure_limit": -1}, "worker_runtime_env": {"env_vars": {"TOKEN": "secret"}}, "checkpoint_config": {"checkpoint_score_order": "MAX"}, "storage_path": "/s"}}}}
{"event_id": "b", "timestamp": 1795389252, "source_type": "EXPORT_TRAIN_RUN_ATTEMPT", "event_data": {"run_id": "63ef", "attempt_id": "f5c5", "status": "RUNNING", "start_time_ns": "1795389250248587744", "resources": [{"resources": {"CPU": 0.5}}], "workers": [{"actor_id": "OiazLiqXBkNU5PPWBQAAAA==", "node_id": "ARgKj4lzMSFvOMtSMHQ/NgW3rh72s3DIrxagUg==", "node_ip": "127.0.0.1", "pid": 14107, "status": "ALIVE", "resources": {"resources": {"CPU": 0.5}}, "world_rank": 0, "gpu_ids": []}], "ray_train_version": 2}}
{"event_id": "c", "timestamp": 1795389252, "source_type": "EXPORT_TRAIN_RUN", "event_data": {"id": "old", "ray_train_version": 1}}
"#;

#[test]
fn converts_exported_rows_to_rays_schema() {
    let mut snapshot = (*snapshot()).clone();
    snapshot.facts.read("n", "export_events/event_EXPORT_TRAIN_STATE.log", EXPORTED.as_bytes());
    let answer = get(snapshot.clone(), false);
    assert_eq!(answer["train_runs"].as_array().map(Vec::len), Some(1), "the older Train has its own answer");
    let run = &answer["train_runs"][0];
    assert_eq!(
        (&run["job_id"], &run["controller_actor_id"]),
        (&json!("05000000"), &json!("f604e40b3e54323dac87182105000000"))
    );
    assert_eq!((&run["start_time_ns"], &run["end_time_ns"]), (&json!(1_795_389_248_182_427_581_i64), &Value::Null));
    let settings = &run["run_settings"];
    assert_eq!(settings["backend_config"]["framework"], "torch");
    assert_eq!(settings["scaling_config"]["num_workers"], json!([1, 4]));
    assert_eq!(settings["scaling_config"]["bundle_label_selector"], json!({"a": "b"}));
    assert_eq!(settings["data_config"]["datasets_to_split"], json!(["train"]));
    assert_eq!(settings["run_config"]["checkpoint_config"]["checkpoint_score_order"], "max");
    assert_eq!(settings["run_config"]["failure_config"]["max_failures"], 0);
    let worker = &run["attempts"][0]["workers"][0];
    assert_eq!((&worker["actor_id"], &worker["node_id"]), (&json!(test_events::GROUPED), &json!(test_events::HEAD)));
    assert_eq!(
        (&worker["local_rank"], &worker["processStats"], &worker["gpus"]),
        (&json!(0), &Value::Null, &json!([]))
    );
    assert!(answer.to_string().contains("secret") && !get(snapshot, true).to_string().contains("secret"));
}

#[test]
fn stored_run_wins_unless_it_was_still_running() {
    let mut snapshot = logged(usize::MAX);
    let stored = |status: &str| {
        format!(
            r#"{{"train_runs": [{{"id": "stored", "controller_actor_id": "{}", "status": "{status}"}}]}}"#,
            test_events::ALIVE
        )
    };
    for (status, id) in [("ERRORED", "stored"), ("RUNNING", "ebccd8a5")] {
        snapshot.endpoints.insert("api/train/v2/runs/v1".into(), stored(status).into());
        let answer = get(snapshot.clone(), false);
        assert_eq!(answer["train_runs"].as_array().map(Vec::len), Some(1));
        assert_eq!(answer["train_runs"][0]["id"], id);
    }
    assert_eq!(get(Snapshot::default(), false), json!({"train_runs": []}));
    assert!(matches!(old_runs(&Arc::new(Snapshot::default()), &Query::default()), Err(RayError::Failed(_))));
}
