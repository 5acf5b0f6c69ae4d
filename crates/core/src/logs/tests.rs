use super::*;
use proptest::prelude::*;

#[test]
fn wants_every_file_of_the_table_rotated_or_not() {
    let driver = format!("python-core-driver-02000000{}_10333.log", "f".repeat(48));
    let paths = [
        ("events/event_GCS.log", Wanted::Whole),
        ("events/event_RAYLET.2.log", Wanted::Whole),
        ("events/event_JOBS.log.1", Wanted::Whole),
        ("monitor.log", Wanted::Whole),
        ("monitor.log.1", Wanted::Whole),
        ("monitor.rotated.7-12.log", Wanted::Whole),
        ("jobs/supervisor-a.b.1.log", Wanted::Whole),
        ("job-driver-a.1.log", Wanted::Ends { head: job_driver::HEAD, tail: job_driver::TAIL }),
        ("dashboard_agent.log.5", Wanted::Ends { head: agent::HEAD, tail: agent::TAIL }),
        ("runtime_env_agent.log", Wanted::Ends { head: runtime_env_agent::END, tail: runtime_env_agent::END }),
        ("export_events/event_EXPORT_TRAIN_STATE.log.1", Wanted::Whole),
        (driver.as_str(), Wanted::NameOnly),
    ];
    for (path, expected) in paths {
        assert_eq!(wanted(path), Some(expected), "{path}");
    }
    let unwanted = [
        "monitor.out",
        "old/monitor.log",
        "events/other.log",
        "job-driver-.log",
        "jobs/supervisor-a/b.log",
        "job-driver-a.rotated.7-1.log",
    ];
    for path in unwanted.into_iter().chain(["", ".", "/", "..", "export_events/event_EXPORT_TASK_1.log", "é.1"]) {
        assert_eq!(wanted(path), None, "{path}");
    }
}

/// Returns the files of a small session, including damaged ones and shorter copies.
fn files() -> Vec<(&'static str, String, String)> {
    let supervisor = |code: i32, ns: i64| {
        format!(
            "2026-11-23 00:12:46,158\tINFO s.py:1 -- Job a entrypoint command exited with code {code} job_id=01 node_id=n{code} timestamp_ns={ns}\n"
        )
    };
    let export = |at: i64, status: &str| {
        format!(
            "{{\"timestamp\": {at}, \"source_type\": \"EXPORT_SUBMISSION_JOB\", \"event_data\": {{\"submission_job_id\": \"a\", \"status\": \"{status}\"}}}}\n"
        )
    };
    let env = "2026-11-22 23:12:44,982\tINFO r.py:543 -- Creating runtime env: {\"a\": 1} with timeout 600 seconds.\n\
               2026-11-22 23:12:44,983\tINFO r.py:593 -- Successfully created runtime env: {\"a\": 1}, context: {}\n";
    let started = "{\"message\": \"Started a ray job a.\", \"timestamp\": \"5\", \"custom_fields\": {\"submission_id\": \"a\"}}\n";
    let ended = started.replace("Started a ray job a.", "Completed a ray job a with a status FAILED.");
    let agent = "2026-11-22 23:11:46,189\tINFO h.py:138 -- Dashboard agent http address: 127.0.0.3:1\n\
                 2026-11-22 23:12:17,758\tINFO j.py:533 -- Starting job with submission_id: a\n";
    let file = |node, path: &str, text: &str| (node, path.to_owned(), text.to_owned());
    vec![
        file("n1", "jobs/supervisor-a.log", &supervisor(5, 1_795_389_166_159_016_008)),
        file("n2", "jobs/supervisor-a.log", &supervisor(0, 1_795_389_166_159_016_009)),
        file("n1", "export_events/event_EXPORT_SUBMISSION_JOB.log", &(export(7, "FAILED") + "{\"bro")),
        file("n1", "export_events/event_EXPORT_SUBMISSION_JOB.log.1", &(export(6, "PENDING") + &export(7, "RUNNING"))),
        file("n1", "runtime_env_agent.log", env),
        file("n1", "runtime_env_agent.log", &env[..150]),
        file("n1", "events/event_JOBS.log", started),
        file("n1", "events/event_JOBS.log", &(started.to_owned() + &ended + "}{\n")),
        file("n1", "dashboard_agent.log", agent),
        file("n2", "dashboard_agent.log", &agent.replace("23:11", "23:10").replace(":1\n", ":2\n")),
        file("n1", "job-driver-a.log", "Running entrypoint for job a: python x\nhello\n"),
        file("n1", "job-driver-a.log", "Running entrypoint for job a: python x\nhel"),
    ]
}

proptest! {
    #[test]
    fn order_split_and_repetition_of_files_do_not_matter(
        order in Just((0..files().len()).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..files().len(), 0..6),
        cut in 0..files().len(),
    ) {
        let files = files();
        let read = |at: &[usize]| {
            let mut facts = Facts::default();
            for (node, path, text) in at.iter().filter_map(|&at| files.get(at)) {
                facts.read(node, path, text.as_bytes());
            }
            facts
        };
        let expected = read(&(0..files.len()).collect::<Vec<_>>());
        let (left, right) = order.split_at(cut);
        let mut facts = read(right);
        facts.merge(read(&again));
        facts.merge(read(left));
        prop_assert!(facts == expected, "{facts:?}\n{expected:?}");
    }

    #[test]
    fn reading_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cut in 0usize..200,
        which in 0..files().len(),
    ) {
        let (node, path, text) = &files()[which];
        let mut mixed = text.as_bytes()[..cut.min(text.len())].to_vec();
        mixed.extend_from_slice(&bytes);
        mixed.extend_from_slice(text.as_bytes());
        let mut facts = Facts::default();
        facts.read(node, path, &mixed);
        facts.read(node, path, &bytes);
        prop_assert!(facts.weight() < 1 << 20);
    }
}
