//! Runs and documents of objects: what is no single rule.

use crate::scenes::objects::*;
use ray_history_obituary::cause::{
    Certainty::{Certain, Likely},
    Code, JobEnd, JobState, Outcome, RayFacts, Run, WorkerExit,
};
use ray_history_obituary::facts::SessionEnd;
use ray_history_obituary::time::Time;
use serde_json::json;

/// One process of a worker's container was ended for memory, which the container tells of only at its end.
#[test]
fn memory_that_is_told_at_the_deletion_is_likely() {
    let scene = app_failed(Scene::job().healthy(), 310, "ray.exceptions.WorkerCrashedError: The worker died");
    let scene = scene.gone(400, deleting(worker("w1", ended(399, "OOMKilled", 1)), 398, 30));
    let run = scene.run();
    let first = run.first_cause().unwrap();
    assert_eq!((first.code, first.certainty), (Code::WorkerOOM, Likely));
    // Where Ray lost no worker, it is no cause.
    let scene = app_failed(Scene::job().healthy(), 310, "ValueError: broken");
    let scene = scene.gone(400, deleting(worker("w1", ended(399, "OOMKilled", 1)), 398, 30));
    assert_eq!(scene.run().first_cause().unwrap().code, Code::AppFailed);
}

#[test]
fn a_run_of_which_nothing_is_known_is_unknown_and_says_what_was_not_seen() {
    let mut records = Scene::default().see(0, head(running(5))).records();
    records.unseen(None, "rayclusters: forbidden");
    records.vanished("head-uid", at(300));
    records.vanished("c-uid", at(300));
    let run = document(&records, "c-uid", None).runs.pop().unwrap();
    assert!(matches!(run.outcome, Outcome::Stopped | Outcome::Unknown), "{}", run.outcome);
    assert!(run.causes.iter().all(|cause| cause.certainty == Likely), "{:?}", run.causes);
}

/// A head that was made again ends a run: each head pod has its own.
#[test]
fn each_head_pod_is_a_run() {
    let mut second = head(running(200));
    for (field, value) in [("name", "head-2"), ("uid", "head-2-uid"), ("creationTimestamp", &when(190))] {
        second["metadata"][field] = value.into();
    }
    let scene = Scene::cluster().see(1, cluster(ready())).healthy().gone(180, head(ended(179, "OOMKilled", 137)));
    let mut records = scene.see(191, second).gone(500, cluster(ready())).records();
    records.session("c-uid", "session_1", at(10), None);
    records.session("c-uid", "session_2", at(195), None);
    let runs = document(&records, "c-uid", None).runs;
    let told: Vec<_> = runs.iter().map(|run| (run.first_cause().unwrap().code, run.sessions.clone())).collect();
    assert_eq!(told, [(Code::HeadOOM, vec!["session_1".to_owned()]), (Code::Deleted, vec!["session_2".to_owned()])]);
    // Each run has the ends of its own sessions.
    let end = |session: &str, outcome, second| SessionEnd {
        session: format!("c/{session}"),
        outcome,
        at: Some(at(second)),
        ..SessionEnd::default()
    };
    for (of_first, of_second, expected) in [
        (None, Some(Outcome::Succeeded), [Outcome::Failed, Outcome::Succeeded]),
        (Some(Outcome::Succeeded), Some(Outcome::Failed), [Outcome::Succeeded, Outcome::Failed]),
        (Some(Outcome::Failed), None, [Outcome::Failed, Outcome::Stopped]),
    ] {
        let mut records = records.clone();
        // In any order, and more than once.
        for _ in 0..2 {
            records.session("c-uid", "session_2", at(195), of_second.map(|outcome| end("session_2", outcome, 400)));
            records.session("c-uid", "session_1", at(10), of_first.map(|outcome| end("session_1", outcome, 100)));
        }
        let outcomes: Vec<Outcome> = document(&records, "c-uid", None).runs.iter().map(|run| run.outcome).collect();
        assert_eq!(outcomes, expected);
    }
}

/// A job failed, and others went on: until the last end, or until the deletion.
#[test]
fn a_session_with_a_failed_job_ends_with_its_last_one() {
    for (last, expected, codes) in
        [(Some(300), 300, vec![Code::AppFailed]), (None, 500, vec![Code::AppFailed, Code::Deleted])]
    {
        let mut records = idle().gone(500, cluster(ready())).records();
        let end = SessionEnd {
            session: "c/session_1".into(),
            outcome: Outcome::Failed,
            at: last.map(at),
            job: "x".into(),
            failed_at: Some(at(100)),
            message: "ValueError: broken".into(),
        };
        records.session("c-uid", "session_1", at(10), Some(end));
        let run = document(&records, "c-uid", None).runs.pop().unwrap();
        let mut told = self::codes(&run);
        told.sort();
        assert_eq!((run.to, told, run.outcome), (Some(at(expected)), codes, Outcome::Failed), "{:?}", run.causes);
        assert!(run.causes.iter().any(|cause| cause.sentence() == "The program failed: ValueError: broken."));
    }
}

/// An hour, in seconds.
const HOUR: i64 = 3_600;

