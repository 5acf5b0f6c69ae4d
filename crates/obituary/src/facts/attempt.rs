//! An attempt of a `RayJob`: KubeRay makes a new cluster for each, and wipes the status between them.

use crate::join::{Join, Keyed, least};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// States of KubeRay's work within one attempt, in their order.
const DEPLOYMENT: [&str; 10] = [
    "Initializing",
    "Waiting",
    "Running",
    "Suspending",
    "Suspended",
    "Scheduling",
    "Retrying",
    "Complete",
    "Failed",
    "ValidationFailed",
];

/// Ray's states of a job, in their order.
const JOB: [&str; 5] = ["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"];

/// An attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Attempt {
    /// The uid of the `RayJob`.
    pub job: String,
    /// The name of the cluster; empty if there was none.
    pub cluster: String,
    /// The start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// The first time at which Ray's job ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ran_at: Option<Time>,
    /// The end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// The furthest state.
    #[serde(flatten)]
    pub state: State,
}

/// A state of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct State {
    /// The state of KubeRay's work.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub deployment_status: String,
    /// Ray's state of the job.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub job_status: String,
    /// The reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The message, from the driver's log in part.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Ray's id of the submission.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub submission_id: String,
}

impl State {
    /// Returns the rank, by which the furthest state is found; states that this version does not know come first.
    fn rank(&self) -> (usize, usize, &str, &str, &str, &str, &str) {
        let place =
            |states: &[&str], state: &str| states.iter().position(|known| *known == state).map_or(0, |at| at + 1);
        (
            place(&DEPLOYMENT, &self.deployment_status),
            place(&JOB, &self.job_status),
            &self.reason,
            &self.message,
            &self.submission_id,
            &self.deployment_status,
            &self.job_status,
        )
    }
}

impl Attempt {
    /// Returns `true` if nothing more happens in this attempt.
    pub fn is_over(&self) -> bool {
        is_over(&self.state.deployment_status)
    }

    /// Returns `true` if its `RayJob` is over with it: it is neither retried nor suspended.
    pub fn is_final(&self) -> bool {
        matches!(self.state.deployment_status.as_str(), "Complete" | "Failed" | "ValidationFailed")
    }

    /// Returns `true` if it is known that Ray's job ran.
    pub fn ran(&self) -> bool {
        self.ran_at.is_some()
    }
}

/// Returns `true` for a state of KubeRay's work that ends an attempt.
pub(super) fn is_over(deployment: &str) -> bool {
    matches!(deployment, "Complete" | "Failed" | "ValidationFailed" | "Retrying" | "Suspending" | "Suspended")
}

impl Keyed for Attempt {
    type Key = (String, String);

    fn key(&self) -> Self::Key {
        (self.job.clone(), self.cluster.clone())
    }
}

impl Join for Attempt {
    fn join(&mut self, other: Self) {
        least(&mut self.from, other.from);
        least(&mut self.ran_at, other.ran_at);
        least(&mut self.to, other.to);
        if other.state.rank() > self.state.rank() {
            self.state = other.state;
        }
    }
}
