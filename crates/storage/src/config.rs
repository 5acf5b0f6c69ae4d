//! Configuration of stores: addresses and credentials, as validated by `settings`.
//!
//! Every secret is inside a [`Secret`], which is never printed. Reads neither the environment nor files, and does not
//! depend on the wire form of settings.

mod connection_string;
mod secret;

pub use connection_string::{ConnectionString, ConnectionStringError};
pub use secret::{Rotating, Secret};

use std::path::PathBuf;

/// One store.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreConfig {
    /// Folder.
    Local(LocalConfig),
    /// Portable files of sessions.
    Portable(PortableConfig),
    /// Amazon S3, or a server with its protocol.
    S3(S3Config),
    /// Google Cloud Storage.
    Gcs(GcsConfig),
    /// Azure Blob Storage.
    Azure(AzureConfig),
    /// Alibaba Cloud OSS.
    Oss(OssConfig),
}

impl StoreConfig {
    /// Returns the name in settings and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Portable(_) => "portable",
            Self::S3(_) => "s3",
            Self::Gcs(_) => "gcs",
            Self::Azure(_) => "azure",
            Self::Oss(_) => "oss",
        }
    }

    /// Takes over the credentials of another configuration of the same store, so that users of this one sign the next
    /// request with them. Returns `false` if the two differ in more than rotating credentials.
    pub fn rotate(&self, to: &Self) -> bool {
        match (self, to) {
            (Self::S3(now), Self::S3(to)) => now.credentials.rotate(&to.credentials),
            (Self::Gcs(now), Self::Gcs(to)) => now.credentials.rotate(&to.credentials),
            (Self::Azure(now), Self::Azure(to)) => now.credentials.rotate(&to.credentials),
            (Self::Oss(now), Self::Oss(to)) => now.credentials.rotate(&to.credentials),
            _ => {}
        }
        self == to
    }
}

/// A folder with the layout of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalConfig {
    /// Its path.
    pub path: PathBuf,
}

/// Files that `ray-history export` made. They are only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortableConfig {
    /// Their paths.
    pub files: Vec<PathBuf>,
}

/// Credentials for a store.
#[derive(Clone, Debug, PartialEq)]
pub enum Credentials<T> {
    /// The provider's own chain: environment, projected tokens, the instance's role ...
    /// Files are read again when they rotate.
    Default,
    /// None: requests are not signed. For public buckets and emulators.
    Anonymous,
    /// These, read again for each signature.
    Static(Rotating<T>),
}

impl<T: Clone> Credentials<T> {
    fn rotate(&self, to: &Self) {
        if let (Self::Static(now), Self::Static(to)) = (self, to) {
            now.set(T::clone(&to.get()));
        }
    }
}

/// A bucket of S3.
#[derive(Clone, Debug, PartialEq)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// Its region. Default: the region of the environment or the instance.
    pub region: Option<String>,
    /// Base URL of a server that is not Amazon's, with scheme.
    pub endpoint: Option<String>,
    /// `true` if the bucket is part of the path (`MinIO`, Ceph, versitygw) instead of the host name.
    pub force_path_style: bool,
    /// `true` if the reader pays for requests instead of the bucket's owner.
    pub requester_pays: bool,
    /// Certificates (PEM) to trust in addition to the system's.
    pub ca: Option<String>,
    /// A profile of the shared config files, for the default chain.
    pub profile: Option<String>,
    /// Its credentials.
    pub credentials: Credentials<AccessKey>,
}

/// A key pair with an optional session token, for S3 and OSS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half.
    pub id: String,
    /// The secret half.
    pub secret: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, Debug, PartialEq)]
pub struct GcsConfig {
    /// Its name.
    pub bucket: String,
    /// Base URL with scheme, for an emulator or a private endpoint.
    pub endpoint: Option<String>,
    /// The project that pays for requests instead of the bucket's owner.
    pub billing_project: Option<String>,
    /// Its credentials: the text of a service account's key file.
    pub credentials: Credentials<Secret>,
}

/// A container of Azure Blob Storage.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureConfig {
    /// Its name.
    pub container: String,
    /// The storage account's name.
    pub account: String,
    /// Base URL of the account, with scheme. Default: `https://{account}.blob.core.windows.net`.
    pub endpoint: Option<String>,
    /// Certificates (PEM) to trust in addition to the system's.
    pub ca: Option<String>,
    /// The identity for the default chain, if there are several. Default: `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// Its credentials.
    pub credentials: Credentials<AzureSecret>,
}

/// A secret for Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AzureSecret {
    /// The account's key, base64.
    AccountKey(Secret),
    /// A shared access signature: the query string that Azure hands out.
    Sas(Secret),
    /// An application's password.
    ClientSecret {
        /// Directory of the application.
        tenant_id: String,
        /// The application.
        client_id: String,
        /// Its password.
        secret: Secret,
    },
}

/// A bucket of Alibaba Cloud OSS.
#[derive(Clone, Debug, PartialEq)]
pub struct OssConfig {
    /// Its name.
    pub bucket: String,
    /// Its region, such as `cn-hangzhou`; `oss-cn-hangzhou` is accepted too.
    pub region: String,
    /// Base URL with scheme, for a custom domain or a private link.
    pub endpoint: Option<String>,
    /// The place of the bucket in `endpoint`.
    pub addressing: OssAddressing,
    /// `true` to use the address inside Alibaba's network, if there is no `endpoint`.
    pub internal: bool,
    /// Certificates (PEM) to trust in addition to the system's.
    pub ca: Option<String>,
    /// Its credentials.
    pub credentials: Credentials<AccessKey>,
}

/// The place of the bucket in an OSS address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OssAddressing {
    /// In front of the endpoint's host name.
    #[default]
    VirtualHost,
    /// First part of the path: private links, test servers.
    Path,
    /// Not part of the address: the endpoint is a custom domain of this bucket.
    Cname,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(bucket: &str, credentials: Credentials<AccessKey>) -> StoreConfig {
        StoreConfig::S3(S3Config {
            bucket: bucket.into(),
            region: None,
            endpoint: None,
            force_path_style: false,
            requester_pays: false,
            ca: None,
            profile: None,
            credentials,
        })
    }

    fn key(id: &str) -> Credentials<AccessKey> {
        let key = AccessKey { id: id.into(), secret: Secret::new("s"), session_token: None };
        Credentials::Static(Rotating::new(key))
    }

    #[test]
    fn clones_share_rotated_credentials_and_nothing_else_rotates() {
        let first = s3("ray", key("old"));
        let shared = first.clone();
        assert!(first.rotate(&s3("ray", key("new"))));
        assert_eq!(shared, s3("ray", key("new")));
        assert!(!first.rotate(&s3("other", key("new"))));
        assert!(!first.rotate(&s3("ray", Credentials::Default)));
        assert!(!first.rotate(&StoreConfig::Local(LocalConfig { path: "/data".into() })));
    }
}
