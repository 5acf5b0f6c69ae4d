//! Searches for a submission's driver log below the nodes of sessions, with a bounded number of listed pages.

use crate::Error;
use crate::catalog::{Entry, Lister};
use futures_util::{StreamExt, stream};
use ray_history_core::layout::{Root, Tree, data_prefixes};
use ray_history_core::logs::job_driver;
use ray_history_metrics::catalog::{Metrics, Purpose};
use ray_history_storage::{self as storage, Delimiter, Storage};

/// Maximum number of pages listed for one search, some 0.002 USD.
const MAX_PAGES: u64 = 400;
/// Sessions searched concurrently.
const CONCURRENCY: usize = 8;

/// A submission to search for, and the store to search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    pub(super) store: &'a dyn Storage,
    pub(super) roots: &'a [Root],
    pub(super) metrics: &'a Metrics,
    pub(super) id: &'a str,
}

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SearchResult {
    /// Indices in the list of sessions.
    pub(super) found: Vec<usize>,
    /// Number of sessions that were searched completely.
    pub(super) searched: usize,
}

/// The result for one session; `None` if no pages were left for it.
type Searched = Result<Option<bool>, storage::Error>;

/// Searches the sessions in order until the pages are used up. Fails only if no session could be searched.
pub(super) async fn run(search: &Search<'_>, sessions: &[Entry]) -> Result<SearchResult, Error> {
    let lister = Lister::new(search.store, search.metrics, Purpose::Submission);
    let searches = sessions.iter().enumerate().map(|(at, entry)| {
        let lister = &lister;
        async move { (at, session(search, lister, entry).await) }
    });
    let mut searches = stream::iter(searches).buffer_unordered(CONCURRENCY);
    let (mut done, mut failed) = (SearchResult::default(), None);
    while let Some((at, searched)) = searches.next().await {
        match searched {
            Ok(Some(found)) => {
                done.searched += 1;
                done.found.extend(found.then_some(at));
            }
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if done.searched == 0 => Err(error.into()),
        _ => Ok(done),
    }
}

/// Returns `true` if a session ran the submission.
async fn session(search: &Search<'_>, lister: &Lister<'_>, entry: &Entry) -> Searched {
    let Some(file) = job_driver::path_of(search.id) else { return Ok(Some(false)) };
    let owners: Vec<_> = entry.owner.iter().cloned().collect();
    for root in search.roots {
        for place in data_prefixes(root, &entry.key.cluster, &entry.key.session, &owners) {
            let (nodes, logs) = match place.tree {
                Tree::Flat => (format!("{}logs/", place.prefix), ""),
                Tree::History => (place.prefix, "logs/"),
            };
            if lister.requests() >= MAX_PAGES {
                return Ok(None);
            }
            for node in lister.folders(&nodes).await?.0 {
                if lister.requests() >= MAX_PAGES {
                    return Ok(None);
                }
                let key = format!("{nodes}{node}/{logs}{file}");
                // One page is enough: the key itself sorts before all others that begin with it.
                let page = lister.page(&key, Delimiter::None, None, &mut lister.paging()).await?;
                if page.objects.iter().any(|object| object.key == key) {
                    return Ok(Some(true));
                }
            }
        }
    }
    Ok(Some(false))
}
