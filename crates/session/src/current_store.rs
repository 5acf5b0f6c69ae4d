//! The store in force: opens the store that new settings name, and puts it in the place of the current one.
//!
//! A store that cannot be opened or listed changes nothing. New credentials of the same store are taken over without
//! closing anything.

use super::Sessions;
use parking_lot::Mutex;
use ray_history_core::base::chain::chain;
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_settings::{SecretData, Settings, Storage};
use ray_history_storage::guarded::Limits;
use ray_history_storage::{self as storage, Delimiter};
use std::sync::Arc;

/// A store that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {url}")]
pub struct ConnectError {
    url: String,
    source: storage::Error,
}

/// Opens the store of these settings, with its guards and metrics.
pub async fn connect(settings: &Storage, metrics: &Metrics) -> Result<Arc<dyn storage::Storage>, ConnectError> {
    let opened = storage::connect(&settings.store, Limits::default(), &metrics.storage).await;
    opened.map_err(|source| ConnectError { url: settings.url(), source })
}

/// The store in force, which changes with the settings.
#[derive(Debug)]
pub struct CurrentStore {
    sessions: Arc<Sessions>,
    /// `None` until the first settings are in force.
    opened: Mutex<Option<Opened>>,
}

/// A store that was opened.
#[derive(Clone, Debug)]
struct Opened {
    /// The settings with which it was opened.
    settings: Storage,
    secret: SecretData,
    /// The store's own settings, with the credentials of the Secret; the store shares those that rotate.
    store: storage::config::StoreConfig,
}

impl CurrentStore {
    /// Returns the store of sessions that were created with an empty one.
    pub fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions, opened: Mutex::default() }
    }

    /// Opens the store of settings, with the data of the Secret that they name. Changes nothing yet.
    ///
    /// # Errors
    /// Returns the reason, for the operator, why they cannot be put in force.
    pub async fn open(&self, settings: Arc<Settings>, secret: &SecretData) -> Result<Prepared, String> {
        let current = self.opened.lock().clone();
        let same = current.as_ref().filter(|opened| opened.settings == settings.storage);
        if same.is_some_and(|opened| opened.secret == *secret) {
            return Ok(Prepared { settings, opened: None });
        }
        let wanted = settings.storage.clone();
        let with_secret = wanted.clone().with_secret(secret).map_err(|problems| problems.to_string())?;
        let store = connect(&with_secret, self.sessions.metrics()).await.map_err(|error| chain(&error))?;
        if current.is_some() {
            try_listing(&*store, &wanted).await?;
        }
        let opened = Opened { settings: wanted, secret: secret.clone(), store: with_secret.store };
        Ok(Prepared { settings, opened: Some((store, opened)) })
    }

    /// Puts settings in force, with their store.
    pub fn put(&self, prepared: Prepared) {
        let Prepared { settings, opened } = prepared;
        let roots = settings.storage.root_dirs.iter().map(|root| Root::new(root)).collect();
        self.sessions.apply(settings);
        let Some((store, mut opened)) = opened else { return };
        let mut current = self.opened.lock();
        match current.as_ref().filter(|current| current.settings == opened.settings) {
            // The same store with new credentials: open sessions stay open, and loads continue.
            Some(same) if same.store.rotate(&opened.store) => {
                opened.store = same.store.clone();
                let sessions = Arc::clone(&self.sessions);
                tokio::spawn(async move { sessions.try_again().await });
            }
            _ => self.sessions.replace_store(store, roots),
        }
        *current = Some(opened);
    }
}

/// Settings whose store is open.
#[derive(Debug)]
pub struct Prepared {
    settings: Arc<Settings>,
    /// `None` if the store in force is that of the settings.
    opened: Option<(Arc<dyn storage::Storage>, Opened)>,
}

/// Lists the first root once. The current store is kept if the new one does not answer or rejects the credentials.
async fn try_listing(store: &dyn storage::Storage, settings: &Storage) -> Result<(), String> {
    let root = Root::new(settings.root_dirs.first().map_or("", String::as_str));
    let prefix = root.spellings().into_iter().next().unwrap_or_default();
    let listed = store.list(&prefix, Delimiter::Slash, None).await;
    listed.map(|_| ()).map_err(|error| format!("{} cannot be listed: {error}", settings.url()))
}

#[cfg(test)]
mod tests;
