//! Where a store is and who we are to it: the validated values that settings make and stores take.
//!
//! Owns their shapes. No field holds a secret but inside [`Secret`], which nothing prints. Reads no environment and no
//! file; must never know the wire form of settings.

mod connection_string;
mod secret;

pub use connection_string::{ConnectionString, ConnectionStringError};
pub use secret::{Rotating, Secret};

use std::path::PathBuf;

/// One store.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreConfig {
    /// A folder.
    Local(LocalConfig),
    /// Amazon S3, or a server that speaks its protocol.
    S3(S3Config),
    /// Google Cloud Storage.
    Gcs(GcsConfig),
    /// Azure Blob Storage.
    Azure(AzureConfig),
    /// Alibaba Cloud OSS.
    Oss(OssConfig),
}

impl StoreConfig {
    /// The word for it in settings and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::S3(_) => "s3",
            Self::Gcs(_) => "gcs",
            Self::Azure(_) => "azure",
            Self::Oss(_) => "oss",
        }
    }

    /// Takes over the credentials of another configuration of the same store: whoever uses this one signs the next
    /// request with them. False when the two differ in more than credentials that rotate.
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

/// A folder that holds what a bucket would hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalConfig {
    /// Its path.
    pub path: PathBuf,
}

/// Who we are to a store.
#[derive(Clone, Debug, PartialEq)]
pub enum Credentials<T> {
    /// Whoever the provider's own chain says: environment, projected tokens, the instance's role ...
    /// Files are read again as they rotate.
    Default,
    /// Nobody: requests are not signed. For public buckets and emulators.
    Anonymous,
    /// These, asked for at each signing.
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
    /// Its region; that of the environment or the instance when none.
    pub region: Option<String>,
    /// Base URL of a server that is not Amazon's, with scheme.
    pub endpoint: Option<String>,
    /// Whether the bucket is part of the path (`MinIO`, Ceph, versitygw) instead of the host name.
    pub force_path_style: bool,
    /// Whether we pay for requests to somebody else's bucket.
    pub requester_pays: bool,
    /// Certificates in PEM to trust beside the system's.
    pub ca: Option<String>,
    /// A profile of the shared config files, for the default chain.
    pub profile: Option<String>,
    /// Who we are.
    pub credentials: Credentials<AccessKey>,
}

/// A key pair, perhaps with the token of a session: S3 and OSS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half.
    pub id: String,
    /// The secret half.
    pub secret: Secret,
    /// Of temporary credentials.
    pub session_token: Option<Secret>,
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, Debug, PartialEq)]
pub struct GcsConfig {
    /// Its name.
    pub bucket: String,
    /// Base URL of another server, with scheme: an emulator, a private endpoint.
    pub endpoint: Option<String>,
    /// Base URL for the gRPC listing, where it differs from `endpoint`: an emulator's.
    pub listing_endpoint: Option<String>,
    /// The project that pays for requests to somebody else's bucket.
    pub billing_project: Option<String>,
    /// Who we are: the text of a service account's key file.
    pub credentials: Credentials<Secret>,
}

/// A container of Azure Blob Storage.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureConfig {
    /// Its name.
    pub container: String,
    /// The storage account's name.
    pub account: String,
    /// Base URL of the account, with scheme; `https://{account}.blob.core.windows.net` when none.
    pub endpoint: Option<String>,
    /// Certificates in PEM to trust beside the system's.
    pub ca: Option<String>,
    /// Which identity of several, for the default chain (`AZURE_CLIENT_ID` when none).
    pub client_id: Option<String>,
    /// Who we are.
    pub credentials: Credentials<AzureSecret>,
}

/// What proves who we are to Azure.
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
    /// Its region, such as `cn-hangzhou`; `oss-cn-hangzhou` is taken too.
    pub region: String,
    /// Base URL of another address, with scheme: a custom domain, a private link.
    pub endpoint: Option<String>,
    /// What an `endpoint` addresses: one of OSS's own (the bucket becomes part of the host name), or the bucket itself.
    pub addressing: OssAddressing,
    /// Whether to use the address inside Alibaba's network, when there is no `endpoint`.
    pub internal: bool,
    /// Certificates in PEM to trust beside the system's.
    pub ca: Option<String>,
    /// Who we are.
    pub credentials: Credentials<AccessKey>,
}

/// Where an OSS address has the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OssAddressing {
    /// In the host name, before the endpoint's.
    #[default]
    VirtualHost,
    /// First in the path: private links, test servers.
    Path,
    /// Nowhere: the endpoint is a custom domain of this bucket.
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
    fn a_rotation_reaches_whoever_shares_the_configuration_and_is_refused_for_anything_else() {
        let first = s3("ray", key("old"));
        let shared = first.clone();
        assert!(first.rotate(&s3("ray", key("new"))));
        assert_eq!(shared, s3("ray", key("new")));
        assert!(!first.rotate(&s3("other", key("new"))));
        assert!(!first.rotate(&s3("ray", Credentials::Default)));
        assert!(!first.rotate(&StoreConfig::Local(LocalConfig { path: "/data".into() })));
    }
}
