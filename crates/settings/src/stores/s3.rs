//! Settings of Amazon S3, and of other stores with its protocol.

use super::Store;
use crate::Problems;
use crate::crd::S3Spec;
use crate::reader::Reader;
use crate::secret::Keys;
use ray_history_storage::config::{Credentials, Rotating, S3Config, StoreConfig};
use ray_history_store_settings::names;

const FIELD: &str = "spec.storage.s3";
const BUCKET: &str = "spec.storage.s3.bucket";
const ENDPOINT: &str = "spec.storage.s3.endpoint";
/// Source of credentials for settings from a file.
const CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";

/// Returns the configuration of a bucket in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &S3Spec) -> Store {
    let secret = reader.secret(FIELD, spec.credentials_secret_ref.as_ref(), CREDENTIALS);
    let is_valid = names::is_s3(&spec.bucket, spec.region.as_deref(), spec.endpoint.is_some());
    let config = S3Config {
        bucket: reader.bucket_name(BUCKET, &spec.bucket, is_valid, names::S3_EXPECTED),
        region: spec.region.clone(),
        endpoint: reader.endpoint(ENDPOINT, spec.endpoint.as_ref()),
        force_path_style: spec.force_path_style,
        requester_pays: spec.requester_pays,
        ca: spec.ca_bundle.clone(),
        profile: spec.profile.clone(),
        credentials: reader.credentials(FIELD, spec.anonymous, secret.as_ref()),
    };
    (StoreConfig::S3(config), secret)
}

/// Returns a bucket of KubeRay's settings as in a document.
pub(super) fn to_spec(s3: &S3Config) -> S3Spec {
    S3Spec {
        bucket: s3.bucket.clone(),
        region: s3.region.clone(),
        endpoint: s3.endpoint.clone(),
        force_path_style: s3.force_path_style,
        ..S3Spec::default()
    }
}

/// Replaces the credentials by those in a Secret.
pub(super) fn set_credentials(s3: &mut S3Config, keys: &Keys<'_>) -> Result<(), Problems> {
    let key = keys.access_key(["accessKeyId", "secretAccessKey", "sessionToken"])?;
    s3.credentials = Credentials::Static(Rotating::new(key));
    Ok(())
}

/// Returns the bucket as a URL.
pub(super) fn url(s3: &S3Config) -> String {
    format!("s3://{}", s3.bucket)
}
