//! The store with the sessions: exactly one kind, with the rules for the name of its bucket or container.
//!
//! Contains no credential: those come from the store's own default chain, or from a Secret that is named here. The
//! rules for names are for the API server (CEL) and for files. Without them, an invalid name is only found when the
//! store refuses it, with the store's message.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use super::rules;
use kube::KubeSchema;
use kube::core::cel::Rule;
use ray_history_store_settings::names::{
    ADDRESS, AZURE, AZURE_EXPECTED, GCS, GCS_EXPECTED, LOOSE_REGION, OSS, OSS_EXPECTED, S3, S3_ACCESS_POINT,
    S3_EXPECTED, S3_LOOSE,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The store that collectors wrote to.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = one_store())]
pub struct StorageSpec {
    /// Prefixes inside the bucket that collectors wrote below (their `STORAGE_ROOT_DIR`); `""` is the bucket itself.
    #[serde(default = "bucket_itself")]
    #[schemars(length(min = 1, max = 32), inner(length(max = 512)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub root_dirs: Vec<String>,
    /// Amazon S3, or another store with its protocol: MinIO, Ceph, versitygw ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Spec>,
    /// Google Cloud Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<GcsSpec>,
    /// Azure Blob Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureSpec>,
    /// Alibaba Cloud OSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oss: Option<OssSpec>,
    /// Folder on the server's own disk: a mounted volume, or a laptop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalSpec>,
}

fn bucket_itself() -> Vec<String> {
    vec![String::new()]
}

/// Returns the rule that exactly one store is set.
fn one_store() -> Rule {
    Rule::new("[has(self.s3), has(self.gcs), has(self.azure), has(self.oss), has(self.local)].exists_one(x, x)")
        .message(ONE_STORE_EXPECTED)
}

/// The error for no store, and for several.
pub(crate) const ONE_STORE_EXPECTED: &str = "exactly one of s3, gcs, azure, oss and local must be set";

