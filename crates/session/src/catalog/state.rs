//! The state between passes, how a pass changes it, and the loop that runs the passes.

use super::found::Found;
use super::listing::{Listing, Oddities};
use super::pace::{Outcome, Pace};
use super::table::{Builder, Sighting, Source};
use super::tables::Tables;
use super::{Catalog, Filter, Scope};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_storage::{Error, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Delay of the first walk after the start, so that the markers come first.
const WALK_DELAY: Duration = Duration::from_secs(5);

/// All sessions, and the last pass of each source.
#[derive(Debug, Default)]
pub(super) struct CatalogState {
    tables: Tables,
    /// The filter that the sessions passed.
    filter: Filter,
    version: u64,
    markers: Pass,
    walk: Pass,
    /// Sessions found for single clusters since the running walk began.
    pub(super) probed: Vec<ProbedSession>,
}

/// A session found in the folders of its cluster.
#[derive(Clone, Debug)]
pub(super) struct ProbedSession {
    pub(super) key: SessionKey,
    pub(super) owner: Option<Owner>,
    pub(super) namespace_known: bool,
}

/// The outcome of one source's last pass, without the sessions.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub(super) at: Option<SystemTime>,
    /// The same moment on the monotonic clock.
    since: Option<Instant>,
    error: Option<String>,
    /// `true` if the store is a folder that does not exist any more.
    folder_is_gone: bool,
    unknown_keys: Oddities,
    skipped: Oddities,
    recognised: bool,
    roots_below: Vec<String>,
}

impl Pass {
    /// Splits the result of a successful pass into its sessions and its outcome.
    pub(super) fn succeeded(found: Found) -> (Builder, Self) {
        let Found { sessions, unknown_keys, skipped, recognised, roots_below } = found;
        let pass = Self {
            at: Some(SystemTime::now()),
            since: Some(Instant::now()),
            error: None,
            folder_is_gone: false,
            unknown_keys,
            skipped,
            recognised,
            roots_below,
        };
        (sessions, pass)
    }

    /// Creates the outcome of a failed pass over a folder or a bucket. A missing bucket may only be out of reach.
    pub(super) fn failed(error: &Error, of_folder: bool) -> Self {
        let folder_is_gone = of_folder && error.kind() == ErrorKind::NoBucket;
        Self { error: Some(error.to_string()), folder_is_gone, ..Self::default() }
    }

    /// Replaces the outcome by that of the next pass. A failed pass changes the error only.
    fn update(&mut self, next: Self) {
        if next.at.is_some() {
            *self = next;
        } else {
            self.error = next.error;
            self.folder_is_gone = next.folder_is_gone;
        }
    }
}

impl CatalogState {
    /// Replaces the sessions of a source. Returns `true` if anything changed.
    pub(super) async fn replace(&mut self, scope: Scope, mut sessions: Builder, filter: Filter) -> bool {
        if scope != Scope::Markers {
            add(&mut sessions, &self.probed);
        }
        let collect = move |before: &Tables| {
            match scope {
                Scope::Markers => before.copy_source(Source::Data, &mut sessions),
                Scope::Data => before.copy_source(Source::Marker, &mut sessions),
                Scope::Everything => {}
            }
            sessions
        };
        self.rebuild_table(collect, filter).await
    }

    /// Adds sessions found for single clusters.
    pub(super) async fn add(&mut self, probed: Vec<ProbedSession>, filter: Filter) {
        self.probed.extend(probed.iter().cloned());
        let collect = move |before: &Tables| {
            let mut sessions = before.all();
            add(&mut sessions, &probed);
            sessions
        };
        self.rebuild_table(collect, filter).await;
    }

    /// Removes sessions that another filter rejects. Returns `true` if there were any.
    pub(super) async fn filter(&mut self, filter: Filter) -> bool {
        self.filter != filter && self.rebuild_table(Tables::all, filter).await
    }

    /// Records the outcome of a pass.
    pub(super) fn record_pass(&mut self, scope: Scope, pass: Pass) {
        match scope {
            Scope::Markers => self.markers.update(pass),
            Scope::Data => self.walk.update(pass),
            // One pass for both sources: its oddities are counted once.
            Scope::Everything => {
                self.walk = Pass { at: pass.at.or(self.walk.at), ..Pass::default() };
                self.markers.update(pass);
            }
        }
    }

    /// Returns the listing for readers.
    pub(super) fn listing(&self) -> Listing {
        let (markers, walk) = (&self.markers, &self.walk);
        let never = markers.at.is_none().then(|| "nothing has been listed yet".to_owned());
        Listing {
            table: Arc::clone(&self.tables.listed),
            version: self.version,
            hidden: Arc::clone(&self.tables.hidden),
            unknown_keys: markers.unknown_keys.clone(),
            skipped: markers.skipped.clone().and(&walk.skipped),
            recognised: markers.recognised || walk.recognised,
            roots_below: [&markers.roots_below[..], &walk.roots_below].concat(),
            listed_at: markers.at,
            listed_since: markers.since,
            walked_at: walk.at,
            stale: markers.error.clone().or_else(|| walk.error.clone()).or(never),
            folder_is_gone: markers.folder_is_gone || walk.folder_is_gone,
        }
    }

    /// Rebuilds the table on a blocking thread, because sorting a hundred thousand sessions takes a moment. Returns
    /// `true` if it changed.
    async fn rebuild_table(
        &mut self,
        collect: impl FnOnce(&Tables) -> Builder + Send + 'static,
        filter: Filter,
    ) -> bool {
        let before = self.tables.clone();
        self.filter = filter.clone();
        let built = tokio::task::spawn_blocking(move || before.replaced(collect(&before), &filter));
        match built.await {
            Ok(Some(tables)) => {
                self.tables = tables;
                self.version += 1;
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::error!(
                    error = %chain(&error),
                    "a listing could not be sorted; the last one is kept; please report this"
                );
                false
            }
        }
    }
}

fn add(sessions: &mut Builder, probed: &[ProbedSession]) {
    for ProbedSession { key, owner, namespace_known } in probed {
        sessions.add(Source::Data, Sighting::of(key, owner.as_ref(), *namespace_known));
    }
}

impl Catalog {
    /// Runs passes for ever. The future may be dropped at any time.
    pub async fn keep_fresh(&self) {
        if self.store.listing_is_free() {
            return self.repeat(Scope::Everything, Pace::FREE, &self.list_now).await;
        }
        let walk = async {
            tokio::time::sleep(WALK_DELAY).await;
            self.repeat(Scope::Data, Pace::WALK, &self.walk_now).await;
        };
        tokio::join!(self.repeat(Scope::Markers, Pace::MARKERS, &self.list_now), walk);
    }

    async fn repeat(&self, scope: Scope, mut pace: Pace, now: &Notify) {
        loop {
            let (ended, requests) = {
                let _guard = if scope == Scope::Data { None } else { Some(self.refreshing.lock().await) };
                self.run_pass(scope).await
            };
            let outcome = match ended {
                Ok(true) => Outcome::Changed,
                Ok(false) => Outcome::Same,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "sessions could not be listed; the last listing is kept");
                    Outcome::Failed
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pace.after(outcome, requests)) => {}
                () = now.notified() => {}
            }
        }
    }
}
