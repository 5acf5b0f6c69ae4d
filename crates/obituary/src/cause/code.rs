//! The codes of causes, with their sentences.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Defines the codes, each with its sentence and the facts that it is known by.
macro_rules! codes {
    ($($code:ident: $sentence:literal, $seen:literal;)*) => {
        /// A cause, by its code.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $sentence] $code,)*
            /// A code that this version does not know.
            #[default]
            #[serde(other)]
            Other,
        }

        impl Code {
            /// All codes that this version gives.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// Returns the code's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                    Self::Other => "Other",
                }
            }

            /// Returns the sentence, with values in braces; a part in brackets is left out if one of its values is
            /// not known, or replaced by what stands behind `|`.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$code => $sentence,)*
                    Self::Other => "A cause that a newer version of ray-history found.",
                }
            }

            /// Returns the facts that the cause is known by.
            pub fn seen(self) -> &'static str {
                match self {
                    $(Self::$code => $seen,)*
                    Self::Other => "",
                }
            }
        }
    };
}

codes! {
    SpecInvalid: "KubeRay refused the [{kind}|object][: {message}]. Nothing was started.",
        "RayJob `ValidationFailed`; Events `InvalidRayJobSpec`, `InvalidRayClusterSpec` and the like, and no pod after them";
    QuotaPending: "Never started: [queue {queue}|its queue] did not admit it[: {message}].",
        "suspended, and the Workload's `QuotaReserved` is False";
    KueuePreempted: "Stopped by Kueue[ after {time}] for another workload[ ({reason})].",
        "the Workload's `Preempted`, or `Evicted` by preemption; Kueue's Event `Stopped`";
    KueueEvicted: "Kueue took its place back[: {reason}].",
        "the Workload's `Evicted` with another reason";
    PodRefused: "The [{role} ]pod could not be created[: {message}].",
        "condition `ReplicaFailure`; Events `FailedToCreateHeadPod`, `FailedToCreateWorkerPod`, and no such pod after them";
    Unschedulable: "[{n} of {m} {group} pods|A pod] never got a node[: {message}].",
        "`PodScheduled` False `Unschedulable`, or Event `FailedScheduling`, and no node until the end";
    ImagePull: "Image[ {image}] could not be pulled[: {message}].",
        "waiting `ErrImagePull`, `ImagePullBackOff` and the like in any version, of `wait-gcs-ready` too, and never ran";
    ContainerConfig: "Container[ {name}] could not be set up[: {message}].",
        "waiting `CreateContainerConfigError`, `CreateContainerError`, and never ran";
    StartError: "[{name}|A container] could not be started[: {message}].",
        "terminated `StartError`, `ContainerCannotRun`; waiting `RunContainerError`";
    VolumeMount: "A volume could not be mounted[: {message}].",
        "Events `FailedMount`, `FailedAttachVolume` on a pod that never ran";
    SandboxFailed: "The node could not give the pod a network[: {message}].",
        "Events `FailedCreatePodSandBox`, `NetworkNotReady` on a pod that never ran";
    WaitedForHead: "Workers waited[ {time}] for a head that never became ready.",
        "`wait-gcs-ready` ran and never ended, and the head was never ready";
    HeadOOM: "The head ran out of memory[ at its limit of {limit}]; Ray's session ended with it.",
        "head's container `OOMKilled` in any version, or `HeadPodReady` with that reason";
    WorkerOOM: "[{n} workers of {group}|A worker] ran out of memory[ at {limit}].",
        "a worker's container `OOMKilled` in any version; likely if seen only at its deletion, where Ray lost a worker";
    SubmitterOOM: "The pod that submits the job ran out of memory[ at {limit}]; the job itself may be fine.",
        "the submitter's container `OOMKilled`";
    RayOOM: "Ray killed [{n} workers|workers] because [node {node}|a node] was nearly out of memory.",
        "Ray's error `OUT_OF_MEMORY` or exit `NODE_OUT_OF_MEMORY`";
    Crash: "[{name}|A container] ended[ with exit code {exit}][, {n} times][: {message}].",
        "Ray's container ended with another code than 0, 137 and 143, and nothing was being deleted; `CrashLoopBackOff`";
    ProbeKilled: "[{name}|A container] was restarted because it stopped answering its liveness probe.",
        "Events `Unhealthy` of a liveness probe and `Killing` that names it";
    Evicted: "Evicted[ from node {node}][ because it passed its own limit{own}][: {message}].",
        "the pod's reason `Evicted`, or kubelet's Event `Evicted`, or `TerminationByKubelet`";
    PodPreempted: "Removed[ from {node}] for a pod of higher priority[: {message}].",
        "`DisruptionTarget` `PreemptionByScheduler`; Event `Preempted`";
    Drained: "[Node {node}|A node] was drained[ ({message})].",
        "`DisruptionTarget` `EvictionByEvictionAPI`; an autoscaler's Events and taints";
    SpotReclaimed: "The cloud took [spot node {node}|a spot node] back[ after {time}].",
        "Event `SpotInterrupted`; a shutdown of a spot node; a spot node gone within 3 minutes of its pod";
    NodeShutdown: "[Node {node}|A node] was shut down.",
        "the pod's reason `Terminated` or `NodeShutdown`, not on spot";
    NodeLost: "[Node {node}|A node] stopped answering[ at {at}][; its pods were given up {after}].",
        "`DeletionByTaintManager`, `DeletionByPodGC`, reason `NodeLost`, Event `NodeNotReady`";
    NodeRejected: "[Node {node}|A node] refused the pod[: {message}].",
        "the pod failed with `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `UnexpectedAdmissionError`, `NodeAffinity`";
    SubmissionFailed: "The job could not be submitted[: {message}].",
        "RayJob `SubmissionFailed`; the submitter's Job `BackoffLimitExceeded`";
    AppFailed: "The program failed[: {message}].",
        "RayJob `AppFailed`, or Ray's job `FAILED`, and no earlier cause";
    NotInCluster: "The submitter ended but Ray knew no such job: most often the head restarted meanwhile.",
        "RayJob `AppFailed` with \"not found in RayCluster\"";
    Deadline: "Stopped[ after {seconds} s] by its own deadline[, {before}].",
        "RayJob `DeadlineExceeded`, `PreRunningDeadlineExceeded`";
    StatusLost: "KubeRay could not learn the job's state[ for {time}].",
        "RayJob `JobStatusCheckTimeoutExceeded`, `JobDeploymentStatusTransitionGracePeriodExceeded`";
    HeadGone: "The head pod was gone[ {then}].",
        "no head pod after there was one, and the cluster was not being deleted";
    Stopped: "Stopped by `ray job stop` or the API.",
        "Ray's job `STOPPED`";
    DeletedByPolicy: "Cleaned up[ {ttl} after it finished].",
        "KubeRay's Event `DeletedRayCluster`, or a deletion after the RayJob's end with its time to live";
    DeletedWithOwner: "Deleted with its [{kind} {name}|owner].",
        "the owner was deleted before, or is gone";
    NamespaceDeleted: "Its namespace was deleted.",
        "the namespace was being deleted when the object went; an Event that says so";
    Deleted: "Deleted by somebody while it ran; Kubernetes does not record who.",
        "deleted while it ran, and none of the above";
    Suspended: "Suspended[ by {manager}][ at {at}].",
        "`spec.suspend` true";
    ServiceReplaced: "Replaced by cluster[ {cluster}][: {message}].",
        "the RayService made another cluster active";
    RayDrained: "Ray's autoscaler gave [node {node}|a node] up[ ({why})].",
        "Ray's death of a node `AUTOSCALER_DRAIN_PREEMPTED` or `AUTOSCALER_DRAIN_IDLE`, whose pod shows no trouble";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
