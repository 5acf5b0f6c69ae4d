//! Settings of Google Cloud Storage.

use super::Store;
use crate::Problems;
use crate::crd::GcsSpec;
use crate::reader::Reader;
use crate::secret::Keys;
use ray_history_storage::config::{Credentials, GcsConfig, Rotating, Secret, StoreConfig};
use ray_history_store_settings::names;

const FIELD: &str = "spec.storage.gcs";
const BUCKET: &str = "spec.storage.gcs.bucket";
/// Source of credentials for settings from a file.
const CREDENTIALS: &str = "set GOOGLE_APPLICATION_CREDENTIALS, or log in with gcloud";

/// Returns the configuration of a bucket in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &GcsSpec) -> Store {
    let secret = reader.secret(FIELD, spec.credentials_secret_ref.as_ref(), CREDENTIALS);
    let config = GcsConfig {
        bucket: reader.bucket_name(BUCKET, &spec.bucket, names::is_gcs(&spec.bucket), names::GCS_EXPECTED),
        endpoint: reader.endpoint("spec.storage.gcs.endpoint", spec.endpoint.as_ref()),
        billing_project: spec.billing_project.clone(),
        credentials: reader.credentials(FIELD, spec.anonymous, secret.as_ref()),
    };
    (StoreConfig::Gcs(config), secret)
}

/// Returns a bucket of KubeRay's settings as in a document.
pub(super) fn to_spec(gcs: &GcsConfig) -> GcsSpec {
    GcsSpec { bucket: gcs.bucket.clone(), ..GcsSpec::default() }
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
