use super::*;
use crate::load::LogIndex;

const WORKER: &str = "c5c9ab000000000000000000000000000000000000000000000000ff";

fn index() -> LogIndex {
    let worker = |rest: &str| format!("worker-{WORKER}-{rest}");
    let paths = [
        ("raylet.out".to_owned(), 1),
        (worker("01000000-7.out"), 2),
        (worker("01000000-7.err"), 3),
        (worker("ffffffff-8.err"), 9),
        (format!("python-core-worker-{WORKER}_7.log"), 1),
        (format!("python-core-driver-01000000{}_9.log", "ff".repeat(24)), 1),
        ("job-driver-raysubmit_1.log".to_owned(), 1),
        ("runtime_env_setup-01000000.log".to_owned(), 1),
        ("events/event_GCS.log".to_owned(), 1),
    ];
    LogIndex::of_files("ab01", paths.iter().map(|(path, at)| (path.as_str(), *at)))
}

fn paths(filter: &LogFilter) -> Vec<String> {
    let shorter = |path: String| path.replace(WORKER, "W").replace(&"ff".repeat(24), "F");
    select(&index(), filter).into_iter().map(|file| shorter(file.path)).collect()
}

#[test]
fn likely_errors_come_first_then_the_newest() {
    assert_eq!(
        paths(&LogFilter::default()),
        [
            "worker-W-ffffffff-8.err",
            "worker-W-01000000-7.err",
            "worker-W-01000000-7.out",
            "job-driver-raysubmit_1.log",
            "runtime_env_setup-01000000.log",
            "python-core-worker-W_7.log",
            "python-core-driver-01000000F_9.log",
            "events/event_GCS.log",
            "raylet.out",
        ]
    );
}

#[test]
fn filters_leave_out_what_is_not_wanted() {
    let some = |text: &str| Some(text.to_owned());
    let kinds = |names: &[&str]| names.iter().map(|name| Kind::parse(name).unwrap()).collect();
    for (filter, expected) in [
        (LogFilter { node: some("ab"), ..LogFilter::default() }, 9),
        (LogFilter { node: some("cd"), ..LogFilter::default() }, 0),
        (LogFilter { worker: some("c5c9"), ..LogFilter::default() }, 4),
        (LogFilter { worker: some("c5c8"), ..LogFilter::default() }, 0),
        (LogFilter { job: some("01000000"), ..LogFilter::default() }, 4),
        (LogFilter { job: some("raysubmit_1"), ..LogFilter::default() }, 1),
        (LogFilter { job: some("02000000"), ..LogFilter::default() }, 0),
        (LogFilter { file: parse_glob("*.err"), ..LogFilter::default() }, 2),
        (LogFilter { file: parse_glob("event_*"), ..LogFilter::default() }, 1),
        (LogFilter { file: parse_glob("events/*"), ..LogFilter::default() }, 1),
        (LogFilter { file: parse_glob("*/raylet.out"), ..LogFilter::default() }, 0),
        (LogFilter { kinds: kinds(&["worker"]), ..LogFilter::default() }, 4),
        (LogFilter { kinds: kinds(&["job"]), ..LogFilter::default() }, 3),
        (LogFilter { kinds: kinds(&["system", "worker_err"]), ..LogFilter::default() }, 4),
    ] {
        assert_eq!(paths(&filter).len(), expected, "{filter:?}");
    }
    assert!(parse_glob("").is_none() && parse_glob("a[").is_none() && parse_glob(&"a".repeat(201)).is_none());
    assert_eq!(Kind::parse("nonsense"), None);
}
