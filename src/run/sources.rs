//! The settings of a start without Kubernetes: a document, a folder, or the settings of KubeRay's history server.

use crate::cgroup;
use anyhow::{Context, anyhow, bail};
use ray_history_settings::{self as settings, KubeRay, Settings, Storage};
use ray_history_storage::config::{LocalConfig, StoreConfig};
use std::path::{Path, PathBuf};

/// Reads a document. All its problems are reported in one error.
pub(super) fn document(file: &Path) -> anyhow::Result<Settings> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Settings::from_document(&text, cgroup::memory_limit())
        .map_err(|problems| anyhow!("{} is not a RayHistory that can be served:\n{problems}", file.display()))
}

/// Returns the settings for a folder.
pub(super) fn folder(folder: PathBuf, root_dirs: Vec<String>) -> Settings {
    let store = StoreConfig::Local(LocalConfig { path: folder });
    let max_memory = settings::default_max_memory(cgroup::memory_limit());
    let cache = settings::Cache { max_memory, ..settings::Cache::default() };
    Settings { storage: Storage { store, root_dirs, credentials_secret: None }, cache, ..Settings::default() }
}

/// Reads the settings of KubeRay's history server. Returns notes about settings without effect as well; all problems
/// are reported in one error.
pub(super) fn kuberay(flags: &KubeRay) -> anyhow::Result<(Settings, Vec<String>)> {
    let env = |name: &str| std::env::var(name).ok();
    if flags.backend(&env).is_none() {
        bail!(
            "nothing to serve: --local-dir names a folder, --config a RayHistory document, --rayhistory an object, \
             --storage-backend a store as KubeRay's history server has it"
        );
    }
    let file = flags.config_path(&env).map(|path| path.display().to_string());
    let text = file.as_ref().map(|file| std::fs::read_to_string(file).with_context(|| format!("cannot read {file}")));
    let text = text.transpose()?;
    let file = file.as_deref().zip(text.as_deref());
    Settings::from_kuberay(flags, &env, file, cgroup::memory_limit())
        .map_err(|problems| anyhow!("the settings of KubeRay's history server cannot be served:\n{problems}"))
}
