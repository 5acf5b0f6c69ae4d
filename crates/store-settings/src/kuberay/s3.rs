//! KubeRay's settings of Amazon S3, and of other stores with its protocol.

use super::sources::{DEFAULT_BUCKET, Sources, with_scheme};
use ray_history_storage::config::{AccessKey, Credentials, Rotating, S3Config, Secret};

pub(super) const BUCKET: &str = "spec.storage.s3.bucket";
pub(super) const REGION: &str = "spec.storage.s3.region";
pub(super) const ENDPOINT: &str = "spec.storage.s3.endpoint";

/// Keys of the JSON file.
pub(super) const KEYS: [&str; 5] = ["s3Bucket", "s3DisableSSL", "s3Endpoint", "s3ForcePathStyle", "s3Region"];

/// Returns the bucket, with the credentials in the settings.
pub(super) fn read(sources: &mut Sources<'_>) -> S3Config {
    let bucket = sources.key_or_variable(BUCKET, "s3Bucket", "S3_BUCKET");
    let insecure = sources.bool_if_file("disableSSL", "s3DisableSSL", "S3DISABLE_SSL");
    let endpoint = sources.key_if_file(ENDPOINT, "s3Endpoint", "S3_ENDPOINT");
    let endpoint = endpoint.map(|endpoint| endpoint.trim().to_owned()).filter(|endpoint| !endpoint.is_empty());
    if insecure && endpoint.as_ref().is_none_or(|endpoint| endpoint.starts_with("https://")) {
        sources.note("TLS stays on although it was disabled: Amazon requires it; for other endpoints write http://");
    }
    S3Config {
        bucket: bucket.unwrap_or_else(|| DEFAULT_BUCKET.into()),
        region: sources.key_if_file(REGION, "s3Region", "S3_REGION").filter(|region| !region.is_empty()),
        endpoint: endpoint.map(|endpoint| with_scheme(endpoint, insecure)),
        force_path_style: sources.bool_if_file("forcePathStyle", "s3ForcePathStyle", "S3FORCE_PATH_STYLE"),
        requester_pays: false,
        ca: None,
        profile: None,
        credentials: key(sources).map_or(Credentials::Default, |key| Credentials::Static(Rotating::new(key))),
    }
}

/// Returns the keys under the names of the first collectors; today's collectors use those of the default chain.
fn key(sources: &mut Sources<'_>) -> Option<AccessKey> {
    let [id, secret, token] = ["AWS_S3ID", "AWS_S3SECRET", "AWS_S3TOKEN"].map(|name| sources.variable(name));
    match (id, secret) {
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
    }
}
