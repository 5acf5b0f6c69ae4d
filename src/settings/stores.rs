//! Dispatches to the mappings of each store. Each module below has all mappings of one store: a document, KubeRay's
//! settings, and the keys of a Secret to its configuration, and the configuration to a URL.
//!
//! # A new store
//! touches seven source files, and the feature lists of `Cargo.toml` and `crates/storage/Cargo.toml`:
//!
//! | file | addition |
//! |---|---|
//! | `crates/storage/src/NAME.rs` | new: the client |
//! | `crates/storage/src/lib.rs` | the client's module |
//! | `crates/storage/src/config.rs` | its configuration, a variant of `StoreConfig` |
//! | `crates/storage/src/connect.rs` | an arm |
//! | `src/crd/storage.rs` | its fields in a `RayHistory`, and the rule for the name of its bucket |
//! | `src/settings/stores/NAME.rs` | new: its mappings |
//! | `src/settings/stores.rs` | an arm in each function; in those of KubeRay only if it has this store |

mod azure;
mod gcs;
mod local;
mod oss;
mod s3;

use super::Problems;
use super::reader::Reader;
use super::secret::Keys;
use super::shape::quoted;
use super::sources::Sources;
use crate::crd::{self, LocalSpec, StorageSpec};
use ray_history_storage::config::{AccessKey, AzureSecret, Credentials, Rotating, StoreConfig};

/// A configuration, and the name of the Secret with its credentials.
type Store = (StoreConfig, Option<String>);

/// Returns the store of a document; `None` if there is none, which is added to the problems.
pub(super) fn from_spec(reader: &mut Reader, spec: &StorageSpec) -> Option<Store> {
    let StorageSpec { root_dirs: _, s3, gcs, azure, oss, local } = spec;
    let stores = [s3.is_some(), gcs.is_some(), azure.is_some(), oss.is_some(), local.is_some()];
    if stores.iter().filter(|is_set| **is_set).count() != 1 {
        reader.problem("spec.storage", crd::ONE_STORE_EXPECTED);
    }
    // If there are several, all of them are read: problems are reported together.
    let stores = [
        s3.as_ref().map(|spec| s3::from_spec(reader, spec)),
        gcs.as_ref().map(|spec| gcs::from_spec(reader, spec)),
        azure.as_ref().map(|spec| azure::from_spec(reader, spec)),
        oss.as_ref().map(|spec| oss::from_spec(reader, spec)),
        local.as_ref().map(|spec| local::from_spec(reader, spec)),
    ];
    stores.into_iter().flatten().next()
}

/// Returns the store of KubeRay's settings as a document, with the credentials in these settings.
pub(super) fn from_kuberay(sources: &mut Sources<'_>, backend: &str, root: String) -> (StorageSpec, Option<Identity>) {
    let storage = StorageSpec { root_dirs: vec![root], ..StorageSpec::default() };
    match backend {
        "s3" => {
            let (s3, identity) = s3::from_kuberay(sources);
            (StorageSpec { s3: Some(s3), ..storage }, identity)
        }
        "gcs" => (StorageSpec { gcs: Some(gcs::from_kuberay(sources)), ..storage }, None),
        "azureblob" => {
            let (azure, identity) = azure::from_kuberay(sources);
            (StorageSpec { azure: Some(azure), ..storage }, identity)
        }
        "aliyunoss" => (StorageSpec { oss: Some(oss::from_kuberay(sources)), ..storage }, None),
        other => {
            let message = match other {
                "localtest" => "localtest is KubeRay's own test data; --local-dir serves a folder".to_owned(),
                _ => format!("{} must be one of s3, gcs, azureblob, aliyunoss", quoted(other)),
            };
            sources.problem("STORAGE_BACKEND (--storage-backend)", message);
            // A valid placeholder, so that no further problems are reported.
            (StorageSpec { local: Some(LocalSpec { path: "/".into() }), ..storage }, None)
        }
    }
}

/// Returns all keys of the JSON file that KubeRay's backends read.
pub(super) fn kuberay_keys() -> Vec<&'static str> {
    [&azure::KUBERAY_KEYS[..], &gcs::KUBERAY_KEYS, &oss::KUBERAY_KEYS, &s3::KUBERAY_KEYS].concat()
}

/// Replaces the credentials of a store by those in a Secret.
pub(super) fn set_credentials(store: &mut StoreConfig, keys: &Keys<'_>) -> Result<(), Problems> {
    match store {
        StoreConfig::S3(s3) => s3::set_credentials(s3, keys),
        StoreConfig::Gcs(gcs) => gcs::set_credentials(gcs, keys),
        StoreConfig::Azure(azure) => azure::set_credentials(azure, keys),
        StoreConfig::Oss(oss) => oss::set_credentials(oss, keys),
        StoreConfig::Local(_) => Ok(()),
    }
}

/// Returns a store as a URL, without credentials.
pub(super) fn url(store: &StoreConfig) -> String {
    match store {
        StoreConfig::S3(s3) => s3::url(s3),
        StoreConfig::Gcs(gcs) => gcs::url(gcs),
        StoreConfig::Azure(azure) => azure::url(azure),
        StoreConfig::Oss(oss) => oss::url(oss),
        StoreConfig::Local(local) => local::url(local),
    }
}

/// Credentials in KubeRay's settings; without them, the store's default chain is used.
pub(super) enum Identity {
    S3(AccessKey),
    Azure(AzureSecret),
}

impl Identity {
    /// Replaces the credentials of a store of the same kind.
    pub(super) fn apply_to(self, store: &mut StoreConfig) {
        match (self, store) {
            (Self::S3(key), StoreConfig::S3(s3)) => s3.credentials = Credentials::Static(Rotating::new(key)),
            (Self::Azure(secret), StoreConfig::Azure(azure)) => {
                azure.credentials = Credentials::Static(Rotating::new(secret));
            }
            _ => {}
        }
    }
}
