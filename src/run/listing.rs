//! The first listing, made while the server already answers, and readiness after every later one.

use anyhow::{Context, bail};
use ray_history_core::base::chain::chain;
use ray_history_health::{Gate, Health, NOT_LISTED};
use ray_history_session::catalog::Listing;
use ray_history_session::{self as session, Sessions};
use ray_history_settings::Storage;
use ray_history_storage::config::{LocalConfig, StoreConfig};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// First and longest pause between tries of the first listing; each is twice as long as the previous one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Lists the sessions for the first time. Retries while the store has transient errors.
///
/// # Errors
/// Returns an error if a retry would not help: no such bucket, no permission, or a folder with other content.
pub(super) async fn first(sessions: &Sessions, storage: &Storage, health: &Health) -> anyhow::Result<Arc<Listing>> {
    let mut pause = FIRST_PAUSE;
    let listing = loop {
        match sessions.refresh().await {
            Ok(listing) => break listing,
            Err(session::Error::Storage(error)) if error.is_transient() => {
                tracing::warn!(error = %chain(&*error), "the stored sessions cannot be listed yet; trying again in {} s", pause.as_secs());
                health.close(Gate::Listed, format!("{NOT_LISTED}: {error}"));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error).with_context(|| format!("cannot list {}", storage.url())),
        }
    };
    check_folder(&listing, storage)?;
    for skipped in &listing.skipped.examples {
        tracing::warn!("not listed, so its sessions are missing: {skipped}");
    }
    health.open(Gate::Listed);
    Ok(listing)
}

/// Checks that a folder is empty, or has what collectors write.
///
/// # Errors
/// Returns an error with advice if it has other content.
pub(super) fn check_folder(listing: &Listing, storage: &Storage) -> anyhow::Result<()> {
    if let StoreConfig::Local(LocalConfig { path: folder }) = &storage.store
        && !listing.recognised
        && !is_empty(folder)
    {
        let hint = match listing.roots_below.first() {
            Some(root) => format!(
                "its folder {root} has: add --root-dir {0}, or {0} to spec.storage.rootDirs",
                root.trim_end_matches('/')
            ),
            None => "name the folder that holds them, or a prefix in it".to_owned(),
        };
        bail!(
            "{} is not what a collector uploaded: it has none of cluster-metadata/, cluster-history/, metadir/ or \
             CLUSTER_NAMESPACE/session_… below it; {hint}",
            folder.display()
        );
    }
    Ok(())
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_none())
}

/// Updates the readiness gate after every listing: open after the first one, closed while the served folder is gone.
///
/// An unreachable bucket does not close the gate, because it affects every replica, and the last listing and all open
/// sessions are still served.
pub(super) async fn readiness(sessions: Arc<Sessions>, health: Health) {
    let update_gate = |listing: &Listing| match &listing.stale {
        Some(why) if listing.folder_is_gone => health.close(Gate::Listed, why.clone()),
        _ if listing.listed_at.is_some() => health.open(Gate::Listed),
        _ => {}
    };
    sessions.each_listing(update_gate).await;
}
