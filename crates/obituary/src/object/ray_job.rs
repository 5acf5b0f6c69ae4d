//! A `RayJob`.

use super::lenient::{Flag, Label, Number, Present, Tail, Text, When, lenient};
use super::metadata::Metadata;
use super::ray_cluster::RayClusterSpec;

lenient! {
    /// A `RayJob`.
    pub struct RayJob {
        /// The metadata.
        metadata: Metadata = "metadata",
        /// The spec.
        spec: RayJobSpec = "spec",
        /// The status.
        status: RayJobStatus = "status",
    }
}

lenient! {
    /// The spec of a job, without its runtime environment.
    pub struct RayJobSpec {
        /// The command that Ray's jobs API shows, too.
        entrypoint: Text = "entrypoint",
        /// `true` if KubeRay is to remove the cluster, or not to make one yet.
        suspend: Flag = "suspend",
        /// `true` if KubeRay removes the cluster at the end.
        shutdown: Flag = "shutdownAfterJobFinishes",
        /// There if rules say when KubeRay removes the cluster.
        deletion: Present = "deletionStrategy",
        /// Seconds from the end to the removal.
        ttl: Number = "ttlSecondsAfterFinished",
        /// Seconds that the job may take.
        deadline: Number = "activeDeadlineSeconds",
        /// Seconds that it may take until it runs.
        pre_running_deadline: Number = "preRunningDeadlineSeconds",
        /// The number of further attempts.
        backoff_limit: Number = "backoffLimit",
        /// The way in which the job is submitted.
        submission_mode: Label = "submissionMode",
        /// The spec of its cluster.
        cluster: RayClusterSpec = "rayClusterSpec",
    }
}

lenient! {
    /// The status of a job.
    pub struct RayJobStatus {
        /// The state of KubeRay's work.
        deployment: Label = "jobDeploymentStatus",
        /// Ray's state of the job.
        job: Label = "jobStatus",
        /// The reason for the state.
        reason: Label = "reason",
        /// The message, which may have lines of the driver's log.
        message: Tail = "message",
        /// The cluster of this attempt.
        cluster: Label = "rayClusterName",
        /// Ray's id of the submission.
        job_id: Label = "jobId",
        /// The start of this attempt.
        start: When = "startTime",
        /// Its end.
        end: When = "endTime",
        /// Ray's own times.
        info: RayJobInfo = "rayJobInfo",
    }
}

lenient! {
    /// Ray's own times of a job.
    pub struct RayJobInfo {
        /// The start of the driver.
        start: When = "startTime",
        /// Its end.
        end: When = "endTime",
    }
}
