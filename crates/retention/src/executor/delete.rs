//! The deletion of a session's objects: markers, data, objects of folders.

use super::acting::{Acting, is_deleting};
use super::errors::{Failure, Step, of_read, of_write};
use super::pace::{is_throttled, may_retry, wait};
use super::{Act, Executor};
use crate::places::{Part, Places};
use crate::time::DAY;
use crate::tombstone::{Phase, Removed, StoredOwner, Tombstone};
use futures_util::StreamExt;
use ray_history_core::base::name::SessionKey;
use ray_history_core::base::time::Nanos;
use ray_history_storage::{Error, ObjectMeta, Storage};
use ray_history_storage_write::If;
use std::sync::Arc;

/// Listings until nothing is left.
const PASSES: usize = 10;
/// Keys that are deleted together at most: as many as stores take in one request.
const KEYS: usize = 1_000;
/// Seconds of the rate whose keys are deleted together, if they are fewer.
const SECONDS: usize = 5;

/// The objects of one deletion.
struct Scope {
    places: Places,
    /// Objects that were written later are left.
    before: Nanos,
}

impl Executor {
    /// Deletes a session whose deletion has begun.
    pub(super) async fn delete(&mut self, acting: &mut Acting<'_>, key: &SessionKey) -> Step<()> {
        let Some((_, tombstone)) = self.stored(key).await? else { return Ok(()) };
        if !is_deleting(&tombstone) {
            return Ok(());
        }
        let owner = tombstone.owner.as_ref().and_then(StoredOwner::owner);
        let places = Places::find(&*self.store, &self.roots, key, owner.as_ref()).await.map_err(of_read)?;
        let checked = tombstone.checked.unwrap_or(tombstone.changed).min(self.clock.now());
        let scope = Scope { places, before: checked.saturating_sub(DAY) };
        let mut removed = Removed::default();
        let done = match self.empty(acting, &scope, &mut removed).await {
            Ok(()) => self.remove_folders(acting, &scope.places).await,
            failed => failed,
        };
        self.surveys.remove(key);
        acting.removed(removed);
        if done.is_err() && removed.objects > 0 {
            // Numbers to look at, and no reason to fail in another way.
            let _ = self.note(acting, key, removed, Phase::Deleting).await;
        }
        done?;
        if self.note(acting, key, removed, Phase::Deleted).await? {
            let Removed { objects, bytes } = removed;
            acting.acted(Act::Deleted { key: key.clone(), rule: tombstone.rule, objects, bytes });
        }
        Ok(())
    }

    /// Adds to the numbers of a deletion, with the phase that it has reached. Returns `true` if that was written.
    async fn note(&mut self, acting: &mut Acting<'_>, key: &SessionKey, removed: Removed, phase: Phase) -> Step<bool> {
        let Some((stored, tombstone)) = self.stored(key).await? else { return Ok(false) };
        let Some(etag) = stored.etag.as_ref().filter(|_| is_deleting(&tombstone)) else { return Ok(false) };
        let deleted = tombstone.deleted.and(removed);
        let changed = if phase == tombstone.phase { tombstone.changed } else { self.clock.now() };
        let noted = Tombstone { deleted, ..tombstone.with(phase, changed) };
        self.put(acting, key, &stored.key, noted, If::Unchanged(etag)).await
    }

    /// Deletes until a listing has nothing more to delete.
    async fn empty(&mut self, acting: &Acting<'_>, scope: &Scope, removed: &mut Removed) -> Step<()> {
        for _ in 0..PASSES {
            let before = removed.objects;
            self.pass(acting, scope, Part::Markers, removed).await?;
            self.pass(acting, scope, Part::Data, removed).await?;
            if removed.objects == before {
                // Nobody writes these while the session is hidden, so that one listing has all.
                return self.pass(acting, scope, Part::Persisted, removed).await;
            }
        }
        Err(Failure::Skip(format!("the store still lists its objects after {PASSES} deletions")))
    }

    /// Lists a part once, and deletes what is there.
    async fn pass(&mut self, acting: &Acting<'_>, scope: &Scope, part: Part, removed: &mut Removed) -> Step<()> {
        let store: Arc<dyn Storage> = Arc::clone(&self.store);
        let mut folders = Vec::new();
        let mut pages = scope.places.pages(&*store, part);
        while let Some(page) = pages.next().await {
            let page = page.map_err(of_read)?;
            // What was made of other objects may be younger than they are.
            let is_old = |object: &ObjectMeta| object.modified.is_some_and(|time| time <= scope.before);
            let old = page.into_iter().filter(|object| part == Part::Persisted || is_old(object));
            let (inner, files): (Vec<_>, Vec<_>) = old.partition(|object| object.key.ends_with('/'));
            folders.extend(inner);
            self.remove(acting, &files, removed).await?;
        }
        // The deepest first: a folder goes after what is in it.
        folders.sort_by_key(|object| std::cmp::Reverse(object.key.len()));
        self.remove(acting, &folders, removed).await
    }

    /// Removes the empty folders of a session where the store is a folder: without objects they are not listed, and one
    /// that stays would be listed as a session for ever. In a bucket, folders are objects, which were listed.
    pub(super) async fn remove_folders(&mut self, acting: &Acting<'_>, places: &Places) -> Step<()> {
        if !self.store.listing_is_free() {
            return Ok(());
        }
        if !acting.known.goes_on() {
            return Err(Failure::Ended);
        }
        let folders = places.folders();
        self.pace.take(folders.len(), acting.settings.objects_per_second).await;
        acting.writer.delete_many(&folders).await.into_iter().collect::<Result<(), _>>().map_err(of_write)
    }

    /// Deletes objects at the rate of the settings.
    async fn remove(&mut self, acting: &Acting<'_>, objects: &[ObjectMeta], removed: &mut Removed) -> Step<()> {
        let rate = acting.settings.objects_per_second.max(1) as usize;
        for batch in objects.chunks(KEYS.min(rate.saturating_mul(SECONDS))) {
            if !acting.known.goes_on() {
                return Err(Failure::Ended);
            }
            let mut left: Vec<&ObjectMeta> = batch.iter().collect();
            let mut attempt = 1;
            while !left.is_empty() {
                self.pace.take(left.len(), acting.settings.objects_per_second).await;
                let keys: Vec<String> = left.iter().map(|object| object.key.clone()).collect();
                let results = acting.writer.delete_many(&keys).await;
                let mut again = Vec::new();
                let mut last: Option<Error> = None;
                let mut refused: Option<Error> = None;
                for (object, result) in left.into_iter().zip(results) {
                    match result {
                        Ok(()) => {
                            removed.objects += 1;
                            removed.bytes = removed.bytes.saturating_add(object.size);
                        }
                        Err(error) if may_retry(&error, attempt) => {
                            again.push(object);
                            last = Some(error);
                        }
                        Err(error) => refused = refused.or(Some(error)),
                    }
                }
                if let Some(error) = refused {
                    return Err(of_write(error));
                }
                if let Some(error) = last {
                    if is_throttled(&error) {
                        self.pace.slow_down();
                    }
                    wait(&error, attempt).await;
                    attempt += 1;
                }
                left = again;
            }
        }
        Ok(())
    }
}
