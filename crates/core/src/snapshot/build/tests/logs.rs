//! Tests of the facts that logs and updates of other attempts add to workers and attempts.

use super::*;

/// Workers without events come from logs and attempts, and their attempts fail when they die.
#[test]
fn builds_workers_from_logs_and_attempts() {
    let task = |n: u8| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(1), "taskLifecycleEvent": {"taskId": id(24, 2 * n),
            "jobId": id(4, 0), "workerId": id(28, n), "workerPid": 7, "stateTransitions": [{"state": "RUNNING", "timestamp": time(1)}]}})
    };
    let define = |n: u8| event(0, [2 * n, 0, 0, 0, 0, 0]);
    let alive = json!({"eventType": "WORKER_LIFECYCLE_EVENT", "timestamp": time(2), "workerLifecycleEvent": {"workerId": id(28, 0),
        "stateTransitions": [{"state": "ALIVE", "timestamp": time(2), "startTimeMs": "5"}]}});
    let mut facts = log_facts();
    let unlogged = WorkerId::try_from_bytes(&BASE64_STANDARD.decode(id(28, 4)).unwrap()).unwrap();
    facts.processes.workers.remove(&unlogged);
    let snapshot = fold(&[define(0), define(1), define(2), task(0), task(1), task(2), task(4), alive]).finish(&facts);
    let rows: Vec<_> =
        snapshot.workers.iter().map(|w| (w.pid, w.life, w.reported, snapshot.str(w.exit_type), w.end_ms)).collect();
    let end = 1_795_389_150_000;
    assert_eq!(
        rows,
        [
            (0, Life::Alive, true, "", 0), // A log never replaces a field from an event.
            (101, Life::Alive, false, "", 0),
            (102, Life::Dead, false, "USER_ERROR", end),
            (103, Life::Alive, false, "", 0),
            (7, Life::Unknown, false, "", 0), // No log of it is stored.
        ]
    );
    let report = &snapshot.completeness;
    assert_eq!((report.workers_from_logs, report.workers_without_end), (4, 1));
    let failed = |n: usize| snapshot.tasks.get(n).time_of(crate::base::task::TaskState::Failed);
    assert_eq!((failed(0), failed(1), failed(2)), (None, None, Some(i64::try_from(end).unwrap() * 1_000_000)));
}

/// Ray before 2.55 puts the owner's node into the owner's updates, even into those after the attempt has ended.
#[test]
fn the_node_of_an_attempt_comes_from_updates_with_its_worker() {
    let update = |at: u8, node: u8, worker: &str, pid: u8, state: &str| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(at), "taskLifecycleEvent": {"taskId": id(24, 0),
            "jobId": id(4, 0), "workerId": worker, "workerPid": pid, "nodeId": id(28, node),
            "stateTransitions": [{"state": state, "timestamp": time(at)}]}})
    };
    let (worker, define) = (id(28, 2), event(0, [0; 6]));
    let submitted = update(2, 1, &worker, 0, "SUBMITTED_TO_WORKER");
    let (pending, ended) = (update(1, 3, "", 0, "PENDING_ARGS_AVAIL"), update(4, 3, "", 0, "FINISHED"));
    let running = update(3, 1, "", 7, "RUNNING");
    for events in [[define.clone(), pending.clone(), submitted, ended.clone()], [define, pending, running, ended]] {
        let snapshot = fold(&events).finish(&Facts::default());
        let node = snapshot.id(snapshot.tasks.get(0).node_id());
        assert_eq!(BASE64_STANDARD.encode(node), id(28, 1));
    }
}

/// Missing starts and names of outputs follow from the previous attempt in the same file.
#[test]
fn derives_output_location_from_previous_attempt() {
    let (job, worker) = (id(4, 0), id(28, 2));
    let log = |n: u8, at: u8, state: &str, info: Value| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(at), "taskLifecycleEvent": {"taskId": id(24, 2 * n), "jobId": job,
            "workerId": worker, "workerPid": 7, "nodeId": id(28, 1), "taskLogInfo": info,
            "stateTransitions": [{"state": "RUNNING", "timestamp": time(at)}, {"state": state, "timestamp": time(at)}]}})
    };
    // Ray 2.57 merges two updates to empty names and starts of zero.
    let merged = |end: &str| json!({"stdoutFile": "", "stderrFile": "", "stdoutStart": "0", "stderrStart": "0", "stdoutEnd": end, "stderrEnd": "30"});
    let define = |n: u8| event(0, [2 * n, 0, 0, 0, 0, 0]); // Named `f`.
    let mut events = vec![define(0), define(1), define(2)];
    events.extend([
        log(0, 1, "FINISHED", merged("40")),
        log(1, 2, "FINISHED", merged("60")),
        log(2, 3, "FAILED", Value::Null),
    ]);
    let mut facts = log_facts();
    let node = RayId::try_from_bytes(&BASE64_STANDARD.decode(id(28, 1)).unwrap()).unwrap();
    facts.processes.nodes.insert(node, NodeLog { temp_dir: Some("/mnt/ray".into()), ..NodeLog::default() });
    let snapshot = fold(&events).finish(&facts);
    let infos: Vec<_> = snapshot.tasks.iter().map(|attempt| *attempt.log_info().unwrap()).collect();
    // The first attempt starts after `:job_id:01000000` and `:task_name:f`, each with a line end.
    let stdout: Vec<_> = infos.iter().map(|log| (log.stdout_start, log.stdout_end)).collect();
    assert_eq!(stdout, [(Some(30), Some(40)), (Some(53), Some(60)), (Some(73), None)]);
    let stderr: Vec<_> = infos.iter().map(|log| (log.stderr_start, log.stderr_end)).collect();
    assert_eq!(stderr, [(Some(30), Some(30)), (Some(30), Some(30)), (Some(43), None)]);
    assert!(infos.iter().all(|log| {
        let name = snapshot.str(log.stdout_file);
        name.starts_with(&format!("/mnt/ray/{SESSION}/logs/worker-")) && name.ends_with("-01000000-7.out")
    }));
    let derived: Vec<_> = snapshot.tasks.iter().map(|attempt| attempt.is_log_of_worker()).collect();
    assert_eq!(derived, [false, false, true]);
}
