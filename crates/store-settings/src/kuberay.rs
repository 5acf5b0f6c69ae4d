//! The store in the settings of KubeRay's history server and collector: `STORAGE_BACKEND`, the variables of each store
//! and the JSON file. Follows KubeRay's names, defaults and order of precedence.
//!
//! Values are taken as they are written; [`store_from_kuberay`] checks them, and the server checks them by the rules of
//! a `RayHistory`. Problems are reported under KubeRay's names.

mod azure;
mod check;
mod gcs;
mod oss;
mod s3;
mod sources;

#[cfg(test)]
mod tests;

pub use sources::{Environment, Found, Sources, set};

use crate::{Problems, quoted};
use ray_history_storage::config::StoreConfig;

/// Kinds of stores that KubeRay's programs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Amazon S3, or another store with its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// Alibaba Cloud OSS.
    Oss,
}

impl Backend {
    /// Returns the kind of a name in lower case. The error is the message for the setting.
    pub fn of(name: &str) -> Result<Self, String> {
        match name {
            "s3" => Ok(Self::S3),
            "gcs" => Ok(Self::Gcs),
            "azureblob" => Ok(Self::Azure),
            "aliyunoss" => Ok(Self::Oss),
            "localtest" => Err("localtest is KubeRay's own test data; --local-dir serves a folder".to_owned()),
            other => Err(format!("{} must be one of s3, gcs, azureblob, aliyunoss", quoted(other))),
        }
    }

    /// Returns the store, with the values as they are written and the credentials in these settings.
    pub fn read(self, sources: &mut Sources<'_>) -> StoreConfig {
        match self {
            Self::S3 => StoreConfig::S3(s3::read(sources)),
            Self::Gcs => StoreConfig::Gcs(gcs::read(sources)),
            Self::Azure => StoreConfig::Azure(azure::read(sources)),
            Self::Oss => StoreConfig::Oss(oss::read(sources)),
        }
    }
}

/// Returns all keys of the JSON file that KubeRay's programs read.
pub fn known_keys() -> Vec<&'static str> {
    [&azure::KEYS[..], &gcs::KEYS, &oss::KEYS, &s3::KEYS].concat()
}

/// The store of a collector that is set up as KubeRay's.
#[derive(Clone, Debug, PartialEq)]
pub struct KubeRayStore {
    /// The store.
    pub store: StoreConfig,
    /// The prefix inside the store (`STORAGE_ROOT_DIR`), as written; empty for the bucket itself.
    pub root: String,
    /// Settings without effect here, with the reason, for the log.
    pub notes: Vec<String>,
}

/// Returns the store that KubeRay's variables and JSON file (its name and text) name; `None` without
/// `STORAGE_BACKEND`.
///
/// All problems are returned together. They name the settings, and show no value that could be a credential.
pub fn store_from_kuberay(env: Environment<'_>, file: Option<(&str, &str)>) -> Result<Option<KubeRayStore>, Problems> {
    let backend = set(env, "STORAGE_BACKEND").map(|name| name.trim().to_ascii_lowercase());
    let Some(backend) = backend.filter(|name| !name.is_empty()) else { return Ok(None) };
    let mut sources = Sources::new(env, file, &known_keys());
    let root = sources.variable("STORAGE_ROOT_DIR").unwrap_or_default();
    let mut store = match Backend::of(&backend) {
        Ok(backend) => Some(backend.read(&mut sources)),
        Err(message) => {
            sources.problem("STORAGE_BACKEND", message);
            None
        }
    };
    if let Some(store) = &mut store {
        check::check(store, &mut sources);
    }
    let (found, notes) = sources.finish();
    match store {
        Some(store) if found.problems.is_empty() => Ok(Some(KubeRayStore { store, root, notes })),
        _ => Err(Problems(found.problems)),
    }
}

/// Returns the path of the JSON file that the environment names.
pub fn config_path(env: Environment<'_>) -> Option<String> {
    set(env, "STORAGE_BACKEND_CONFIG_PATH")
}
