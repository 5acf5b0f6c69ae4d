//! Opens the spool: in its folder, else on the volume that Ray's pod has anyway.

use crate::destinations::Destinations;
use crate::health::{Health, Part};
use crate::settings::Settings;
use crate::spool::{Fsync, Limits, Sealing, Spool};
use crate::upload::{Sink, Uploader};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// The part of its bound at which the spool's size is a trouble.
const NEARLY_FULL: f64 = 0.8;

/// Opens the spool, in the first folder in which that is possible, and returns the folder, too.
pub(super) async fn open(settings: &Settings, health: &Health) -> (PathBuf, Spool) {
    let fsync = if settings.fsync_batch { Fsync::Batch } else { Fsync::Flush };
    let limits = Limits { bytes: settings.spool_max, fsync };
    loop {
        let mut trouble = None;
        for folder in settings.spool.candidates() {
            let opened = match std::fs::create_dir_all(&folder) {
                Ok(()) => Spool::open(&folder, limits).await,
                Err(error) => Err(error),
            };
            match opened {
                Ok(spool) => {
                    health.set(Part::Spool, None);
                    let spool = if settings.gzip { spool } else { spool.with_plain_files() };
                    tracing::info!(folder = %folder.display(), id = spool.id(), boot = spool.boots(), "the spool is open");
                    return (folder, spool);
                }
                Err(error) => trouble = Some(format!("{}: {error}", folder.display())),
            }
        }
        health.set(Part::Spool, trouble);
        sleep(PAUSE).await;
    }
}

/// Returns the uploader of a spool.
pub(super) fn uploader(settings: &Settings, spool: &Arc<Spool>, sink: &Sink, destinations: &Destinations) -> Uploader {
    let destinations = destinations.clone();
    let destination = Arc::new(move |session: &_| destinations.node_keys(session));
    let form = if settings.gzip { Sealing::default() } else { Sealing::of_plain_files() };
    let sealing = Sealing {
        middle_age: settings.seal_after,
        plain: settings.seal_bytes,
        every_flush: settings.immutable,
        ..form
    };
    Uploader::new(Arc::clone(spool), sink.clone(), destination, settings.flush, sealing)
}

/// Returns a text if the spool is nearly full.
pub(super) fn fill_trouble(spool: &Spool) -> Option<String> {
    let (used, limit) = (spool.used(), spool.limit());
    (used as f64 > NEARLY_FULL * limit as f64).then(|| {
        let (used, limit) = (used >> 20, limit >> 20);
        format!("{used} of {limit} MiB are used: beyond that, Ray is asked to keep its events")
    })
}
