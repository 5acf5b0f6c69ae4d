//! The settings of a start without Kubernetes: a document, a folder, or the settings of KubeRay's history server.

use crate::cgroup;
use anyhow::{Context, bail};
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_session::liveness::Watched;
use ray_history_session::{Sessions, connect};
use ray_history_settings::{self as settings, KubeRay, Settings, Storage};
use ray_history_storage::config::{LocalConfig, PortableConfig, StoreConfig};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Settings with problems, all of which are in the text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Invalid(String);

/// Opens the store of these settings, without listing it.
pub(super) async fn sessions(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Sessions> {
    let store = connect(&settings.storage, metrics).await?;
    let roots = settings.storage.root_dirs.iter().map(|root| Root::new(root)).collect();
    Ok(Sessions::with(store, roots, Arc::new(settings.clone()), Watched::default(), metrics.clone()))
}

/// Reads a document. All its problems are reported in one error.
pub(super) fn document(file: &Path) -> anyhow::Result<Settings> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Settings::from_document(&text, cgroup::memory_limit()).map_err(|problems| invalid_document(file, &problems))
}

/// Returns the error of a document with problems.
pub(super) fn invalid_document(file: &Path, problems: &dyn Display) -> anyhow::Error {
    Invalid(format!("{} is not a RayHistory that can be served:\n{problems}", file.display())).into()
}

/// Returns the settings for a folder.
pub(super) fn folder(folder: PathBuf, root_dirs: Vec<String>) -> Settings {
    of_machine(StoreConfig::Local(LocalConfig { path: folder }), root_dirs)
}

/// Returns the settings for portable files.
pub(super) fn portable(files: Vec<PathBuf>) -> Settings {
    of_machine(StoreConfig::Portable(PortableConfig { files }), vec![String::new()])
}

fn of_machine(store: StoreConfig, root_dirs: Vec<String>) -> Settings {
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
    Settings::from_kuberay(flags, &env, file, cgroup::memory_limit()).map_err(|problems| {
        Invalid(format!("the settings of KubeRay's history server cannot be served:\n{problems}")).into()
    })
}
