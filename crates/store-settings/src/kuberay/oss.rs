//! KubeRay's settings of Alibaba Cloud OSS.

use super::sources::{Sources, with_scheme};
use ray_history_storage::config::{Credentials, OssAddressing, OssConfig};
use std::net::IpAddr;

pub(super) const BUCKET: &str = "spec.storage.oss.bucket";
pub(super) const REGION: &str = "spec.storage.oss.region";
pub(super) const ENDPOINT: &str = "spec.storage.oss.endpoint";

/// Keys of the JSON file.
pub(super) const KEYS: [&str; 3] = ["ossBucket", "ossEndpoint", "ossRegion"];

/// Returns the bucket.
pub(super) fn read(sources: &mut Sources<'_>) -> OssConfig {
    let bucket = sources.key_if_file(BUCKET, "ossBucket", "OSS_BUCKET");
    let endpoint = sources.key_if_file(ENDPOINT, "ossEndpoint", "OSS_ENDPOINT");
    let endpoint = endpoint.filter(|endpoint| !endpoint.is_empty()).map(|endpoint| with_scheme(endpoint, false));
    let region = sources.key_if_file(REGION, "ossRegion", "OSS_REGION");
    // Collectors before v1.7 had no region setting; their endpoint contains it.
    let region = region.filter(|region| !region.is_empty()).or_else(|| region_of(endpoint.as_deref()?));
    OssConfig {
        bucket: bucket.unwrap_or_default(),
        region: region.unwrap_or_default(),
        addressing: match &endpoint {
            // As in Alibaba's own client: a bucket name cannot be put in front of an IP address.
            Some(endpoint) if is_address(endpoint) => OssAddressing::Path,
            _ => OssAddressing::VirtualHost,
        },
        endpoint,
        internal: false,
        ca: None,
        credentials: Credentials::Default,
    }
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
