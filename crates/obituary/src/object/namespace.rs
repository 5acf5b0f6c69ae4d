//! A namespace.

use super::lenient::lenient;
use super::metadata::Metadata;

lenient! {
    /// A namespace: whether it is being deleted is all that matters.
    pub struct Namespace {
        /// The metadata.
        metadata: Metadata = "metadata",
    }
}
