//! A node on which pods of Ray ran.

use super::lenient::{Items, Label, When, lenient};
use super::metadata::{Condition, Metadata};

lenient! {
    /// A node.
    pub struct Node {
        /// The metadata.
        metadata: Metadata = "metadata",
        /// The spec.
        spec: NodeSpec = "spec",
        /// The status.
        status: NodeStatus = "status",
    }
}

lenient! {
    /// The spec of a node.
    pub struct NodeSpec {
        /// The taints.
        taints: Items<Taint, 32> = "taints",
    }
}

lenient! {
    /// A taint.
    pub struct Taint {
        /// The key.
        key: Label = "key",
        /// The time at which it was added.
        at: When = "timeAdded",
    }
}

lenient! {
    /// The status of a node.
    pub struct NodeStatus {
        /// The conditions.
        conditions: Items<Condition, 32> = "conditions",
    }
}
