//! Causes that only the tables of Ray tell.

use super::*;

pub(super) fn rows() -> Vec<Row> {
    let ended_job = |state| JobEnd { id: "x".into(), state, at: Some(at(400)), message: "ValueError: broken".into() };
    vec![
        row(Code::RayOOM, Certain, Failed, "Ray killed 3 workers because node w1 was nearly out of memory", {
            let errors =
                vec![TaskErrors { error: "OUT_OF_MEMORY".into(), count: 3, pod: "w1".into(), at: Some(at(390)) }];
            let job =
                JobEnd { message: "ray.exceptions.OutOfMemoryError: killed".into(), ..ended_job(JobState::Failed) };
            of_ray(RayFacts { jobs: vec![job], task_errors: errors, ..RayFacts::default() })
        }),
        row(Code::RayOOM, Certain, Failed, "Ray killed workers because node w1 was nearly out of memory", {
            // Whoever waited for the job deletes its cluster in the second after its end.
            let exit = WorkerExit { pod: "w1".into(), at: Some(at(399)), exit_type: "NODE_OUT_OF_MEMORY".into() };
            let job =
                JobEnd { message: "ray.exceptions.OutOfMemoryError: killed".into(), ..ended_job(JobState::Failed) };
            let facts = RayFacts { jobs: vec![job], worker_exits: vec![exit], ..RayFacts::default() };
            let scene = Scene::cluster().see(1, cluster(ready())).healthy().gone(401, cluster(ready()));
            Scene { ray: Some(facts), ..scene }
        }),
        row(Code::RayOOM, Certain, Failed, "Ray killed workers because node w1", {
            let exit = WorkerExit { pod: "w1".into(), at: Some(at(305)), exit_type: "NODE_OUT_OF_MEMORY".into() };
            let facts = RayFacts { worker_exits: vec![exit], ..RayFacts::default() };
            let scene = Scene { ray: Some(facts), ..Scene::job().healthy() };
            app_failed(scene, 310, "ray.exceptions.OutOfMemoryError: Task was killed")
        }),
    ]
}
