//! Converts a spec into settings: parses every value, applies every rule, and reports all problems together.

use super::shape::{self, quoted};
use super::{Cache, Clusters, Loading, Origin, Problem, Problems, Settings, Storage};
use crate::crd::{self, DurationRule, RayHistorySpec, SecretRef, StorageSpec};
use ray_history_storage::config::{
    AzureConfig, Credentials, GcsConfig, LocalConfig, OssAddressing, OssConfig, S3Config, StoreConfig,
};
use std::path::PathBuf;
use std::time::Duration;

/// The maximum of the default memory budget, in bytes.
const DEFAULT_MEMORY: u64 = 2 << 30;

// Sources of credentials for settings from a file.
const AWS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
const GOOGLE: &str = "set GOOGLE_APPLICATION_CREDENTIALS, or log in with gcloud";
const AZURE: &str = "set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or use a managed identity";
const ALIBABA: &str = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET";

/// Returns the default of `cache.maxMemory` in bytes: half of the container's memory limit, at most 2 GiB.
pub fn default_max_memory(memory_limit: Option<u64>) -> u64 {
    memory_limit.map_or(DEFAULT_MEMORY, |limit| (limit / 2).min(DEFAULT_MEMORY))
}

pub(super) fn settings(spec: &RayHistorySpec, origin: Origin, memory_limit: Option<u64>) -> Result<Settings, Problems> {
    let mut reader = Reader { origin, problems: Vec::new() };
    // The API server has checked its objects already, but perhaps against an older definition.
    let schema = crd::schema();
    if let (Some(schema), Ok(value)) = (schema.pointer("/properties/spec"), serde_json::to_value(spec)) {
        shape::check(schema, &value, "spec", &mut reader.problems);
    }
    let storage = reader.storage(&spec.storage);
    let max_memory = match &spec.cache.max_memory {
        None => default_max_memory(memory_limit),
        Some(size) => crd::MAX_MEMORY.read(&size.0).unwrap_or_else(|| {
            let expected = crd::MAX_MEMORY.expected();
            reader.problem("spec.cache.maxMemory", format!("{} {expected}", quoted(&size.0)));
            0
        }),
    };
    let ttl = reader.duration("spec.cache.ttl", &spec.cache.ttl, crd::TTL);
    let settings = Settings {
        cache: Cache {
            max_sessions: usize::try_from(spec.cache.max_sessions).unwrap_or(0),
            max_memory,
            ttl: (!ttl.is_zero()).then_some(ttl),
        },
        loading: Loading {
            timeout: reader.duration("spec.loading.timeout", &spec.loading.timeout, crd::TIMEOUT),
            max_concurrent: usize::try_from(spec.loading.max_concurrent).unwrap_or(0),
            request_timeout: reader.duration(
                "spec.loading.requestTimeout",
                &spec.loading.request_timeout,
                crd::REQUEST_TIMEOUT,
            ),
        },
        clusters: Clusters {
            namespaces: spec.clusters.namespaces.clone(),
            shared_storage: spec.clusters.shared_storage,
        },
        prewarm: spec.prewarm.enabled,
        redaction: spec.redaction,
        storage,
    };
    if reader.problems.is_empty() { Ok(settings) } else { Err(Problems(reader.problems)) }
}

struct Reader {
    origin: Origin,
    problems: Vec<Problem>,
}

impl Reader {
    /// Adds a problem, unless the field has one already.
    fn problem(&mut self, field: &str, message: impl Into<String>) {
        if !self.problems.iter().any(|problem| problem.field == field) {
            self.problems.push(Problem::new(field, message));
        }
    }

    /// Returns the name of a bucket or container, and adds a problem if it is not valid.
    fn bucket_name(&mut self, field: &str, name: &str, is_valid: bool, expected: &str) -> String {
        if !is_valid {
            self.problem(field, format!("{} {expected}", quoted(name)));
        }
        name.to_owned()
    }

    fn duration(&mut self, field: &str, text: &str, rule: DurationRule) -> Duration {
        rule.read(text).unwrap_or_else(|| {
            self.problem(field, format!("{} {}", quoted(text), rule.expected()));
            Duration::ZERO
        })
    }

    fn endpoint(&mut self, field: &str, text: Option<&String>) -> Option<String> {
        // The value is not shown: it may contain a password.
        if text.is_some_and(|text| !crd::is_endpoint(text)) {
            self.problem(field, crd::ENDPOINT_EXPECTED);
        }
        text.map(|text| text.trim_end_matches('/').to_owned())
    }

    fn secret(&mut self, field: &str, secret: Option<&SecretRef>, instead: &str) -> Option<String> {
        if secret.is_some() && self.origin == Origin::File {
            let why = "names a Secret of Kubernetes, which a file cannot use";
            self.problem(&format!("{field}.credentialsSecretRef"), format!("{why}; leave it out and {instead}"));
        }
        secret.map(|secret| secret.name.clone())
    }

