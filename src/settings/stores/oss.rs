//! Settings of Alibaba Cloud OSS.

use super::Store;
use crate::crd::{self, OssSpec};
use crate::settings::Problems;
use crate::settings::reader::Reader;
use crate::settings::secret::Keys;
use crate::settings::sources::{Sources, with_scheme};
use ray_history_storage::config::{Credentials, OssAddressing, OssConfig, Rotating, StoreConfig};
use std::net::IpAddr;

const FIELD: &str = "spec.storage.oss";
const BUCKET: &str = "spec.storage.oss.bucket";
const ENDPOINT: &str = "spec.storage.oss.endpoint";
/// Source of credentials for settings from a file.
const CREDENTIALS: &str = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET";

/// Keys of KubeRay's JSON file.
pub(super) const KUBERAY_KEYS: [&str; 3] = ["ossBucket", "ossEndpoint", "ossRegion"];

/// Returns the configuration of a bucket in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &OssSpec) -> Store {
    let secret = reader.secret(FIELD, spec.credentials_secret_ref.as_ref(), CREDENTIALS);
    let config = OssConfig {
        bucket: reader.bucket_name(BUCKET, &spec.bucket, crd::is_oss(&spec.bucket), crd::OSS_EXPECTED),
        region: spec.region.clone(),
        endpoint: reader.endpoint(ENDPOINT, spec.endpoint.as_ref()),
        addressing: match spec.addressing {
            crd::OssAddressing::VirtualHost => OssAddressing::VirtualHost,
            crd::OssAddressing::Path => OssAddressing::Path,
            crd::OssAddressing::Cname => OssAddressing::Cname,
        },
        internal: spec.internal,
        ca: spec.ca_bundle.clone(),
        credentials: reader.credentials(FIELD, spec.anonymous, secret.as_ref()),
    };
    (StoreConfig::Oss(config), secret)
}

/// Returns the bucket in KubeRay's settings.
pub(super) fn from_kuberay(sources: &mut Sources<'_>) -> OssSpec {
    let bucket = sources.key_if_file(BUCKET, "ossBucket", "OSS_BUCKET");
    let endpoint = sources.key_if_file(ENDPOINT, "ossEndpoint", "OSS_ENDPOINT");
    let endpoint = endpoint.filter(|endpoint| !endpoint.is_empty()).map(|endpoint| with_scheme(endpoint, false));
    let region = sources.key_if_file("spec.storage.oss.region", "ossRegion", "OSS_REGION");
    // Collectors before v1.7 had no region setting; their endpoint contains it.
    let region = region.filter(|region| !region.is_empty()).or_else(|| region_of(endpoint.as_deref()?));
    OssSpec {
        bucket: bucket.unwrap_or_default(),
        region: region.unwrap_or_default(),
        addressing: match &endpoint {
            // As in Alibaba's own client: a bucket name cannot be put in front of an IP address.
            Some(endpoint) if is_address(endpoint) => crd::OssAddressing::Path,
            _ => crd::OssAddressing::VirtualHost,
        },
        endpoint,
        ..OssSpec::default()
    }
}

/// Replaces the credentials by those in a Secret.
pub(super) fn set_credentials(oss: &mut OssConfig, keys: &Keys<'_>) -> Result<(), Problems> {
    let key = keys.access_key(["accessKeyId", "accessKeySecret", "securityToken"])?;
    oss.credentials = Credentials::Static(Rotating::new(key));
    Ok(())
}

/// Returns the bucket as a URL.
pub(super) fn url(oss: &OssConfig) -> String {
    format!("oss://{}", oss.bucket)
}

/// Returns the region in one of OSS's own endpoints: `https://oss-cn-hangzhou-internal.aliyuncs.com`.
fn region_of(endpoint: &str) -> Option<String> {
    let label = endpoint.split_once("://")?.1.split('.').next()?;
    let region = label.strip_prefix("oss-")?;
    Some(region.strip_suffix("-internal").unwrap_or(region).to_owned())
}

/// Returns `true` if the host of an endpoint is an IP address.
fn is_address(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}
