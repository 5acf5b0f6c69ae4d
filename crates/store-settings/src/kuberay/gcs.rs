//! KubeRay's settings of Google Cloud Storage.

use super::sources::{DEFAULT_BUCKET, Sources};
use ray_history_storage::config::{Credentials, GcsConfig};

pub(super) const BUCKET: &str = "spec.storage.gcs.bucket";

/// Keys of the JSON file.
pub(super) const KEYS: [&str; 2] = ["gcpProjectID", "gcsBucket"];

/// Returns the bucket.
pub(super) fn read(sources: &mut Sources<'_>) -> GcsConfig {
    let bucket = sources.key_or_variable(BUCKET, "gcsBucket", "GCS_BUCKET");
    GcsConfig {
        bucket: bucket.unwrap_or_else(|| DEFAULT_BUCKET.into()),
        endpoint: None,
        billing_project: None,
        credentials: Credentials::Default,
    }
}
