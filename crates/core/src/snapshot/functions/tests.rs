use super::*;
use crate::base::id::TaskId;
use crate::logs::Facts;
use crate::snapshot::task::Attempt;
use crate::snapshot::testing::made::{event, fold, id, time};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// One attempt of a function: times of its states in nanoseconds after a second, and CPUs asked for.
fn attempt(task: u8, number: u8, function: &str, node: u8, states: &[(&str, u32)], cpus: f64) -> [Value; 2] {
    let (task, job) = (id(24, task), id(4, task));
    let transitions: Vec<Value> = states
        .iter()
        .map(|(state, nanos)| json!({"state": state, "timestamp": format!("2026-11-22T23:12:01.{nanos:09}Z")}))
        .collect();
    [
        json!({"eventType": "TASK_DEFINITION_EVENT", "timestamp": time(1), "taskDefinitionEvent": {
            "taskId": task, "taskAttempt": number, "taskType": "NORMAL_TASK", "jobId": job,
            "requiredResources": {"CPU": cpus, "GPU": 2.0},
            "taskFunc": {"pythonFunctionDescriptor": {"moduleName": "m", "className": "", "functionName": function}}}}),
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(1), "taskLifecycleEvent": {
            "taskId": task, "taskAttempt": number, "jobId": job, "nodeId": id(28, node), "workerId": id(28, node),
            "stateTransitions": transitions}}),
    ]
}

fn functions(events: &[Value]) -> Functions {
    Functions::of(&fold(events).finish(&Facts::default()))
}

#[test]
fn attempts_are_counted_by_job_function_and_type() {
    let run = |at: u32, long: u32| [("PENDING_ARGS_AVAIL", at), ("RUNNING", at + 500), ("FINISHED", at + 500 + long)];
    let mut told = Vec::new();
    told.extend(attempt(2, 0, "f", 1, &[("PENDING_ARGS_AVAIL", 1_000), ("RUNNING", 5_999), ("FAILED", 8_000)], 0.5));
    told.extend(attempt(2, 1, "f", 2, &run(10_000, 4_000), 0.5));
    told.extend(attempt(4, 0, "f", 1, &run(20_000, 900_000), 2.0));
    told.extend(attempt(6, 0, "f", 1, &[("SUBMITTED_TO_WORKER", 30_000)], 1.0));
    // Another job.
    told.extend(attempt(3, 0, "f", 1, &run(0, 9_000), 1.0));
    let found = functions(&told);
    let names: Vec<_> =
        found.rows.iter().map(|row| (&*row.job_id, &*row.func_or_class_name, row.stats.attempts)).collect();
    assert_eq!(names, [("01000000", "f", 4), ("02000000", "f", 1)]);
    let stats = &found.rows[0].stats;
    assert_eq!((stats.tasks, stats.finished, stats.failed, stats.unfinished, stats.retried), (3, 2, 1, 1, 1));
    let run = Run { count: 3, min_us: 2, p50_us: 4, p90_us: 900, p99_us: 900, max_us: 900, sum_us: 906 };
    assert_eq!(stats.run, Some(run), "parts of a microsecond are cut off");
    assert_eq!(stats.wait, Some(Wait { count: 3, p50_us: 0, p99_us: 4, sum_us: 4 }));
    assert_eq!(stats.histogram.buckets(), [0, 1, 1, 0, 0, 0, 0, 0, 0, 1]);
    assert!((stats.cpu_seconds - (6.0 * 0.5 + 900.0 * 2.0) / 1e6).abs() < 1e-12, "{}", stats.cpu_seconds);
    assert!((stats.gpu_seconds - 906.0 * 2.0 / 1e6).abs() < 1e-12);
    assert_eq!(stats.nodes, 2);
    assert_eq!(stats.last_at.unwrap() - stats.first_at.unwrap(), 919_500);
    let reached = ["FAILED", "FINISHED", "SUBMITTED_TO_WORKER"].map(Into::into).into_iter().zip([1, 2, 1]);
    assert_eq!(stats.states, reached.collect());
    assert_eq!(found.others, None);
}

/// Clocks of two machines, a task that never ran, and one that nobody submitted.
#[test]
fn times_that_cannot_be_are_left_out() {
    let mut told = Vec::new();
    told.extend(attempt(2, 0, "f", 1, &[("PENDING_ARGS_AVAIL", 9_000), ("RUNNING", 5_000), ("FINISHED", 1_000)], 1.0));
    told.extend(attempt(4, 0, "f", 1, &[("PENDING_ARGS_AVAIL", 9_000), ("FAILED", 10_000)], 1.0));
    let found = functions(&told);
    assert_eq!((found.rows[0].stats.run, found.rows[0].stats.wait), (None, None));
    let running = functions(&attempt(2, 0, "f", 1, &[("RUNNING", 5_000), ("FINISHED", 7_000)], 1.0));
    assert_eq!(running.rows[0].stats.wait, None, "the first state that is known is no begin of a wait");
    assert_eq!(running.rows[0].stats.run.map(|run| run.sum_us), Some(2));
}

