//! Runs and documents of objects: what is no single rule.

use crate::scenes::objects::*;
use ray_history_obituary::cause::{Certainty::Likely, Code, Outcome};

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
    records.session("c-uid", "session_1", at(10));
    records.session("c-uid", "session_2", at(195));
    let runs = document(&records, "c-uid", None).runs;
    let told: Vec<_> = runs.iter().map(|run| (run.first_cause().unwrap().code, run.sessions.clone())).collect();
    assert_eq!(told, [(Code::HeadOOM, vec!["session_1".to_owned()]), (Code::Deleted, vec!["session_2".to_owned()])]);
}
