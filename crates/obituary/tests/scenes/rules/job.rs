//! The `RayJob`'s own words, and Ray's jobs.

use super::*;

pub(super) fn rows() -> Vec<Row> {
    let ended_job = |state| JobEnd { id: "x".into(), state, at: Some(at(400)), message: "ValueError: broken".into() };
    vec![
        row(
            Code::SpecInvalid,
            Certain,
            Failed,
            "KubeRay refused the RayJob: shutdown is needed. Nothing was started",
            {
                let told = json!({"rayClusterName": "", "message": "shutdown is needed", "reason": "ValidationFailed"});
                Scene::default().see(0, job("ValidationFailed", "", told))
            },
        ),
        row(Code::SpecInvalid, Certain, Failed, "refused the RayCluster: no gate", {
            let note = "The RayCluster spec is invalid team/c: no gate";
            Scene::cluster()
                .see(1, event("RayCluster", "c", "c-uid", 1, "InvalidRayClusterSpec", note))
                .gone(90, cluster(json!({})))
        }),
        row(Code::SubmissionFailed, Certain, Failed, "The job could not be submitted: Reason: BackoffLimitExceeded", {
            let scene = Scene::job_that_never_ran().healthy();
            scene.fails(320, "SubmissionFailed", "", "Reason: BackoffLimitExceeded")
        }),
        row(
            Code::AppFailed,
            Certain,
            Failed,
            "The program failed: ValueError: broken on purpose",
            app_failed(Scene::job().healthy(), 310, "Traceback:\n\u{1b}[36mValueError: broken on purpose\u{1b}[0m"),
        ),
        row(
            Code::AppFailed,
            Certain,
            Failed,
            "The program failed: Job entrypoint command failed with exit code 3",
            Scene::job().healthy().fails(
                310,
                "AppFailed",
                "FAILED",
                "Job entrypoint command failed with exit code 3, last available logs:\n",
            ),
        ),
        row(
            Code::AppFailed,
            Likely,
            Failed,
            "Probably: The program failed: ray.exceptions.WorkerCrashedError",
            app_failed(Scene::job().healthy(), 310, "ray.exceptions.WorkerCrashedError: The worker died"),
        ),
        row(
            Code::AppFailed,
            Certain,
            Failed,
            "ValueError: broken",
            of_ray(RayFacts { jobs: vec![ended_job(JobState::Failed)], ..RayFacts::default() }),
        ),
        row(
            Code::NotInCluster,
            Likely,
            Failed,
            "Ray knew no such job",
            Scene::job().healthy().fails(
                310,
                "AppFailed",
                "RUNNING",
                "Submitter completed but Ray job not found in RayCluster.",
            ),
        ),
        row(
            Code::Deadline,
            Certain,
            Failed,
            "Stopped after 600 s by its own deadline.",
            Scene::job().healthy().fails(600, "DeadlineExceeded", "RUNNING", "passed"),
        ),
        row(
            Code::Deadline,
            Likely,
            Failed,
            "by its own deadline, before it ran",
            deadline(Scene::job_that_never_ran()),
        ),
        row(
            Code::StatusLost,
            Likely,
            Failed,
            "could not learn the job's state for 9 min",
            Scene::job().healthy().fails(600, "JobStatusCheckTimeoutExceeded", "RUNNING", "timeout"),
        ),
        row(
            Code::Stopped,
            Certain,
            Stopped,
            "Stopped by `ray job stop` or the API",
            Scene::job().healthy().see(300, job("Complete", "STOPPED", json!({"endTime": when(300)}))),
        ),
    ]
}
