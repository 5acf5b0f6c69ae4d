//! Settings of Google Cloud Storage.

use super::Store;
use crate::crd::{self, GcsSpec};
use crate::settings::Problems;
use crate::settings::reader::Reader;
use crate::settings::secret::Keys;
use crate::settings::sources::{DEFAULT_BUCKET, Sources};
use ray_history_storage::config::{Credentials, GcsConfig, Rotating, Secret, StoreConfig};

const FIELD: &str = "spec.storage.gcs";
const BUCKET: &str = "spec.storage.gcs.bucket";
/// Source of credentials for settings from a file.
const CREDENTIALS: &str = "set GOOGLE_APPLICATION_CREDENTIALS, or log in with gcloud";

/// Keys of KubeRay's JSON file.
pub(super) const KUBERAY_KEYS: [&str; 2] = ["gcpProjectID", "gcsBucket"];

/// Returns the configuration of a bucket in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &GcsSpec) -> Store {
    let secret = reader.secret(FIELD, spec.credentials_secret_ref.as_ref(), CREDENTIALS);
    let config = GcsConfig {
        bucket: reader.bucket_name(BUCKET, &spec.bucket, crd::is_gcs(&spec.bucket), crd::GCS_EXPECTED),
        endpoint: reader.endpoint("spec.storage.gcs.endpoint", spec.endpoint.as_ref()),
        billing_project: spec.billing_project.clone(),
        credentials: reader.credentials(FIELD, spec.anonymous, secret.as_ref()),
    };
    (StoreConfig::Gcs(config), secret)
}

/// Returns the bucket in KubeRay's settings.
pub(super) fn from_kuberay(sources: &mut Sources<'_>) -> GcsSpec {
    let bucket = sources.key_or_variable(BUCKET, "gcsBucket", "GCS_BUCKET");
    GcsSpec { bucket: bucket.unwrap_or_else(|| DEFAULT_BUCKET.into()), ..GcsSpec::default() }
}

/// Replaces the credentials by those in a Secret.
pub(super) fn set_credentials(gcs: &mut GcsConfig, keys: &Keys<'_>) -> Result<(), Problems> {
    gcs.credentials = Credentials::Static(Rotating::new(Secret::new(keys.require("key.json")?)));
    Ok(())
}

/// Returns the bucket as a URL.
pub(super) fn url(gcs: &GcsConfig) -> String {
    format!("gs://{}", gcs.bucket)
}
