use super::*;
use crate::base::task::TaskType;
use crate::snapshot::digest::{GapLine, Held, JobDigest, NodeGroup};
use crate::snapshot::failures::{FailureGroup, FailureKind, Failures, Fingerprint, Others, Sample};
use crate::snapshot::functions::{FunctionRow, FunctionStats, Functions, Histogram, OtherFunctions, Run, Wait};
use crate::snapshot::gap::Weight;
use crate::snapshot::run_facts::JobFacts;
use crate::snapshot::submission::{JobStatus, JobType};
use proptest::prelude::*;

/// A function whose runs all take equally long.
fn function(name: &str, job: u8, runs: u64, micros: u64) -> FunctionRow {
    let run = Run {
        count: runs,
        min_us: micros,
        p50_us: micros,
        p90_us: micros,
        p99_us: micros,
        max_us: micros,
        sum_us: runs * micros,
    };
    let stats = FunctionStats {
        tasks: runs,
        attempts: runs,
        finished: runs,
        run: (runs > 0).then_some(run),
        histogram: Histogram::of(&vec![micros; runs as usize]),
        cpu_seconds: 3600.0,
        ..FunctionStats::default()
    };
    let (job_id, task_type) = (format!("{job:02}000000").into(), TaskType::NormalTask);
    FunctionRow { job_id, func_or_class_name: name.into(), task_type, stats }
}

fn of_functions(rows: impl IntoIterator<Item = FunctionRow>) -> Digest {
    let functions = Functions { rows: rows.into_iter().collect(), others: None };
    Digest { is_over: true, functions, ..Digest::default() }
}

fn told(list: &Ranked<FunctionChange>) -> Vec<(&str, &str, Option<f64>, Option<f64>, f64)> {
    list.rows.iter().map(|row| (&*row.func_or_class_name, &*row.what, row.a, row.b, row.cost_seconds)).collect()
}

#[test]
fn functions_are_ranked_by_what_they_cost() {
    let a = of_functions([
        function("slow", 1, 100, 1_000_000),
        function("same", 1, 100, 5_000_000),
        function("gone", 1, 1, 7_000_000),
    ]);
    let b = of_functions([
        function("slow", 1, 100, 1_500_000),
        function("same", 1, 100, 5_000_000),
        function("new", 1, 10, 9_000_000),
    ]);
    let diff = Diff::of(&a, &b);
    assert_eq!(
        told(&diff.functions.run),
        [
            ("new", "runSeconds", None, Some(90.0), 90.0),
            ("slow", "runSeconds", Some(100.0), Some(150.0), 50.0),
            ("gone", "runSeconds", Some(7.0), None, -7.0),
        ]
    );
    assert_eq!(
        told(&diff.functions.quantiles),
        [("slow", "p50Seconds", Some(1.0), Some(1.5), 50.0), ("slow", "p99Seconds", Some(1.0), Some(1.5), 0.5)]
    );
    assert_eq!(
        told(&diff.functions.attempts),
        [("new", "attempts", None, Some(10.0), 90.0), ("gone", "attempts", Some(1.0), None, -7.0)]
    );
    assert!(!diff.is_empty());
}

/// The bounds of the quantiles: twenty run times in both, and a ratio of 1.2 either way.
#[test]
fn quantiles_need_enough_attempts_and_a_difference() {
    for (runs_a, runs_b, a, b, expected) in [
        (20, 20, 1_000_000, 1_200_000, true),
        (20, 20, 1_200_000, 1_000_000, true),
        (20, 20, 1_000_000, 1_190_000, false),
        (19, 20, 1_000_000, 2_000_000, false),
        (20, 19, 1_000_000, 2_000_000, false),
        (20, 20, 1, 9, false),
    ] {
        let diff = Diff::of(&of_functions([function("f", 1, runs_a, a)]), &of_functions([function("f", 1, runs_b, b)]));
        assert_eq!(!diff.functions.quantiles.rows.is_empty(), expected, "{runs_a} {runs_b} {a} {b}");
    }
}