#[test]
fn what_is_not_told_apart_is_one_row() {
    let mut told = Vec::new();
    for n in 0..10u8 {
        let states = [("PENDING_ARGS_AVAIL", 1_000), ("RUNNING", 2_000), ("FINISHED", 2_000 + u32::from(n) * 1_000)];
        told.extend(attempt(2 * n, 0, &format!("f{n}"), n, &states, 1.0));
    }
    let snapshot = fold(&told).finish(&Facts::default());
    let found = Functions::limited(&snapshot, 3);
    let names: Vec<_> = found.rows.iter().map(|row| &*row.func_or_class_name).collect();
    assert_eq!(names, ["f9", "f8", "f7"], "those stay that ran longest");
    let others = found.others.as_ref().unwrap();
    assert_eq!((others.functions, others.stats.attempts, others.stats.nodes), (7, 7, 7));
    let all = Functions::limited(&snapshot, 100);
    for sum in [|stats: &FunctionStats| stats.attempts, |stats: &FunctionStats| stats.run.unwrap().sum_us] {
        assert_eq!(found.all().map(sum).sum::<u64>(), all.all().map(sum).sum::<u64>());
    }
    assert_eq!(others.stats.run.unwrap().p50_us, 3, "quantiles are of the attempts, not of rows");
}

/// The same numbers, each counted by itself.
fn naive(attempts: &[Attempt<'_>]) -> FunctionStats {
    let count = |is: &dyn Fn(&Attempt<'_>) -> bool| attempts.iter().filter(|attempt| is(attempt)).count() as u64;
    let of_state = |state| count(&|attempt: &Attempt<'_>| attempt.state() == state);
    let ends = [TaskState::Failed, TaskState::Finished];
    let end = |attempt: &Attempt<'_>| ends.iter().find_map(|state| attempt.time_of(*state));
    let run = |attempt: &Attempt<'_>| u64::try_from(end(attempt)? - attempt.time_of(TaskState::Running)?).ok();
    let wait = |attempt: &Attempt<'_>| {
        let (state, first) = attempt.states().next()?;
        let running = attempt.time_of(TaskState::Running)?;
        u64::try_from(running - first).ok().filter(|_| state != TaskState::Running)
    };
    let mut runs: Vec<u64> = attempts.iter().filter_map(run).map(|nanos| nanos / 1_000).collect();
    let mut waits: Vec<u64> = attempts.iter().filter_map(wait).map(|nanos| nanos / 1_000).collect();
    runs.sort_unstable();
    waits.sort_unstable();
    // The least that at least this share does not exceed.
    let quantile = |times: &[u64], share: f64| {
        let enough =
            |limit: &&u64| times.iter().filter(|time| time <= limit).count() as f64 >= share * times.len() as f64;
        times.iter().find(enough).copied().unwrap()
    };
    let times = || attempts.iter().flat_map(Attempt::states).map(|(_, at)| at);
    let nodes: BTreeSet<_> = attempts.iter().map(Attempt::node_id).filter(|node| !node.is_none()).collect();
    let mut states = BTreeMap::new();
    for attempt in attempts {
        *states.entry(attempt.state().name().into()).or_default() += 1;
    }
    FunctionStats {
        tasks: attempts.iter().map(Attempt::task_id).collect::<BTreeSet<&TaskId>>().len() as u64,
        attempts: attempts.len() as u64,
        finished: of_state(TaskState::Finished),
        failed: of_state(TaskState::Failed),
        unfinished: count(&|attempt: &Attempt<'_>| !ends.contains(&attempt.state())),
        retried: count(&|attempt: &Attempt<'_>| attempt.attempt_number() > 0),
        run: runs.first().map(|min| Run {
            count: runs.len() as u64,
            min_us: *min,
            p50_us: quantile(&runs, 0.5),
            p90_us: quantile(&runs, 0.9),
            p99_us: quantile(&runs, 0.99),
            max_us: *runs.last().unwrap(),
            sum_us: runs.iter().sum(),
        }),
        wait: waits.first().map(|_| Wait {
            count: waits.len() as u64,
            p50_us: quantile(&waits, 0.5),
            p99_us: quantile(&waits, 0.99),
            sum_us: waits.iter().sum(),
        }),
        cpu_seconds: 0.0,
        gpu_seconds: 0.0,
        first_at: times().min(),
        last_at: times().max(),
        nodes: nodes.len() as u64,
        histogram: Histogram::of(&runs),
        states,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 64 } else { 1000 }))]

    /// Every row has the numbers of its attempts, and every attempt is in one.
    #[test]
    fn rows_equal_a_naive_count(made in proptest::collection::vec((0..5u8, any::<[u8; 6]>()), 0..60)) {
        let events: Vec<Value> = made.iter().map(|(kind, n)| event(*kind, *n)).collect();
        let snapshot = fold(&events).finish(&Facts::default());
        let mut groups: HashMap<_, Vec<Attempt<'_>>> = HashMap::new();
        let listed = |attempt: &Attempt<'_>| attempt.is_defined() && attempt.shape().task_type != TaskType::DriverTask;
        for attempt in snapshot.tasks.iter().filter(listed) {
            let shape = attempt.shape();
            let name = snapshot.str(shape.func_or_class_name);
            groups.entry((attempt.job_id().hex(), name, shape.task_type.name())).or_default().push(attempt);
        }
        let found = Functions::of(&snapshot);
        prop_assert_eq!(found.rows.len(), groups.len());
        for row in &found.rows {
            let attempts = &groups[&(row.job_id.to_string(), &*row.func_or_class_name, row.task_type.name())];
            let FunctionStats { cpu_seconds, gpu_seconds, .. } = row.stats;
            prop_assert_eq!(&row.stats, &FunctionStats { cpu_seconds, gpu_seconds, ..naive(attempts) });
        }
        let text = serde_json::to_string(&found).unwrap();
        // The last digit of a number of seconds is not always read as it was written.
        let whole = |mut functions: Functions| {
            for row in &mut functions.rows {
                for seconds in [&mut row.stats.cpu_seconds, &mut row.stats.gpu_seconds] {
                    *seconds = (*seconds * 1e6).round();
                }
            }
            functions
        };
        prop_assert_eq!(whole(serde_json::from_str(&text).unwrap()), whole(found), "{}", text);
    }
}
