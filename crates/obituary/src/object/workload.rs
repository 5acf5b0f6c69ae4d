//! The Workload that Kueue makes of a `RayJob` or `RayCluster`.

use super::lenient::{Items, lenient};
use super::metadata::{Condition, Metadata};

lenient! {
    /// A Workload.
    pub struct Workload {
        /// The metadata, with the object as owner.
        metadata: Metadata = "metadata",
        /// The status.
        status: WorkloadStatus = "status",
    }
}

lenient! {
    /// The status of a Workload.
    pub struct WorkloadStatus {
        /// The conditions.
        conditions: Items<Condition, 32> = "conditions",
    }
}