#[test]
fn quantiles_over_several_jobs_are_guesses() {
    let jobs = |micros| of_functions([function("f", 1, 50, micros), function("f", 2, 50, micros)]);
    let diff = Diff::of(&jobs(1_000_000), &jobs(1_500_000));
    assert!(diff.functions.quantiles.rows.is_empty(), "powers of two cannot tell this");
    assert_eq!(told(&diff.functions.run), [("f", "runSeconds", Some(100.0), Some(150.0), 50.0)]);
    let diff = Diff::of(&jobs(1_000_000), &jobs(4_200_000));
    let row = &diff.functions.quantiles.rows[0];
    assert!(row.is_guess && (3.0..9.0).contains(&(row.b.unwrap() / row.a.unwrap())), "{row:?}");
}

#[test]
fn waiting_and_retries_are_told() {
    let with = |wait: u64, retried| {
        let mut row = function("f", 1, 10, 2_000_000);
        (row.stats.wait, row.stats.retried) =
            (Some(Wait { count: 10, p50_us: wait, p99_us: wait, sum_us: 10 * wait }), retried);
        of_functions([row])
    };
    let diff = Diff::of(&with(1_000_000, 3), &with(4_000_000, 0));
    assert_eq!(told(&diff.functions.wait), [("f", "waitSeconds", Some(10.0), Some(40.0), 30.0)]);
    assert_eq!(told(&diff.functions.retries), [("f", "retries", Some(3.0), Some(0.0), -6.0)]);
    assert!(diff.functions.run.rows.is_empty() && diff.functions.attempts.rows.is_empty());
}

fn failure(kind: FailureKind, print: u8, job: u8, attempts: u64, caused_by: Option<usize>) -> FailureGroup {
    FailureGroup {
        kind,
        job_id: format!("{job:02}000000").into(),
        func_or_class_name: "f".into(),
        error_type: format!("E{print}").into(),
        detail: "".into(),
        fingerprint: Fingerprint([print; 8]),
        attempts,
        tasks: attempts,
        recovered: 0,
        first_at: None,
        last_at: None,
        nodes: 1,
        workers: 1,
        sample: Sample { id: format!("{job}").into(), ..Sample::default() },
        caused_by,
    }
}

#[test]
fn failures_are_new_gone_or_in_both() {
    let digest = |groups| Digest {
        failures: Failures { groups, others: Others { groups: 2, ..Others::default() } },
        ..of_functions([])
    };
    let task = FailureKind::Task;
    let a = digest(vec![failure(task, 1, 1, 5, None), failure(task, 2, 1, 1, None)]);
    let b = digest(vec![
        failure(task, 2, 1, 3, None),
        failure(task, 2, 2, 4, Some(3)),
        failure(task, 3, 1, 1, None),
        failure(FailureKind::Worker, 2, 1, 9, None),
    ]);
    let Diff { failures, incomplete, .. } = Diff::of(&a, &b);
    let rows = |list: &Ranked<FailureChange>| -> Vec<_> {
        let attempts = |side: Option<FailureSide>| side.map(|side| side.attempts);
        list.rows
            .iter()
            .map(|row| (row.kind.to_string(), row.error_type.to_string(), attempts(row.a), attempts(row.b)))
            .collect()
    };
    let row = |kind: &str, error: &str, a, b| (kind.to_owned(), error.to_owned(), a, b);
    assert_eq!(rows(&failures.new), [row("worker", "E2", None, Some(9)), row("task", "E3", None, Some(1))]);
    assert_eq!(rows(&failures.gone), [row("task", "E1", Some(5), None)]);
    assert_eq!(rows(&failures.both), [row("task", "E2", Some(1), Some(7))]);
    assert_eq!(failures.both.rows[0].explained_by.as_deref(), Some("worker E2"));
    assert_eq!(incomplete.a.len(), 1, "groups that are not told apart: {incomplete:?}");
}

fn job(name: Option<&str>, entrypoint: &str, start: i64, seconds: i64) -> JobDigest {
    let metadata: Vec<(Box<str>, Box<str>)> = name.map(|name| ("name".into(), name.into())).into_iter().collect();
    let facts = JobFacts {
        job_type: JobType::Submission,
        submission_id: Some(format!("s{start}").into()),
        job_id: None,
        status: JobStatus::Succeeded,
        entrypoint: entrypoint.into(),
        start_ms: Some(start),
        end_ms: Some(start + seconds * 1000),
        metadata: metadata.into(),
        error_type: None,
        exit_code: Some(0),
        last_words: None,
    };
    JobDigest { facts, runtime_env: [("pip.torch".into(), "torch==2".into())].into() }
}

