//! Compares an open session with the store, and brings it up to date: with newer log files, another proof, or a rebuild.

use super::LoadReason;
use crate::Sessions;
use crate::cache::Cached;
use crate::load::{self, LogNames, OpenSession, Proved, SegmentObject};
use crate::loader::Joined;
use crate::low_priority;
use crate::source::Source;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_metrics::sessions::FreshnessCheck;
use std::sync::Arc;
use tokio::time::Instant;

impl Sessions {
    /// Compares a cached session with the store and brings it up to date.
    pub(super) async fn check_store(self: &Arc<Self>, key: &SessionKey, cached: Arc<Cached>) {
        let source = self.source();
        let found = match self.relist(&source, key).await {
            Ok(found) => found,
            Err(error) => {
                let why = chain(&error);
                tracing::warn!(session.key = %key, error = why, "an open session could not be compared with the store");
                self.metrics.sessions.freshness_checked(FreshnessCheck::Failed);
                return cached.schedule.lock().failed(Instant::now());
            }
        };
        let open = &cached.session;
        if open.persisted.is_some() && open.has_changed(&found.digest) {
            self.compare_inputs(key, cached, &source).await;
        } else if open.has_changed(&found.digest) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Changed);
            if cached.schedule.lock().may_rebuild(Instant::now()) {
                self.rebuild(key, cached).await;
            }
        } else if open.has_unread_files() && cached.schedule.lock().may_retry(Instant::now()) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Changed);
            self.rebuild(key, cached).await;
        } else if let Some(proved) = open.due_proof(&found.digest, load::now()) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Manifests);
            let proved = Arc::clone(proved);
            self.prove_again(key, cached, &proved, found, &source).await;
        } else if open.has_other_logs(&found.digest) {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Logs);
            self.show_logs(key, &cached, found, &source).await;
        } else {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Same);
            cached.schedule.lock().done(Instant::now(), load::age(found.newest));
        }
    }

    /// Compares the raw data behind a persisted snapshot with what it was built from. Late files are a reason to read all of
    /// the raw data again, unless a part of it was deleted: nothing may show less than before.
    async fn compare_inputs(self: &Arc<Self>, key: &SessionKey, cached: Arc<Cached>, source: &Arc<Source>) {
        let listed = match self.list_inputs(source, key).await {
            Ok((listed, _)) => listed,
            Err(error) => {
                let why = chain(&error);
                tracing::warn!(session.key = %key, error = why, "an open session could not be compared with the store");
                self.metrics.sessions.freshness_checked(FreshnessCheck::Failed);
                return cached.schedule.lock().failed(Instant::now());
            }
        };
        let Some(persisted) = &cached.session.persisted else { return };
        let found = persisted.compare(&listed);
        let raw = persisted.raw(found);
        if found.late > 0 && found.gone == 0 {
            self.metrics.sessions.freshness_checked(FreshnessCheck::Changed);
            if cached.schedule.lock().may_rebuild(Instant::now()) {
                self.rebuild(key, cached).await;
            }
            return;
        }
        self.metrics.sessions.freshness_checked(FreshnessCheck::Same);
        if raw == persisted.raw {
            return cached.schedule.lock().done(Instant::now(), cached.session.newest_age());
        }
        self.replace(key, &cached, cached.session.with_raw(raw), source);
    }

    /// Proves a cached session again. A node that was closed since is read again: its last files may have changed
    /// nothing that a listing shows.
    async fn prove_again(
        self: &Arc<Self>,
        key: &SessionKey,
        cached: Arc<Cached>,
        proved: &Arc<Proved>,
        mut found: load::Relisted,
        source: &Arc<Source>,
    ) {
        let manifests = load::read_manifests(&source.store, &found.nodes.manifests, |_| ()).await;
        if let Some((file, why)) = manifests.unreadable.first() {
            tracing::warn!(session.key = %key, file, error = why, "a manifest could not be read; the proof is kept");
            return self.show_logs(key, &cached, found, source).await;
        }
        if !continue_logs(&cached.session, source, &mut found, |segment| manifests.needs(segment)).await {
            return cached.schedule.lock().failed(Instant::now());
        }
        found.logs = found.logs.named(Arc::new(LogNames::of(&manifests)));
        let nodes = std::mem::take(&mut found.nodes);
        let (before, now) = (Arc::clone(proved), load::now());
        let again = low_priority::run(move || before.again(&manifests, nodes, now)).await;
        let Ok(again) = again else { return cached.schedule.lock().failed(Instant::now()) };
        if again.as_ref().is_some_and(|again| again.closes_more_than(proved)) {
            if cached.schedule.lock().may_rebuild(Instant::now()) {
                self.rebuild(key, cached).await;
            }
            return;
        }
        let session = cached.session.with_proof(found, again);
        self.replace(key, &cached, session, source);
    }

    /// Shows the log files of a newer listing of a cached session, if there are others.
    async fn show_logs(&self, key: &SessionKey, cached: &Arc<Cached>, mut found: load::Relisted, source: &Arc<Source>) {
        let open = &cached.session;
        let needs = |segment: &SegmentObject| open.proved.as_ref().is_none_or(|proved| proved.needs(segment));
        if !open.has_other_logs(&found.digest) || !continue_logs(open, source, &mut found, needs).await {
            return cached.schedule.lock().failed(Instant::now());
        }
        found.logs = found.logs.named(Arc::clone(open.logs.names()));
        self.replace(key, cached, open.with_logs(found), source);
    }

    /// Replaces a cached session by the same with newer log files or another proof.
    fn replace(&self, key: &SessionKey, cached: &Arc<Cached>, session: OpenSession, source: &Arc<Source>) {
        let mut schedule = *cached.schedule.lock();
        schedule.done(Instant::now(), session.newest_age());
        let new = Arc::new(Cached::new(Arc::new(session), schedule));
        self.cache.replace(key, cached, Arc::clone(&new));
        self.recheck(key, &new, source);
    }

    /// Rebuilds a cached session. Holds no reference to it meanwhile, because the load may wait for its memory.
    async fn rebuild(self: &Arc<Self>, key: &SessionKey, cached: Arc<Cached>) {
        let before = Arc::downgrade(&cached);
        drop(cached);
        let built = match self.start(key, LoadReason::Rebuild) {
            Ok(Joined::Ready(_)) => Ok(()),
            Ok(Joined::Waiting(load)) => load.wait().await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = built {
            tracing::warn!(
                session.key = %key,
                error = %chain(&error),
                "an open session could not be rebuilt; it stays as it was"
            );
        }
        // The session is gone if it was replaced or evicted. It is still there if the load failed.
        if let Some(cached) = before.upgrade() {
            cached.schedule.lock().failed(Instant::now());
        }
    }
}

/// Continues the log files of a newer listing of an open session by what lies in segments that are needed. Returns `false`
/// if one could not be read.
async fn continue_logs(
    open: &OpenSession,
    source: &Source,
    found: &mut load::Relisted,
    needs: impl Fn(&SegmentObject) -> bool,
) -> bool {
    let needed: Vec<SegmentObject> = found.nodes.segments.iter().filter(|segment| needs(segment)).cloned().collect();
    let logs = &found.logs;
    let is_stored = |node: &str, path: &str| logs.find(node, path).is_some();
    let known = open.logs.segments();
    let segments = load::read_segments(&source.store, &needed, known, |_| (), is_stored).await;
    if let Some((file, why)) = segments.unreadable.first() {
        tracing::warn!(session.key = %open.key, file, error = why, "a log segment could not be read; the logs are kept");
        return false;
    }
    found.logs.continue_with(segments);
    true
}
