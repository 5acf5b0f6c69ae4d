//! Where sessions lie: one store, with everything that opening it needs but credentials.
//!
//! Holds no credential, so that it may be logged and shown. Values are checked; opening the store is `storage`'s.

use std::fmt;
use std::path::PathBuf;

/// A store and the prefixes to look under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The store.
    pub store: Store,
    /// Prefixes inside it, as written; `""` is the bucket itself. Never empty.
    pub root_dirs: Vec<String>,
    /// Name of the Secret with the credentials, in the server's own namespace; the store's default chain, when none.
    pub credentials_secret: Option<String>,
}

impl Default for Storage {
    fn default() -> Self {
        Self { store: Store::Local(PathBuf::from("/")), root_dirs: vec![String::new()], credentials_secret: None }
    }
}

/// One store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// Amazon S3 and what speaks its protocol.
    S3(S3),
    /// Google Cloud Storage.
    Gcs(Gcs),
    /// Azure Blob Storage.
    Azure(Azure),
    /// Alibaba Cloud OSS.
    Oss(Oss),
    /// A folder.
    Local(PathBuf),
}

/// As a URL, without credentials.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(s3) => write!(f, "s3://{}", s3.bucket),
            Self::Gcs(gcs) => write!(f, "gs://{}", gcs.bucket),
            Self::Azure(azure) => match &azure.account {
                Some(account) => write!(f, "azure://{account}/{}", azure.container),
                None => write!(f, "azure://{}", azure.container),
            },
            Self::Oss(oss) => write!(f, "oss://{}", oss.bucket),
            Self::Local(path) => write!(f, "file://{}", path.display()),
        }
    }
}

/// Amazon S3 and what speaks its protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// Its region; the environment's, when none.
    pub region: Option<String>,
    /// Address with scheme; Amazon's, when none.
    pub endpoint: Option<String>,
    /// Whether the bucket is named in the path and not in the host.
    pub force_path_style: bool,
    /// Whether we pay for requests.
    pub requester_pays: bool,
    /// Profile of the shared AWS configuration files.
    pub profile: Option<String>,
    /// Certificates (PEM) to trust besides the public ones.
    pub ca_bundle: Option<String>,
}

/// Google Cloud Storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gcs {
    /// The bucket.
    pub bucket: String,
    /// Address with scheme; Google's, when none.
    pub endpoint: Option<String>,
}

/// Azure Blob Storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Azure {
    /// The container.
    pub container: String,
    /// The storage account, unless the endpoint or a connection string says it.
    pub account: Option<String>,
    /// Address with scheme; the account's, when none.
    pub endpoint: Option<String>,
}

/// Alibaba Cloud OSS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oss {
    /// The bucket.
    pub bucket: String,
    /// Its region, without the prefix `oss-`.
    pub region: String,
    /// Address with scheme; the region's, when none.
    pub endpoint: Option<String>,
    /// Whether the region's internal address is used.
    pub internal: bool,
}
