//! Where collectors stored sessions: exactly one kind of store. Shapes and defaults only.
//!
//! Never holds a credential: those come from the store's own default chain, or from a Secret that is named here.

#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use super::{bucket, rules};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where collectors stored sessions.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_storage())]
pub struct StorageSpec {
    /// Prefixes inside the bucket below which collectors wrote (their `STORAGE_ROOT_DIR`); `""` is the bucket itself.
    #[serde(default = "bucket_itself")]
    #[schemars(length(min = 1, max = 32), inner(length(max = 512)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub root_dirs: Vec<String>,
    /// Amazon S3, or a store that speaks its protocol: MinIO, Ceph, versitygw ...
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
    /// A folder on the server's own disk: a mounted volume, or a laptop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalSpec>,
}

fn bucket_itself() -> Vec<String> {
    vec![String::new()]
}

/// A Secret in the server's own namespace.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Amazon S3, or a store that speaks its protocol.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = rules::anonymous())]
#[x_kube(validation = bucket::s3())]
#[serde(rename_all = "camelCase")]
pub struct S3Spec {
    /// Name of the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub bucket: String,
    /// Region of the bucket. Default: what the environment says (`AWS_REGION`, profile, instance), else us-east-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub region: Option<String>,
    /// Address of a store that is not Amazon's, with `http://` or `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub endpoint: Option<String>,
    /// Name the bucket in the path and not in the host, as MinIO and most other stores need it.
    #[serde(default)]
    pub force_path_style: bool,
    /// Pay for requests to a bucket that asks its readers to.
    #[serde(default)]
    pub requester_pays: bool,
    /// Profile of the shared AWS configuration files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub profile: Option<String>,
    /// Certificates (PEM) of the authority that signed the endpoint's, where that is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub ca_bundle: Option<String>,
    /// Sign no requests: for public buckets and emulators.
    #[serde(default)]
    pub anonymous: bool,
    /// Secret with `accessKeyId`, `secretAccessKey` and, for temporary keys, `sessionToken`.
    /// Default: the AWS chain (IRSA, Pod Identity, environment, instance).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// Google Cloud Storage.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = rules::anonymous())]
#[serde(rename_all = "camelCase")]
pub struct GcsSpec {
    /// Name of the bucket.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = bucket::gcs())]
    pub bucket: String,
    /// Address of an emulator or a private endpoint, with `http://` or `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub endpoint: Option<String>,
    /// Address for listing (gRPC), where it differs from `endpoint`: an emulator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub listing_endpoint: Option<String>,
    /// Project that pays for requests to a bucket that asks its readers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub billing_project: Option<String>,
    /// Sign no requests: for public buckets and emulators.
    #[serde(default)]
    pub anonymous: bool,
    /// Secret with `key.json`, a service account key.
    /// Default: Application Default Credentials (Workload Identity on GKE).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// Azure Blob Storage.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = rules::anonymous())]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::azure_account())]
pub struct AzureSpec {
    /// Name of the container.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = bucket::azure())]
    pub container: String,
    /// Name of the storage account; a connection string in the Secret says it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 24))]
    pub account: Option<String>,
    /// Address of the blob service, with `http://` or `https://`. Default: `https://ACCOUNT.blob.core.windows.net`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub endpoint: Option<String>,
    /// Certificates (PEM) of the authority that signed the endpoint's, where that is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub ca_bundle: Option<String>,
    /// Which identity, where there are several. Default: `AZURE_CLIENT_ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub client_id: Option<String>,
    /// Sign no requests: for public buckets and emulators.
    #[serde(default)]
    pub anonymous: bool,
    /// Secret with one of `connectionString`, `accountKey`, `sasToken`, or with `tenantId`, `clientId` and
    /// `clientSecret`.
    /// Default: workload identity, else managed identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// Where an address of OSS has the bucket.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OssAddressing {
    /// In the host name, before the endpoint's.
    #[default]
    VirtualHost,
    /// First in the path: private links.
    Path,
    /// Nowhere: the endpoint is a custom domain of this bucket.
    Cname,
}

/// Alibaba Cloud OSS.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(validation = rules::anonymous())]
#[serde(rename_all = "camelCase")]
pub struct OssSpec {
    /// Name of the bucket.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = bucket::oss())]
    pub bucket: String,
    /// Region of the bucket, such as `cn-hangzhou`.
    #[schemars(length(min = 1, max = 64))]
    pub region: String,
    /// Address instead of the region's, with `http://` or `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = rules::endpoint())]
    pub endpoint: Option<String>,
    /// Use the region's internal address, which is free of charge from within Alibaba Cloud.
    #[serde(default)]
    pub internal: bool,
    /// Where `endpoint` has the bucket.
    #[serde(default)]
    pub addressing: OssAddressing,
    /// Certificates (PEM) of the authority that signed the endpoint's, where that is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub ca_bundle: Option<String>,
    /// Sign no requests: for public buckets and emulators.
    #[serde(default)]
    pub anonymous: bool,
    /// Secret with `accessKeyId`, `accessKeySecret` and, for temporary keys, `securityToken`.
    /// Default: RRSA, else the RAM role of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
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
