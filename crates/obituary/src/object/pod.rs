//! A pod of Ray, or one that submits a job.

use super::lenient::{Flag, Items, Label, Long, Number, Text, When, lenient};
use super::metadata::{Condition, Metadata};
use super::template::Container;

lenient! {
    /// A pod.
    pub struct Pod {
        /// The metadata.
        metadata: Metadata = "metadata",
        /// The spec.
        spec: PodSpec = "spec",
        /// The status.
        status: PodStatus = "status",
    }
}

lenient! {
    /// The spec of a pod.
    pub struct PodSpec {
        /// The node.
        node: Label = "nodeName",
        /// The containers.
        containers: Items<Container, 16> = "containers",
    }
}

lenient! {
    /// The status of a pod.
    pub struct PodStatus {
        /// The phase.
        phase: Label = "phase",
        /// The reason, such as `Evicted`.
        reason: Label = "reason",
        /// The message.
        message: Text = "message",
        /// The conditions.
        conditions: Items<Condition, 32> = "conditions",
        /// The containers.
        containers: Items<ContainerStatus, 16> = "containerStatuses",
        /// The containers that run before those.
        init_containers: Items<ContainerStatus, 16> = "initContainerStatuses",
    }
}

lenient! {
    /// The status of a container.
    pub struct ContainerStatus {
        /// The name.
        name: Label = "name",
        /// The digest of the image.
        image_id: Label = "imageID",
        /// The number of restarts.
        restarts: Number = "restartCount",
        /// `true` if it is ready.
        ready: Flag = "ready",
        /// The state.
        state: ContainerState = "state",
        /// The end of the life before.
        last: ContainerState = "lastState",
    }
}

lenient! {
    /// The state of a container: one of three.
    pub struct ContainerState {
        /// It waits.
        waiting: Waiting = "waiting",
        /// It runs.
        running: Running = "running",
        /// It ended.
        terminated: Terminated = "terminated",
    }
}

lenient! {
    /// A container that waits.
    pub struct Waiting {
        /// The reason.
        reason: Label = "reason",
        /// The message.
        message: Text = "message",
    }
}

lenient! {
    /// A container that runs.
    pub struct Running {
        /// The start.
        start: When = "startedAt",
    }
}

lenient! {
    /// A container that ended.
    pub struct Terminated {
        /// The id of this life of the container.
        id: Label = "containerID",
        /// The reason.
        reason: Label = "reason",
        /// The message.
        message: Long = "message",
        /// The exit code.
        exit: Number = "exitCode",
        /// The signal.
        signal: Number = "signal",
        /// The start.
        start: When = "startedAt",
        /// The end.
        end: When = "finishedAt",
    }
}
