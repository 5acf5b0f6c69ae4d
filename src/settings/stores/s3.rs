//! Settings of Amazon S3, and of other stores with its protocol.

use super::{Identity, Store};
use crate::crd::{self, S3Spec};
use crate::settings::Problems;
use crate::settings::reader::Reader;
use crate::settings::secret::Keys;
use crate::settings::sources::{DEFAULT_BUCKET, Sources, with_scheme};
use ray_history_storage::config::{AccessKey, Credentials, Rotating, S3Config, Secret, StoreConfig};

const FIELD: &str = "spec.storage.s3";
const BUCKET: &str = "spec.storage.s3.bucket";
const ENDPOINT: &str = "spec.storage.s3.endpoint";
/// Source of credentials for settings from a file.
const CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";

/// Keys of KubeRay's JSON file.
pub(super) const KUBERAY_KEYS: [&str; 5] = ["s3Bucket", "s3DisableSSL", "s3Endpoint", "s3ForcePathStyle", "s3Region"];

/// Returns the configuration of a bucket in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &S3Spec) -> Store {
    let secret = reader.secret(FIELD, spec.credentials_secret_ref.as_ref(), CREDENTIALS);
    let is_valid = crd::is_s3(&spec.bucket, spec.region.as_deref(), spec.endpoint.is_some());
    let config = S3Config {
        bucket: reader.bucket_name(BUCKET, &spec.bucket, is_valid, crd::S3_EXPECTED),
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

/// Returns the bucket in KubeRay's settings, with the credentials in these settings.
pub(super) fn from_kuberay(sources: &mut Sources<'_>) -> (S3Spec, Option<Identity>) {
    let bucket = sources.key_or_variable(BUCKET, "s3Bucket", "S3_BUCKET");
    let insecure = sources.bool_if_file("disableSSL", "s3DisableSSL", "S3DISABLE_SSL");
    let endpoint = sources.key_if_file(ENDPOINT, "s3Endpoint", "S3_ENDPOINT");
    let endpoint = endpoint.map(|endpoint| endpoint.trim().to_owned()).filter(|endpoint| !endpoint.is_empty());
    if insecure && endpoint.as_ref().is_none_or(|endpoint| endpoint.starts_with("https://")) {
        sources.note("TLS stays on although it was disabled: Amazon requires it; for other endpoints write http://");
    }
    let spec = S3Spec {
        bucket: bucket.unwrap_or_else(|| DEFAULT_BUCKET.into()),
        region: sources
            .key_if_file("spec.storage.s3.region", "s3Region", "S3_REGION")
            .filter(|region| !region.is_empty()),
        endpoint: endpoint.map(|endpoint| with_scheme(endpoint, insecure)),
        force_path_style: sources.bool_if_file("forcePathStyle", "s3ForcePathStyle", "S3FORCE_PATH_STYLE"),
        ..S3Spec::default()
    };
    // The names of the first collectors; today's collectors use those of the default chain.
    let [id, secret, token] = ["AWS_S3ID", "AWS_S3SECRET", "AWS_S3TOKEN"].map(|name| sources.variable(name));
    let key = match (id, secret) {
        (Some(id), Some(secret)) => Some(AccessKey {
            id: id.trim().to_owned(),
            secret: Secret::new(secret),
            session_token: token.map(Secret::new),
        }),
        (None, None) => None,
        _ => {
            sources.problem("AWS_S3ID and AWS_S3SECRET", "must both be set, or neither");
            None
        }
    };
    (spec, key.map(Identity::S3))
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
