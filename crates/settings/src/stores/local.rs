//! Settings of a folder.

use super::Store;
use crate::crd::LocalSpec;
use crate::reader::Reader;
use crate::shape::quoted;
use ray_history_storage::config::{LocalConfig, PortableConfig, StoreConfig};
use std::path::PathBuf;

/// Returns the configuration of a folder in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &LocalSpec) -> Store {
    if !spec.path.starts_with('/') {
        reader.problem("spec.storage.local.path", format!("{} must be an absolute path", quoted(&spec.path)));
    }
    (StoreConfig::Local(LocalConfig { path: PathBuf::from(&spec.path) }), None)
}

/// Returns the folder as a URL.
pub(super) fn url(local: &LocalConfig) -> String {
    format!("file://{}", local.path.display())
}

/// Returns portable files as URLs.
pub(super) fn files(portable: &PortableConfig) -> String {
    let urls: Vec<String> = portable.files.iter().map(|file| format!("file://{}", file.display())).collect();
    urls.join(" ")
}
