//! A `RayService`.

use super::lenient::{Items, Label, lenient};
use super::metadata::{Condition, Metadata};

lenient! {
    /// A `RayService`.
    pub struct RayService {
        /// The metadata.
        metadata: Metadata = "metadata",
        /// The status.
        status: RayServiceStatus = "status",
    }
}

lenient! {
    /// The status of a service.
    pub struct RayServiceStatus {
        /// The conditions.
        conditions: Items<Condition, 32> = "conditions",
        /// The cluster that serves.
        active: ServiceCluster = "activeServiceStatus",
    }
}

lenient! {
    /// A cluster of a service.
    pub struct ServiceCluster {
        /// Its name.
        cluster: Label = "rayClusterName",
    }
}