fn job_end(state: JobState, end: Option<i64>) -> JobEnd {
    let message = if state == JobState::Failed { "ValueError: broken" } else { "" };
    JobEnd { id: "x".into(), state, at: end.map(at), message: message.into() }
}

/// A cluster without a `RayJob` whose jobs have these ends, and that is deleted at a time.
fn with_jobs(scene: Scene, jobs: impl Into<Vec<JobEnd>>, deleted: i64) -> Run {
    let facts = RayFacts { jobs: jobs.into(), ..RayFacts::default() };
    Scene { ray: Some(facts), ..scene.gone(deleted, cluster(ready())) }.run()
}

fn idle() -> Scene {
    Scene::cluster().see(1, cluster(ready())).healthy()
}

fn codes(run: &Run) -> Vec<Code> {
    run.causes.iter().map(|cause| cause.code).collect()
}

/// Whoever waited for a job deletes its cluster within seconds, or it is cleaned up hours later.
#[test]
fn a_deletion_after_the_last_job_is_no_cause() {
    for deleted in [401, 402, 403, 404, 9 * HOUR] {
        let run = with_jobs(idle(), [job_end(JobState::Failed, Some(400))], deleted);
        assert_eq!((codes(&run), run.outcome), (vec![Code::AppFailed], Outcome::Failed), "{deleted}");
        assert!(run.noticed.is_empty(), "{:?}", run.noticed);
        let succeeded = [JobState::Succeeded, JobState::Succeeded].map(|state| job_end(state, Some(400)));
        let run = with_jobs(idle(), succeeded, deleted);
        assert_eq!((codes(&run), run.noticed, run.outcome), (vec![], vec![], Outcome::Succeeded), "{deleted}");
        // The last job of a mix succeeded.
        let mix = [job_end(JobState::Failed, Some(100)), job_end(JobState::Succeeded, Some(400))];
        let run = with_jobs(idle(), mix, deleted);
        assert_eq!((codes(&run), run.outcome, run.to), (vec![Code::AppFailed], Outcome::Failed, Some(at(400))));
        // Of a driver that ended, it is not known what came of it.
        let run = with_jobs(idle(), [job_end(JobState::Open, Some(400))], deleted);
        assert_eq!((codes(&run), run.outcome, run.to), (vec![], Outcome::Unknown, Some(at(400))));
    }
}

/// One job failed hours ago, and another went on: the deletion ended that.
#[test]
fn a_deletion_while_a_job_goes_on_is_certain() {
    let jobs = [job_end(JobState::Failed, Some(400)), job_end(JobState::Open, None)];
    let run = with_jobs(idle(), jobs, 4 * HOUR);
    let deleted = run.causes.iter().find(|cause| cause.code == Code::Deleted).map(|cause| cause.certainty);
    assert_eq!((deleted, run.to), (Some(Certain), Some(at(4 * HOUR))), "{:?}", run.causes);
    // A job that fails of the deletion is over after it.
    let run = with_jobs(idle(), [job_end(JobState::Failed, Some(410))], 400);
    assert!(codes(&run).contains(&Code::Deleted), "{:?}", run.causes);
}

/// A head without memory came back hours before the job failed of its program, and the cluster was cleaned up.
#[test]
fn a_head_that_healed_long_before_is_not_told_first() {
    let killed = json!({"phase": "Running", "containerStatuses": [{"name": "ray-head", "restartCount": 1, "ready": true,
        "state": running(HOUR + 9), "lastState": ended(HOUR, "OOMKilled", 137)}]});
    let scene = idle().see(HOUR + 10, head(killed));
    let run = with_jobs(scene, [job_end(JobState::Failed, Some(3 * HOUR))], 4 * HOUR);
    assert_eq!(codes(&run), [Code::AppFailed, Code::HeadOOM], "{:?}", run.causes);
    assert_eq!(run.causes[0].certainty, Likely);
}

/// Objects tell whole seconds, and Ray's facts parts of them.
#[test]
fn what_happened_in_the_second_of_the_end_is_of_the_run() {
    let half = |seconds: i64| Time(at(seconds).0 + 500_000_000);
    let has_cause = |killed: Time, end: Option<Time>, deleted: i64| {
        let job = JobEnd {
            message: "ray.exceptions.OutOfMemoryError: killed".into(),
            at: end,
            ..job_end(JobState::Failed, None)
        };
        let exit = WorkerExit { pod: "w1".into(), at: Some(killed), exit_type: "NODE_OUT_OF_MEMORY".into() };
        let facts = RayFacts { jobs: vec![job], worker_exits: vec![exit], ..RayFacts::default() };
        let run = Scene { ray: Some(facts), ..idle().gone(deleted, cluster(ready())) }.run();
        codes(&run).contains(&Code::RayOOM)
    };
    // The deletion, at 400 or some milliseconds later, is the end.
    assert!(has_cause(half(400), Some(half(400)), 400));
    assert!(!has_cause(at(401), Some(half(401)), 400));
    // The end of the job is exact.
    assert!(has_cause(half(400), Some(half(400)), 500));
    assert!(!has_cause(at(401), Some(half(400)), 500));
}
