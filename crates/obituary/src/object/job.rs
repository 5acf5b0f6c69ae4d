//! The Job whose pods submit a `RayJob`'s job.

use super::lenient::{Items, lenient};
use super::metadata::{Condition, Metadata};

lenient! {
    /// A Job.
    pub struct Job {
        /// The metadata.
        metadata: Metadata = "metadata",
        /// The status.
        status: JobStatus = "status",
    }
}

lenient! {
    /// The status of a Job.
    pub struct JobStatus {
        /// The conditions.
        conditions: Items<Condition, 16> = "conditions",
    }
}
