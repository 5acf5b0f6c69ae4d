use super::*;
use crate::logs::Facts;

const NODE: &str = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052";

fn submission(files: &[(&str, &str)]) -> Submission {
    let mut facts = Facts::default();
    for (path, text) in files {
        facts.read(NODE, path, text.as_bytes());
    }
    let mut rows = build(&Snapshot { facts, ..Snapshot::default() });
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

const STARTED: &str = r#"{"event_id": "a", "timestamp": "1795389163", "message": "Started a ray job x.", "custom_fields": {"submission_id": "x"}}"#;
const FAILED: &str = r#"{"event_id": "b", "timestamp": "1795389167", "message": "Completed a ray job x with a status FAILED.", "custom_fields": {"submission_id": "x"}}"#;

#[test]
fn a_job_that_only_left_event_lines_has_its_status_and_whole_seconds() {
    let row = submission(&[("events/event_JOBS.log", &format!("{STARTED}\n{FAILED}\n"))]);
    assert_eq!(
        (row.status.as_str(), row.start_ms, row.end_ms),
        ("FAILED", Some(1_795_389_163_000), Some(1_795_389_167_000))
    );
    let row = submission(&[("events/event_JOBS.log", STARTED)]);
    assert_eq!((row.status.as_str(), row.message.as_str(), row.end_ms), ("PENDING", "Job has not started yet.", None));
}

#[test]
fn the_last_export_line_beats_everything_else_unless_the_cluster_went_down_before_the_end() {
    let export = |status: &str, rest: &str| {
        format!(
            r#"{{"timestamp": 1, "source_type": "EXPORT_SUBMISSION_JOB", "event_data": {{"submission_job_id": "x", "status": "{status}", "start_time": "5", "entrypoint": "e"{rest}}}}}"#
        )
    };
    let events = format!("{STARTED}\n{FAILED}\n");
    let done = export("SUCCEEDED", r#", "end_time": "9", "message": "m", "driver_exit_code": 0"#);
    let row =
        submission(&[("events/event_JOBS.log", &events), ("export_events/event_EXPORT_SUBMISSION_JOB.log", &done)]);
    assert_eq!(
        (row.status.as_str(), row.start_ms, row.end_ms, row.driver_exit_code),
        ("SUCCEEDED", Some(5), Some(9), Some(0))
    );
    let running = export("RUNNING", "");
    let row =
        submission(&[("events/event_JOBS.log", &events), ("export_events/event_EXPORT_SUBMISSION_JOB.log", &running)]);
    assert_eq!((row.status.as_str(), row.end_ms), ("FAILED", Some(1_795_389_167_000)));
}