fn of_jobs(jobs: Vec<JobDigest>) -> Digest {
    Digest { jobs, ..of_functions([]) }
}

#[test]
fn jobs_are_aligned_by_name_then_command_then_order() {
    let a = of_jobs(vec![
        job(None, "python a.py", 1, 10),
        job(Some("train"), "python old.py", 2, 10),
        job(None, "python c.py", 3, 10),
    ]);
    let b = of_jobs(vec![
        job(None, "python d.py", 1, 40),
        job(None, "python a.py", 2, 30),
        job(Some("train"), "python new.py", 3, 100),
        job(None, "python e.py", 4, 1),
    ]);
    let Diff { jobs, .. } = Diff::of(&a, &b);
    let rows: Vec<_> = jobs.rows.iter().map(|row| (&*row.aligned_by, row.cost_seconds, row.changed.len())).collect();
    assert_eq!(rows, [("name", 90.0, 1), ("order", 30.0, 1), ("entrypoint", 20.0, 0), ("", 1.0, 0)]);
    let change =
        Changed { what: "entrypoint".into(), a: Some("python old.py".into()), b: Some("python new.py".into()) };
    assert_eq!(jobs.rows[0].changed, [change]);
    assert_eq!(jobs.rows[3].b.as_ref().unwrap().submission_id.as_deref(), Some("s4"));
}

#[test]
fn environments_and_metadata_differ_by_key() {
    let mut after = job(Some("x"), "python a.py", 1, 10);
    after.runtime_env = [("pip.torch".into(), "torch==3".into()), ("env_vars.A".into(), "<redacted>".into())].into();
    after.facts.status = JobStatus::Failed;
    let Diff { jobs, .. } = Diff::of(&of_jobs(vec![job(Some("x"), "python a.py", 1, 10)]), &of_jobs(vec![after]));
    let changed: Vec<_> =
        jobs.rows[0].changed.iter().map(|row| (&*row.what, row.a.as_deref(), row.b.as_deref())).collect();
    assert_eq!(
        changed,
        [
            ("runtimeEnv.env_vars.A", None, Some("<redacted>")),
            ("runtimeEnv.pip.torch", Some("torch==2"), Some("torch==3"))
        ]
    );
    assert_eq!(&*jobs.rows[0].b.as_ref().unwrap().status, "FAILED");
}

#[test]
fn nodes_are_compared_by_kind() {
    let group = |kind: &str, nodes, hours: f64| NodeGroup {
        instance_type: kind.into(),
        resources: [("CPU".into(), 4.0)].into(),
        nodes,
        hours: Some(hours),
        ..NodeGroup::default()
    };
    let with = |nodes| Digest { nodes, ..of_functions([]) };
    let a = with(vec![group("m5", 2, 4.0), group("p4", 1, 1.0), group("same", 3, 3.0)]);
    let b = with(vec![group("m5", 4, 6.0), group("g6", 1, 9.0), group("same", 3, 3.1)]);
    let diff = Diff::of(&a, &b);
    let rows: Vec<_> = diff
        .nodes
        .rows
        .iter()
        .map(|row| (&*row.instance_type, row.a.is_some(), row.b.is_some(), row.cost_hours))
        .collect();
    assert_eq!(rows, [("g6", false, true, 9.0), ("m5", true, true, 2.0), ("p4", true, false, -1.0)]);
    let total =
        |name: &str| diff.totals.iter().find(|total| &*total.name == name).map(|total| (total.a, total.b)).unwrap();
    assert_eq!(total("nodes"), (Some(6.0), Some(8.0)));
    assert_eq!(total("cpuHoursOfNodes"), (Some(32.0), Some(72.4)));
}

