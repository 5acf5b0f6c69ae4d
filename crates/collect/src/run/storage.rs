//! The store of the settings: a folder, or that of KubeRay's variables and file, read anew at each try.

use crate::settings::Settings;
use crate::store::Connect;
use parking_lot::Mutex;
use ray_history_storage::config::{LocalConfig, StoreConfig};
use ray_history_storage_write::{Paced, Rate, connect};
use ray_history_store_settings::kuberay::{KubeRayStore, config_path, store_from_kuberay};
use std::sync::Arc;

/// Returns how the store is connected.
pub(super) fn connector(settings: &Settings) -> Connect {
    let local = settings.local_dir.clone();
    let rate = settings.upload_rate.map(Rate::new);
    let logged = Mutex::new(Vec::new());
    Box::new(move || {
        let config = match &local {
            Some(path) => Ok(StoreConfig::Local(LocalConfig { path: path.clone() })),
            None => read().map(|found| {
                log_new(found.notes, &logged);
                found.store
            }),
        };
        let rate = rate.clone();
        Box::pin(async move {
            let config = config?;
            let store = connect(&config).await.map_err(|error| error.to_string())?;
            Ok(match rate {
                Some(rate) => Arc::new(Paced::new(store, rate)),
                None => store,
            })
        })
    })
}

/// Returns the prefix inside the store, which is empty or ends in `/`.
pub(super) fn root() -> String {
    let root = std::env::var("STORAGE_ROOT_DIR").unwrap_or_default();
    let parts: Vec<&str> = root.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.is_empty() { String::new() } else { format!("{}/", parts.join("/")) }
}

/// Logs the notes that are not those of the try before.
fn log_new(notes: Vec<String>, logged: &Mutex<Vec<String>>) {
    let mut logged = logged.lock();
    for note in notes.iter().filter(|note| !logged.contains(note)) {
        tracing::info!("{note}");
    }
    *logged = notes;
}

fn read() -> Result<KubeRayStore, String> {
    let env = |name: &str| std::env::var(name).ok();
    let file = match config_path(&env) {
        None => None,
        Some(path) => match std::fs::read_to_string(&path) {
            Ok(text) => Some((path, text)),
            Err(error) => return Err(format!("{path} cannot be read: {error}")),
        },
    };
    let file = file.as_ref().map(|(path, text)| (path.as_str(), text.as_str()));
    match store_from_kuberay(&env, file) {
        Ok(Some(store)) => Ok(store),
        Ok(None) => Err("neither STORAGE_BACKEND nor --local-dir is set".to_owned()),
        Err(problems) => Err(problems.to_string()),
    }
}
