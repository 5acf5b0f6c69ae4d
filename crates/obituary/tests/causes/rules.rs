//! Each rule by at least one scene: the objects as the API server tells of them, and the sentence that comes of it.

mod job;
mod nodes;
mod owner;
mod pods;
mod waits;

use crate::objects::*;
use ray_history_obituary::cause::{
    Certainty, Code, DeadNode, JobEnd, JobState, Outcome, RayFacts, TaskErrors, WorkerExit,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

use Certainty::{Certain, Likely};
use Outcome::{Failed, Stopped};

/// What a scene must come to.
struct Row {
    code: Code,
    certainty: Certainty,
    outcome: Outcome,
    /// A part of the sentence.
    says: &'static str,
    scene: Scene,
}

fn row(code: Code, certainty: Certainty, outcome: Outcome, says: &'static str, scene: Scene) -> Row {
    Row { code, certainty, outcome, says, scene }
}

fn deadline(scene: Scene) -> Scene {
    scene.fails(600, "DeadlineExceeded", "", "The RayJob has passed the activeDeadlineSeconds.").again(610)
}

/// A worker that ends at 300, and a job that fails of it at 310.
fn lost_worker(worker_state: Value) -> Scene {
    let scene = Scene::job().healthy().see(301, worker("w1", worker_state));
    app_failed(scene, 310, "ray.exceptions.WorkerCrashedError: The worker died unexpectedly")
}

fn ray(facts: RayFacts) -> Scene {
    Scene { ray: Some(facts), ..Scene::cluster().see(1, cluster(ready())).healthy().gone(500, cluster(ready())) }
}

#[test]
fn each_rule_gives_its_code_certainty_outcome_and_sentence() {
    let rows: Vec<Row> =
        [waits::rows(), pods::rows(), nodes::rows(), job::rows(), owner::rows()].into_iter().flatten().collect();
    let mut wrong = Vec::new();
    let mut codes = BTreeSet::new();
    for (number, row) in rows.iter().enumerate() {
        codes.insert(row.code);
        let run = row.scene.run();
        let first = run.first_cause().map(|cause| (cause.code, cause.certainty));
        let sentence = run.sentence(&row.scene.document().facts);
        if first != Some((row.code, row.certainty)) || run.outcome != row.outcome || !sentence.contains(row.says) {
            wrong.push(format!(
                "{number} {} ({}): {} {first:?} {sentence}\n  {:?}",
                row.code, row.says, run.outcome, run.causes
            ));
        }
        assert!(run.causes.iter().all(|cause| !cause.evidence.is_empty()), "{}: a cause without evidence", row.code);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The cluster's own document says that it was deleted with its job.
    codes.insert(Code::DeletedWithOwner);
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !codes.contains(code)).collect();
    assert!(missing.is_empty(), "rules without a row: {missing:?}");
}