/// A Secret in the server's own namespace.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Amazon S3, or another store with its protocol.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = rules::anonymous())]
#[x_kube(validation = s3_bucket())]
#[serde(rename_all = "camelCase")]
pub struct S3Spec {
    /// Name of the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub bucket: String,
    /// Region of the bucket. Default: the environment's (`AWS_REGION`, profile, instance), else us-east-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub region: Option<String>,
    /// Address of a store other than Amazon S3, with `http://` or `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub endpoint: Option<String>,
    /// Put the bucket into the path instead of the host name, as MinIO and most other stores require.
    #[serde(default)]
    pub force_path_style: bool,
    /// Accept the charges for requests to a requester-pays bucket.
    #[serde(default)]
    pub requester_pays: bool,
    /// Profile of the shared AWS configuration files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub profile: Option<String>,
    /// Certificates (PEM) of the authority that signed the endpoint's certificate, if it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub ca_bundle: Option<String>,
    /// Do not sign requests: for public buckets and emulators.
    #[serde(default)]
    pub anonymous: bool,
    /// Secret with `accessKeyId`, `secretAccessKey` and, for temporary keys, `sessionToken`.
    /// Default: the AWS chain (IRSA, Pod Identity, environment, instance).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// Returns the rule for a whole `S3Spec`: the valid names depend on the region and the endpoint.
fn s3_bucket() -> Rule {
    Rule::new(format!(
        "self.bucket.matches(r'{S3_ACCESS_POINT}') || (self.bucket.matches(r'{S3}') && !self.bucket.contains('..') \
         && !self.bucket.matches(r'{ADDRESS}')) || (self.bucket.matches(r'{S3_LOOSE}') && (has(self.endpoint) || \
         !has(self.region) || self.region == '{LOOSE_REGION}'))"
    ))
    .message(S3_EXPECTED)
    .field_path(".bucket")
}

/// Google Cloud Storage.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = rules::anonymous())]
#[serde(rename_all = "camelCase")]
pub struct GcsSpec {
    /// Name of the bucket.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = gcs_bucket())]
    pub bucket: String,
    /// Address of an emulator or a private endpoint, with `http://` or `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub endpoint: Option<String>,
    /// Project that is charged for requests to a requester-pays bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub billing_project: Option<String>,
    /// Do not sign requests: for public buckets and emulators.
    #[serde(default)]
    pub anonymous: bool,
    /// Secret with `key.json`, a service account key.
    /// Default: Application Default Credentials (Workload Identity on GKE).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// Returns the rule for a Google Cloud Storage bucket.
fn gcs_bucket() -> Rule {
    Rule::new(format!("size(self) >= 3 && size(self) <= 222 && self.matches(r'{GCS}') && !self.matches(r'{ADDRESS}')"))
        .message(GCS_EXPECTED)
}

/// Azure Blob Storage.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = rules::anonymous())]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = azure_account())]
pub struct AzureSpec {
    /// Name of the container.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = azure_container())]
    pub container: String,
    /// Name of the storage account. Not needed with `endpoint`, or with a connection string in the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 24))]
    pub account: Option<String>,
    /// Address of the blob service, with `http://` or `https://`. Default: `https://ACCOUNT.blob.core.windows.net`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub endpoint: Option<String>,
    /// Certificates (PEM) of the authority that signed the endpoint's certificate, if it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub ca_bundle: Option<String>,
    /// Client ID of the identity, if there are several. Default: `AZURE_CLIENT_ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub client_id: Option<String>,
    /// Do not sign requests: for public buckets and emulators.
    #[serde(default)]
    pub anonymous: bool,
    /// Secret with one of `connectionString`, `accountKey`, `sasToken`, or with `tenantId`, `clientId` and
    /// `clientSecret`.
    /// Default: workload identity, else managed identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// Returns the rule for an Azure container.
fn azure_container() -> Rule {
    Rule::new(format!("size(self) >= 3 && size(self) <= 63 && self.matches(r'{AZURE}')")).message(AZURE_EXPECTED)
}

/// Returns the rule that the account of an Azure container is known.
fn azure_account() -> Rule {
    Rule::new("has(self.account) || has(self.endpoint) || has(self.credentialsSecretRef)").message(ACCOUNT_EXPECTED)
}

/// The error for a missing Azure account.
pub(crate) const ACCOUNT_EXPECTED: &str =
    "must be set, unless endpoint or a connection string in credentialsSecretRef contains it";

/// Place of the bucket in an address of OSS.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OssAddressing {
    /// In front of the endpoint's host name.
    #[default]
    VirtualHost,
    /// First part of the path: private links.
    Path,
    /// Not part of the address: the endpoint is a custom domain of this bucket.
    Cname,
}

/// Alibaba Cloud OSS.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = rules::anonymous())]
#[serde(rename_all = "camelCase")]
pub struct OssSpec {
    /// Name of the bucket.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = oss_bucket())]
    pub bucket: String,
    /// Region of the bucket, such as `cn-hangzhou`.
    #[schemars(length(min = 1, max = 64))]
    pub region: String,
    /// Address to use instead of the region's, with `http://` or `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub endpoint: Option<String>,
    /// Use the region's internal address, which is free of charge inside Alibaba Cloud.
    #[serde(default)]
    pub internal: bool,
    /// Place of the bucket in `endpoint`.
    #[serde(default)]
    pub addressing: OssAddressing,
    /// Certificates (PEM) of the authority that signed the endpoint's certificate, if it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub ca_bundle: Option<String>,
    /// Do not sign requests: for public buckets and emulators.
    #[serde(default)]
    pub anonymous: bool,
    /// Secret with `accessKeyId`, `accessKeySecret` and, for temporary keys, `securityToken`.
    /// Default: RRSA, else the RAM role of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// Returns the rule for an OSS bucket.
fn oss_bucket() -> Rule {
    Rule::new(format!("self.matches(r'{OSS}')")).message(OSS_EXPECTED)
}

/// A folder.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalSpec {
    /// Absolute path of the folder, inside the server's container.
    #[schemars(length(min = 1, max = 4096))]
    #[x_kube(validation = rules::absolute_path())]
    pub path: String,
}
