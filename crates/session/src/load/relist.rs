//! Lists an open session again, to see if anything has changed since it was built.

use super::Digest;
use super::nodes::NodeFiles;
use super::objects::{LogIndex, SessionObjects};
use super::pages::Pages;
use super::places::{self, Places};
use ray_history_core::base::name::SessionKey;
use ray_history_storage::{Error, Storage};
use ray_history_tables::Input;
use std::sync::Arc;

/// The result of listing a session again.
pub(crate) struct Relisted {
    /// Digest of everything listed.
    pub(crate) digest: Digest,
    /// The current log files.
    pub(crate) logs: LogIndex,
    /// The current files by node, for the proof.
    pub(crate) nodes: NodeFiles,
    /// Time at which the newest object was written, in nanoseconds since 1970.
    pub(crate) newest: Option<i64>,
}

/// Lists all objects of a session and reads none. Returns them one by one, sorted by key, with the digest of the listing.
pub(crate) async fn inputs(
    store: &Arc<dyn Storage>,
    key: &SessionKey,
    places: &Places,
) -> Result<(Vec<Input>, Relisted), Error> {
    let prefixes = places::prefixes(&**store, key, places).await?;
    let mut pages = Pages::first_into(SessionObjects::with_inputs(), Arc::clone(store), prefixes).await?;
    pages.rest().await?;
    let mut inputs = pages.objects.take_inputs();
    inputs.sort();
    inputs.dedup();
    Ok((inputs, Relisted::of(pages)))
}

/// Lists all objects of a session and reads none.
pub(crate) async fn relist(store: &Arc<dyn Storage>, key: &SessionKey, places: &Places) -> Result<Relisted, Error> {
    let prefixes = places::prefixes(&**store, key, places).await?;
    let mut pages = Pages::first(Arc::clone(store), prefixes).await?;
    pages.rest().await?;
    Ok(Relisted::of(pages))
}

impl Relisted {
    fn of(mut pages: Pages) -> Self {
        let (digest, newest) = (pages.objects.digest(), pages.objects.newest);
        let nodes = std::mem::take(&mut pages.objects.nodes);
        Self { digest, nodes, newest, logs: pages.objects.into_logs() }
    }
}
