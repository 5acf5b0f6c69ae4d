//! Lists pages of keys and counts the requests, each of which is paid.

use ray_history_metrics::catalog::{Metrics, Purpose};
use ray_history_storage::{Delimiter, Error, ListPage, PageToken, Paging, Storage};
use std::sync::atomic::{AtomicU64, Ordering};

/// Lists keys for one pass.
#[derive(Debug)]
pub(crate) struct Lister<'a> {
    store: &'a dyn Storage,
    metrics: &'a Metrics,
    purpose: Purpose,
    requests: AtomicU64,
}

impl<'a> Lister<'a> {
    pub(crate) fn new(store: &'a dyn Storage, metrics: &'a Metrics, purpose: Purpose) -> Self {
        Self { store, metrics, purpose, requests: AtomicU64::new(0) }
    }

    /// Returns the number of pages listed so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns a check of the page tokens of one listing.
    pub(crate) fn paging(&self) -> Paging {
        Paging::of(self.store)
    }

    /// Lists one page.
    pub(crate) async fn page(
        &self,
        prefix: &str,
        delimiter: Delimiter,
        page: Option<PageToken>,
        paging: &mut Paging,
    ) -> Result<ListPage, Error> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.metrics.request(self.purpose);
        let listed = self.store.list(prefix, delimiter, page).await?;
        paging.check(prefix, &listed)?;
        Ok(listed)
    }

    /// Returns the folders directly below a prefix, without the prefix and the final `/`, and the places that could not
    /// be listed.
    pub(crate) async fn folders(&self, prefix: &str) -> Result<(Vec<String>, Vec<Error>), Error> {
        let (mut names, mut skipped, mut next, mut paging) = (Vec::new(), Vec::new(), None, self.paging());
        loop {
            let page = self.page(prefix, Delimiter::Slash, next, &mut paging).await?;
            skipped.extend(page.skipped);
            let below = page.prefixes.iter().filter_map(|folder| folder.strip_prefix(prefix)?.strip_suffix('/'));
            names.extend(below.filter(|name| !name.is_empty()).map(str::to_owned));
            next = page.next;
            if next.is_none() {
                return Ok((names, skipped));
            }
        }
    }
}
