//! At least one scene for each rule: the objects as the API server tells of them, and the sentence that comes of it.

mod job;
mod nodes;
mod owner;
mod pods;
mod ray;
mod waits;

use super::Row;
use super::objects::*;
use ray_history_obituary::cause::{
    Certainty, Code, DeadNode, JobEnd, JobState, Outcome, RayFacts, TaskErrors, WorkerExit,
};
use serde_json::{Value, json};

use Certainty::{Certain, Likely};
use Outcome::{Failed, Stopped};

/// Returns the scenes of all rules.
pub(crate) fn rows() -> Vec<Row> {
    [waits::rows(), pods::rows(), nodes::rows(), job::rows(), owner::rows(), ray::rows()]
        .into_iter()
        .flatten()
        .collect()
}

fn row(code: Code, certainty: Certainty, outcome: Outcome, says: &'static str, scene: Scene) -> Row {
    Row { name: says, cause: Some(code), certainty: Some(certainty), outcome, says, uid: scene.uid(), scene }
}

fn deadline(scene: Scene) -> Scene {
    scene.fails(600, "DeadlineExceeded", "", "The RayJob has passed the activeDeadlineSeconds.").again(610)
}

/// A worker that ends at 300, and a job that fails of it at 310.
fn lost_worker(worker_state: Value) -> Scene {
    let scene = Scene::job().healthy().see(301, worker("w1", worker_state));
    app_failed(scene, 310, "ray.exceptions.WorkerCrashedError: The worker died unexpectedly")
}

fn of_ray(facts: RayFacts) -> Scene {
    Scene { ray: Some(facts), ..Scene::cluster().see(1, cluster(ready())).healthy().gone(500, cluster(ready())) }
}
