//! Reads the store and its credentials from KubeRay's settings, backend by backend.

use super::sources::Sources;
use crate::crd::{AzureSpec, GcsSpec, LocalSpec, OssAddressing, OssSpec, S3Spec, StorageSpec};
use ray_history_storage::config::{
    AccessKey, AzureSecret, ConnectionString, Credentials, Rotating, Secret, StoreConfig,
};
use std::net::IpAddr;

/// The bucket that KubeRay's server reads (and creates) by default.
const DEFAULT_BUCKET: &str = "ray-historyserver";

/// Credentials in the settings; without them, the store's default chain is used.
pub(super) enum Identity {
    Keys(AccessKey),
    Azure(AzureSecret),
}

impl Identity {
    pub(super) fn apply_to(self, store: &mut StoreConfig) {
        match (self, store) {
            (Self::Keys(keys), StoreConfig::S3(s3)) => s3.credentials = Credentials::Static(Rotating::new(keys)),
            (Self::Azure(secret), StoreConfig::Azure(azure)) => {
                azure.credentials = Credentials::Static(Rotating::new(secret));
            }
            _ => {}
        }
    }
}

/// Reads the settings of one backend.
pub(super) fn read(sources: &mut Sources<'_>, backend: &str, root: String) -> (StorageSpec, Option<Identity>) {
    let storage = StorageSpec { root_dirs: vec![root], ..StorageSpec::default() };
    match backend {
        "s3" => {
            let (s3, identity) = s3(sources);
            (StorageSpec { s3: Some(s3), ..storage }, identity)
        }
        "gcs" => {
            let bucket = sources.key_or_variable("spec.storage.gcs.bucket", "gcsBucket", "GCS_BUCKET");
            let gcs = GcsSpec { bucket: bucket.unwrap_or_else(|| DEFAULT_BUCKET.into()), ..GcsSpec::default() };
            (StorageSpec { gcs: Some(gcs), ..storage }, None)
        }
        "azureblob" => {
            let (azure, identity) = azure(sources);
            (StorageSpec { azure: Some(azure), ..storage }, identity)
        }
        "aliyunoss" => (StorageSpec { oss: Some(oss(sources)), ..storage }, None),
        other => {
            let message = match other {
                "localtest" => "localtest is KubeRay's own test data; --local-dir serves a folder".to_owned(),
                _ => format!("{} must be one of s3, gcs, azureblob, aliyunoss", super::super::shape::quoted(other)),
            };
            sources.problem("STORAGE_BACKEND (--storage-backend)", message);
            // A valid placeholder, so that no further problems are reported.
            (StorageSpec { local: Some(LocalSpec { path: "/".into() }), ..storage }, None)
        }
    }
}

fn s3(sources: &mut Sources<'_>) -> (S3Spec, Option<Identity>) {
    let bucket = sources.key_or_variable("spec.storage.s3.bucket", "s3Bucket", "S3_BUCKET");
    let insecure = sources.bool_if_file("disableSSL", "s3DisableSSL", "S3DISABLE_SSL");
    let endpoint = sources.key_if_file("spec.storage.s3.endpoint", "s3Endpoint", "S3_ENDPOINT");
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
    let identity = match (id, secret) {
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
    (spec, identity.map(Identity::Keys))
}

fn azure(sources: &mut Sources<'_>) -> (AzureSpec, Option<Identity>) {
    const TEXT: &str = "AZURE_STORAGE_CONNECTION_STRING";
    const URL: &str = "AZURE_STORAGE_ACCOUNT_URL";
    let container =
        sources.key_or_variable("spec.storage.azure.container", "azureContainer", "AZURE_STORAGE_CONTAINER");
    let mut spec = AzureSpec { container: container.unwrap_or_else(|| DEFAULT_BUCKET.into()), ..AzureSpec::default() };
    let mode = sources.key_or_variable("mode", "azureAuthMode", "AZURE_STORAGE_AUTH_MODE").unwrap_or_default();
    let mode = mode.trim().to_ascii_lowercase();
    if !["", "connection_string", "workload_identity", "default"].contains(&mode.as_str()) {
        sources.note("AZURE_STORAGE_AUTH_MODE is not one of connection_string, workload_identity, default: ignored");
    }
    let text = sources.key_or_variable("text", "azureConnectionString", TEXT).filter(|text| !text.is_empty());
    let url = sources.key_or_variable("spec.storage.azure.endpoint", "azureAccountURL", URL);
    let url = url.filter(|url| !url.is_empty());
    let by_token = mode == "workload_identity" || mode == "default";
    match text {
        Some(text) if !by_token => {
            for field in ["spec.storage.azure.endpoint", "spec.storage.azure.account"] {
                sources.set_name(field, TEXT);
            }
            match ConnectionString::parse(&text) {
                Ok(read) => {
                    spec.account = Some(read.account);
                    spec.endpoint = Some(read.endpoint);
                    return (spec, Some(Identity::Azure(read.secret)));
                }
                Err(error) => sources.problem(TEXT, error.to_string()),
            }
        }
        None if mode == "connection_string" => sources.problem(TEXT, "is not set, and the mode is connection_string"),
        _ if url.is_none() => {
            sources.problem(URL, format!("is not set: it or {TEXT} must name the storage account"));
        }
        _ => {
            spec.endpoint = url;
            sources.set_name("spec.storage.azure.account", URL);
            if mode == "workload_identity" {
                for name in ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"] {
                    if sources.variable(name).is_none() {
                        let message = "is not set, and the mode is workload_identity: label the pod \
                                       azure.workload.identity/use and annotate its ServiceAccount";
                        sources.problem(name, message);
                    }
                }
            }
            return (spec, None);
        }
    }
    // A valid placeholder, so that no further problems are reported.
    spec.account = Some("unknown".into());
    (spec, None)
}

fn oss(sources: &mut Sources<'_>) -> OssSpec {
    let bucket = sources.key_if_file("spec.storage.oss.bucket", "ossBucket", "OSS_BUCKET");
    let endpoint = sources.key_if_file("spec.storage.oss.endpoint", "ossEndpoint", "OSS_ENDPOINT");
    let endpoint = endpoint.filter(|endpoint| !endpoint.is_empty()).map(|endpoint| with_scheme(endpoint, false));
    let region = sources.key_if_file("spec.storage.oss.region", "ossRegion", "OSS_REGION");
    // Collectors before v1.7 had no region setting; their endpoint contains it.
    let region = region.filter(|region| !region.is_empty()).or_else(|| region_of(endpoint.as_deref()?));
    OssSpec {
        bucket: bucket.unwrap_or_default(),
        region: region.unwrap_or_default(),
        addressing: match &endpoint {
            // As in Alibaba's own client: a bucket name cannot be put in front of an IP address.
            Some(endpoint) if is_address(endpoint) => OssAddressing::Path,
            _ => OssAddressing::VirtualHost,
        },
        endpoint,
        ..OssSpec::default()
    }
}

/// Returns an endpoint with a scheme, adding one if it has none.
fn with_scheme(endpoint: String, insecure: bool) -> String {
    let scheme = if insecure { "http" } else { "https" };
    if endpoint.contains("://") { endpoint } else { format!("{scheme}://{endpoint}") }
}

/// Returns the region in one of OSS's own endpoints: `https://oss-cn-hangzhou-internal.aliyuncs.com`.
fn region_of(endpoint: &str) -> Option<String> {
    let label = endpoint.split_once("://")?.1.split('.').next()?;
    let region = label.strip_prefix("oss-")?;
    Some(region.strip_suffix("-internal").unwrap_or(region).to_owned())
}

fn is_address(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}