#[test]
fn what_is_missing_is_said_and_sums_are_told() {
    let gaps = vec![GapLine { weight: Weight::Kind, message: "No task events.".into() }];
    let held = Held { actors: 1, cpu_seconds: 7200.0, gpu_seconds: 3600.0 };
    let mut constructor = function("A.__init__", 1, 1, 1_000_000);
    constructor.task_type = TaskType::ActorCreationTask;
    let others = OtherFunctions { functions: 3, stats: function("x", 1, 1, 1).stats };
    let mut a = Digest {
        is_over: false,
        gaps,
        held,
        other_jobs: 1,
        ray_version: Some("2.54.0".into()),
        started_at: Some(1_000_000_000),
        ended_at: Some(61_000_000_000),
        ..of_functions([function("f", 1, 1, 1_000_000), constructor])
    };
    a.functions.others = Some(others);
    let diff = Diff::of(&a, &of_functions([]));
    assert_eq!(diff.incomplete.a.len(), 4, "{:?}", diff.incomplete);
    assert!(diff.incomplete.b.is_empty());
    let version = Changed { what: "rayVersion".into(), a: Some("2.54.0".into()), b: None };
    assert_eq!(diff.changed, [version]);
    let total =
        |name: &str| diff.totals.iter().find(|total| &*total.name == name).map(|total| (total.a, total.b)).unwrap();
    assert_eq!(total("durationSeconds"), (Some(60.0), None));
    assert_eq!(total("runSeconds"), (Some(2.000_001), Some(0.0)));
    // f and the others one hour each, the actor two; not its constructor.
    assert_eq!(total("cpuHoursAsked"), (Some(4.0), Some(0.0)));
    assert_eq!(total("gpuHoursAsked"), (Some(1.0), Some(0.0)));
}

#[test]
fn lists_are_bounded() {
    let many = |micros| of_functions((0..120).map(|n| function(&format!("f{n}"), 1, 1, micros)));
    let diff = Diff::of(&many(1_000_000), &many(3_000_000));
    assert_eq!((diff.functions.run.rows.len(), diff.functions.run.omitted), (50, 70));
}

fn digests() -> impl Strategy<Value = Digest> {
    let functions = proptest::collection::vec((0..4u8, 0..3u8, 0..40u64, 0..5u64), 0..8);
    let failures = proptest::collection::vec((0..4u8, 1..3u8, 1..9u64), 0..5);
    (functions, failures, proptest::collection::vec((0..3u8, 0..3i64, 0..3i64), 0..4)).prop_map(
        |(rows, failed, jobs)| {
            let rows = rows
                .into_iter()
                .map(|(name, job, runs, long)| function(&format!("f{name}"), job, runs, long * 300_000));
            let groups =
                failed.into_iter().map(|(print, job, attempts)| failure(FailureKind::Task, print, job, attempts, None));
            let jobs = jobs
                .into_iter()
                .map(|(name, start, long)| job((name > 0).then_some("n"), &format!("python {name}.py"), start, long));
            Digest {
                failures: Failures { groups: groups.collect(), others: Others::default() },
                jobs: jobs.collect(),
                ..of_functions(rows)
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 128 } else { 2000 }))]

    #[test]
    fn nothing_differs_from_itself(digest in digests()) {
        let diff = Diff::of(&digest, &digest);
        prop_assert!(diff.is_empty(), "{:?}", diff);
    }

    /// The other way round, everything costs what it gained.
    #[test]
    fn the_other_way_round_is_the_opposite(a in digests(), b in digests()) {
        let (there, back) = (Diff::of(&a, &b), Diff::of(&b, &a));
        let functions = |diff: &Diff, sign: f64| -> Vec<(String, Option<u64>, Option<u64>, i64)> {
            let lists = [&diff.functions.run, &diff.functions.wait];
            let micros = |seconds: Option<f64>| seconds.map(|seconds| (seconds * 1e6).round() as u64);
            let mut rows: Vec<_> = lists.iter().flat_map(|list| &list.rows).map(|row| {
                let (before, after) = if sign > 0.0 { (row.a, row.b) } else { (row.b, row.a) };
                let cost = (row.cost_seconds * sign * 1e6).round() as i64;
                (format!("{} {}", row.func_or_class_name, row.what), micros(before), micros(after), cost)
            }).collect();
            rows.sort();
            rows
        };
        prop_assert_eq!(functions(&there, 1.0), functions(&back, -1.0));
        prop_assert_eq!(there.failures.new.rows, back.failures.gone.rows.into_iter().map(|row| FailureChange { b: row.a, a: row.b, ..row }).collect::<Vec<_>>());
        prop_assert_eq!(there.jobs.rows.len(), back.jobs.rows.len());
        let text = serde_json::to_string(&there.jobs).unwrap();
        prop_assert_eq!(serde_json::from_str::<Ranked<JobChange>>(&text).unwrap(), there.jobs);
    }
}
