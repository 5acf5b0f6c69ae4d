//! Trouble that is no cause, by the scenes of `scenes/no_cause.rs`.

use crate::scenes::no_cause::rows;
use crate::scenes::objects::*;
use ray_history_obituary::cause::{Certainty, Code, Outcome};

#[test]
fn ordinary_trouble_is_named_right_or_not_at_all() {
    let mut wrong = Vec::new();
    for row in rows() {
        let run = row.scene.run();
        let (code, certainty) = run.first_cause().map(|cause| (cause.code, cause.certainty)).unzip();
        let is_certainty = row.certainty.is_none() || certainty == row.certainty;
        if code != row.cause || !is_certainty || run.outcome != row.outcome {
            wrong.push(format!("{}: {} {code:?} {certainty:?}", row.name, run.outcome));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_healed_is_noticed() {
    let noticed = |name: &str| {
        let row = rows().into_iter().find(|row| row.name.starts_with(name)).unwrap();
        row.scene.run().noticed.into_iter().map(|cause| cause.code).collect::<Vec<_>>()
    };
    assert!(noticed("the scheduler found no node").contains(&Code::Unschedulable));
    assert_eq!(noticed("an image that could be pulled")[0], Code::ImagePull);
}

#[test]
fn trouble_an_hour_before_is_the_second_cause() {
    let row = rows().into_iter().find(|row| row.name == "trouble an hour before").unwrap();
    assert_eq!(row.scene.run().causes[1].code, Code::WorkerOOM);
}

/// A run that goes on has no outcome, and what waits may still come.
#[test]
fn a_run_that_goes_on() {
    let first = |scene: &Scene| scene.run().first_cause().map(|cause| (cause.code, cause.certainty));
    let scene = Scene::job().healthy();
    assert_eq!((first(&scene), scene.run().outcome, scene.run().to), (None, Outcome::Unknown, None));
    let scene = Scene::job_that_never_ran().see(9, head(waiting("ErrImagePull", "not found")));
    assert_eq!(first(&scene), Some((Code::ImagePull, Certainty::Likely)));
}