    fn storage(&mut self, spec: &StorageSpec) -> Storage {
        let stores =
            [spec.s3.is_some(), spec.gcs.is_some(), spec.azure.is_some(), spec.oss.is_some(), spec.local.is_some()];
        if stores.iter().filter(|is_set| **is_set).count() != 1 {
            self.problem("spec.storage", "exactly one of s3, gcs, azure, oss and local must be set");
        }
        let mut credentials_secret = None;
        let mut store = None;
        if let Some(s3) = &spec.s3 {
            credentials_secret = self.secret("spec.storage.s3", s3.credentials_secret_ref.as_ref(), AWS);
            let is_valid = crd::is_s3(&s3.bucket, s3.region.as_deref(), s3.endpoint.is_some());
            store = Some(StoreConfig::S3(S3Config {
                bucket: self.bucket_name("spec.storage.s3.bucket", &s3.bucket, is_valid, crd::S3_EXPECTED),
                region: s3.region.clone(),
                endpoint: self.endpoint("spec.storage.s3.endpoint", s3.endpoint.as_ref()),
                force_path_style: s3.force_path_style,
                requester_pays: s3.requester_pays,
                ca: s3.ca_bundle.clone(),
                profile: s3.profile.clone(),
                credentials: self.credentials("spec.storage.s3", s3.anonymous, credentials_secret.as_ref()),
            }));
        }
        if let Some(gcs) = &spec.gcs {
            credentials_secret = self.secret("spec.storage.gcs", gcs.credentials_secret_ref.as_ref(), GOOGLE);
            store = Some(StoreConfig::Gcs(GcsConfig {
                bucket: self.bucket_name(
                    "spec.storage.gcs.bucket",
                    &gcs.bucket,
                    crd::is_gcs(&gcs.bucket),
                    crd::GCS_EXPECTED,
                ),
                endpoint: self.endpoint("spec.storage.gcs.endpoint", gcs.endpoint.as_ref()),
                listing_endpoint: self.endpoint("spec.storage.gcs.listingEndpoint", gcs.listing_endpoint.as_ref()),
                billing_project: gcs.billing_project.clone(),
                credentials: self.credentials("spec.storage.gcs", gcs.anonymous, credentials_secret.as_ref()),
            }));
        }
        if let Some(azure) = &spec.azure {
            credentials_secret = self.secret("spec.storage.azure", azure.credentials_secret_ref.as_ref(), AZURE);
            let endpoint = self.endpoint("spec.storage.azure.endpoint", azure.endpoint.as_ref());
            let account = azure.account.clone().or_else(|| account_of(endpoint.as_deref()?));
            if account.is_none() && credentials_secret.is_none() {
                self.problem("spec.storage.azure.account", crd::ACCOUNT_EXPECTED);
            }
            let is_valid = crd::is_azure(&azure.container);
            store = Some(StoreConfig::Azure(AzureConfig {
                container: self.bucket_name(
                    "spec.storage.azure.container",
                    &azure.container,
                    is_valid,
                    crd::AZURE_EXPECTED,
                ),
                account: account.unwrap_or_default(),
                endpoint,
                ca: azure.ca_bundle.clone(),
                client_id: azure.client_id.clone(),
                credentials: self.credentials("spec.storage.azure", azure.anonymous, credentials_secret.as_ref()),
            }));
        }
        if let Some(oss) = &spec.oss {
            credentials_secret = self.secret("spec.storage.oss", oss.credentials_secret_ref.as_ref(), ALIBABA);
            store = Some(StoreConfig::Oss(OssConfig {
                bucket: self.bucket_name(
                    "spec.storage.oss.bucket",
                    &oss.bucket,
                    crd::is_oss(&oss.bucket),
                    crd::OSS_EXPECTED,
                ),
                region: oss.region.clone(),
                endpoint: self.endpoint("spec.storage.oss.endpoint", oss.endpoint.as_ref()),
                addressing: match oss.addressing {
                    crd::OssAddressing::VirtualHost => OssAddressing::VirtualHost,
                    crd::OssAddressing::Path => OssAddressing::Path,
                    crd::OssAddressing::Cname => OssAddressing::Cname,
                },
                internal: oss.internal,
                ca: oss.ca_bundle.clone(),
                credentials: self.credentials("spec.storage.oss", oss.anonymous, credentials_secret.as_ref()),
            }));
        }
        if let Some(local) = &spec.local {
            if !local.path.starts_with('/') {
                self.problem("spec.storage.local.path", format!("{} must be an absolute path", quoted(&local.path)));
            }
            store = Some(StoreConfig::Local(LocalConfig { path: PathBuf::from(&local.path) }));
        }
        let store = store.unwrap_or_else(|| Storage::default().store);
        Storage { store, root_dirs: spec.root_dirs.clone(), credentials_secret }
    }

    /// Returns the credentials without the Secret: anonymous, or the default chain.
    fn credentials<T>(&mut self, field: &str, anonymous: bool, secret: Option<&String>) -> Credentials<T> {
        if anonymous && secret.is_some() {
            self.problem(&format!("{field}.anonymous"), crd::ANONYMOUS_EXPECTED);
        }
        if anonymous { Credentials::Anonymous } else { Credentials::Default }
    }
}

/// Returns the account in the address of a blob service: its first path segment if it has one (an emulator), else the
/// first label of the host.
fn account_of(endpoint: &str) -> Option<String> {
    let (host, path) = endpoint.split_once("://")?.1.split_once('/').unwrap_or((endpoint.split_once("://")?.1, ""));
    let account = if path.is_empty() { host.split(['.', ':']).next()? } else { path.split('/').next()? };
    (!account.is_empty()).then(|| account.to_owned())
}
