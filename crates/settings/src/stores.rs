//! Dispatches to the mappings of each store. Each module below has all mappings of one store: a document and the keys
//! of a Secret to its configuration, KubeRay's settings to a document, and the configuration to a URL.
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
//! | `crates/settings/src/crd/storage.rs` | its fields in a `RayHistory`, and the rule for the name of its bucket |
//! | `crates/settings/src/stores/NAME.rs` | new: its mappings |
//! | `crates/settings/src/stores.rs` | an arm in each function; in those of KubeRay only if it has this store, whose variables are then read in `crates/store-settings/src/kuberay/` |

mod azure;
mod gcs;
mod local;
mod oss;
mod s3;

use super::Problems;
use super::reader::Reader;
use super::secret::Keys;
use crate::crd::{self, LocalSpec, StorageSpec};
use ray_history_storage::config::StoreConfig;

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

/// Returns the store of KubeRay's settings as a document, without credentials.
pub(super) fn to_spec(store: Option<&StoreConfig>, root: String) -> StorageSpec {
    let storage = StorageSpec { root_dirs: vec![root], ..StorageSpec::default() };
    match store {
        Some(StoreConfig::S3(s3)) => StorageSpec { s3: Some(s3::to_spec(s3)), ..storage },
        Some(StoreConfig::Gcs(gcs)) => StorageSpec { gcs: Some(gcs::to_spec(gcs)), ..storage },
        Some(StoreConfig::Azure(azure)) => StorageSpec { azure: Some(azure::to_spec(azure)), ..storage },
        Some(StoreConfig::Oss(oss)) => StorageSpec { oss: Some(oss::to_spec(oss)), ..storage },
        // A valid placeholder, so that no further problems are reported.
        Some(StoreConfig::Local(_) | StoreConfig::Portable(_)) | None => {
            StorageSpec { local: Some(LocalSpec { path: "/".into() }), ..storage }
        }
    }
}

/// Takes over the credentials of a store of the same kind.
pub(super) fn take_credentials(store: &mut StoreConfig, from: &StoreConfig) {
    match (store, from) {
        (StoreConfig::S3(s3), StoreConfig::S3(from)) => s3.credentials = from.credentials.clone(),
        (StoreConfig::Azure(azure), StoreConfig::Azure(from)) => azure.credentials = from.credentials.clone(),
        _ => {}
    }
}

/// Replaces the credentials of a store by those in a Secret.
pub(super) fn set_credentials(store: &mut StoreConfig, keys: &Keys<'_>) -> Result<(), Problems> {
    match store {
        StoreConfig::S3(s3) => s3::set_credentials(s3, keys),
        StoreConfig::Gcs(gcs) => gcs::set_credentials(gcs, keys),
        StoreConfig::Azure(azure) => azure::set_credentials(azure, keys),
        StoreConfig::Oss(oss) => oss::set_credentials(oss, keys),
        StoreConfig::Local(_) | StoreConfig::Portable(_) => Ok(()),
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
        StoreConfig::Portable(portable) => local::files(portable),
    }
}
