//! Marks: setting and removing them, the check before a deletion begins, and forgetting old ones.

use super::acting::Acting;
use super::errors::{Failure, Step, of_read, of_write};
use super::pace::tried;
use super::{Act, Executor};
use crate::candidate::{Candidate, Survey};
use crate::keys;
use crate::never::{Kept, never};
use crate::pins::Pins;
use crate::places::Places;
use crate::plan::{Limit, Mark, Why, is_too_old, rule_of};
use crate::settings::SHORTEST;
use crate::time::{self, HOUR};
use crate::tombstone::{Phase, Removed, SCHEMA, StoredOwner, Tombstone};
use crate::tombstones::{self, Stored};
use bytes::Bytes;
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_storage_write::{If, Put};
use std::collections::BTreeMap;

impl Executor {
    /// Lists all objects of a session, and remembers their numbers. An owner that a mark names is one more place.
    pub(super) async fn survey(&mut self, session: &Candidate, owner: Option<&Owner>) -> Step<Survey> {
        let owner = session.owner.as_ref().or(owner);
        let places = Places::find(&*self.store, &self.roots, &session.key, owner).await.map_err(of_read)?;
        let survey = places.survey(&*self.store).await.map_err(of_read)?;
        // Of a listed session, a listing without objects is one that lost them. It tells no age, and is made again.
        if survey.objects > 0 {
            self.surveys.insert(session.key.clone(), survey);
        } else {
            self.surveys.remove(&session.key);
        }
        Ok(survey)
    }

    /// Returns a session as it is now, with its objects and pin; the reason to keep it, if there is one.
    async fn look(
        &mut self,
        acting: &Acting<'_>,
        key: &SessionKey,
        owner: Option<&Owner>,
    ) -> Step<(Candidate, Survey, Option<Kept>)> {
        let mut session = acting.known.candidate(key).await.map_err(Failure::Skip)?;
        // A caller that listed it did not look below an owner that only the mark names.
        let survey = match session.survey {
            Some(survey) if session.owner.is_some() || owner.is_none() => survey,
            _ => self.survey(&session, owner).await?,
        };
        session.survey = Some(survey);
        if let Some(pin) = Pins::look(&*self.store, &self.roots, key).await.map_err(of_read)? {
            session.pin = Some(pin);
        }
        // The clock is read last, so that nothing is younger than it seems.
        let kept = never(acting.settings, &session, self.clock.now());
        Ok((session, survey, kept))
    }

    /// Marks a session, if it still has to go. Returns `false` if it stays.
    pub(super) async fn mark(&mut self, acting: &mut Acting<'_>, planned: &Candidate, mark: &Mark) -> Step<bool> {
        let key = &planned.key;
        let (session, survey, kept) = self.look(acting, key, None).await?;
        let is_same = rule_of(acting.settings, &session) == Some(mark.rule);
        if kept.is_some() || survey.objects == 0 || !is_same || self.is_younger(acting, mark.rule, mark.limit, &session)
        {
            return Ok(false);
        }
        let stored = self.stored(key).await?;
        let condition = match &stored {
            None => If::Absent,
            Some((Stored { etag: Some(etag), .. }, Tombstone { phase: Phase::Unmarked, .. })) => If::Unchanged(etag),
            // Another executor was faster, which counts for the share of the day all the same.
            Some(_) => return Ok(true),
        };
        let now = self.clock.now();
        let grace = time::nanos(acting.settings.grace.max(SHORTEST));
        let tombstone = Tombstone {
            schema: SCHEMA.to_owned(),
            phase: Phase::Marked,
            at: now,
            not_before: now.saturating_add(grace),
            rule: mark.rule,
            reason: mark.reason.clone(),
            rules_digest: acting.digest.clone(),
            digest: survey.digest,
            objects: survey.objects,
            bytes: survey.bytes,
            owner: session.owner.as_ref().map(StoredOwner::of),
            changed: now,
            checked: None,
            deleted: Removed::default(),
            empty: None,
            unknown: BTreeMap::new(),
        };
        let at = stored.as_ref().map_or_else(|| keys::tombstone(&self.root(), key), |(stored, _)| stored.key.clone());
        if self.put(acting, key, &at, tombstone, condition).await? {
            let (objects, bytes) = (survey.objects, survey.bytes);
            let (rule, reason) = (mark.rule, mark.reason.clone());
            acting.acted(Act::Marked { key: key.clone(), rule, reason, objects, bytes });
        }
        Ok(true)
    }

    /// Removes a mark as the plan says. Objects are listed again before they count as changed, because the plan may know
    /// an older listing than the mark.
    pub(super) async fn unmark_planned(&mut self, acting: &mut Acting<'_>, key: &SessionKey, why: Why) -> Step<()> {
        if why == Why::ObjectsChanged {
            let tombstone = self.tombstones.get(key).and_then(|stored| stored.tombstone.clone());
            let owner = tombstone.as_ref().and_then(|tombstone| tombstone.owner.as_ref()?.owner());
            let session = acting.known.candidate(key).await.map_err(Failure::Skip)?;
            let survey = self.survey(&session, owner.as_ref()).await?;
            if tombstone.is_some_and(|tombstone| tombstone.digest == survey.digest) {
                return Ok(());
            }
        }
        self.unmark(acting, key, why).await
    }

    /// Removes a mark, if it is still one.
    pub(super) async fn unmark(&mut self, acting: &mut Acting<'_>, key: &SessionKey, why: Why) -> Step<()> {
        let Some((stored, tombstone)) = self.stored(key).await? else { return Ok(()) };
        let (Phase::Marked, Some(etag)) = (&tombstone.phase, &stored.etag) else { return Ok(()) };
        let unmarked = tombstone.with(Phase::Unmarked, self.clock.now());
        if self.put(acting, key, &stored.key, unmarked, If::Unchanged(etag)).await? {
            acting.acted(Act::Unmarked { key: key.clone(), why });
        }
        Ok(())
    }

    /// Shows a deleted session again, if somebody brought back all objects of its mark, and pinned it by an object of its
    /// own. The pin of its cluster is none: it may be older than the deletion, and what is there may be a late file.
    pub(super) async fn restore(&mut self, acting: &mut Acting<'_>, key: &SessionKey) -> Step<()> {
        let Some((stored, tombstone)) = self.stored(key).await? else { return Ok(()) };
        let (Phase::Deleted, Some(etag)) = (&tombstone.phase, &stored.etag) else { return Ok(()) };
        let is_pinned = Pins::look_for(&*self.store, &self.roots, &key.cluster, Some(&key.session)).await;
        if !is_pinned.map_err(of_read)? {
            return Ok(());
        }
        let owner = tombstone.owner.as_ref().and_then(StoredOwner::owner);
        let session = acting.known.candidate(key).await.map_err(Failure::Skip)?;
        if self.survey(&session, owner.as_ref()).await?.digest != tombstone.digest {
            return Ok(());
        }
        let shown = tombstone.with(Phase::Unmarked, self.clock.now());
        if self.put(acting, key, &stored.key, shown, If::Unchanged(etag)).await? {
            acting.acted(Act::Unmarked { key: key.clone(), why: Why::Restored });
        }
        Ok(())
    }

    /// Checks everything again, and begins the deletion: of a marked session, or of one whose files came late. Returns
    /// `true` if it has begun.
    pub(super) async fn begin(&mut self, acting: &mut Acting<'_>, key: &SessionKey) -> Step<bool> {
        let Some((stored, tombstone)) = self.stored(key).await? else { return Ok(false) };
        let Some(etag) = &stored.etag else { return Ok(false) };
        let owner = tombstone.owner.as_ref().and_then(StoredOwner::owner);
        // Time before anything was listed: what is written later is left.
        let checked = self.clock.now();
        let (session, survey, kept) = self.look(acting, key, owner.as_ref()).await?;
        let why = match tombstone.phase {
            // It was removed and set again since the plan.
            Phase::Marked if checked < tombstone.due(acting.settings.grace) => return Ok(false),
            Phase::Marked => self.objection(acting, &tombstone, &session, survey, kept),
            Phase::Deleted => {
                self.looked.insert(key.clone(), checked);
                if survey.objects > 0 && kept.is_none() {
                    return self.start(acting, key, &stored, &tombstone, etag, checked).await;
                }
                if survey.objects == 0 {
                    // It is listed for its folders, which an interrupted deletion left, or a writer made again.
                    let places = Places::find(&*self.store, &self.roots, key, owner.as_ref()).await.map_err(of_read)?;
                    self.remove_folders(acting, &places).await?;
                }
                // It is hidden already, and stays so until it may go.
                if survey.objects > 0 && tombstone.empty.is_some() {
                    let noted = Tombstone { empty: None, ..tombstone.clone() };
                    self.put(acting, key, &stored.key, noted, If::Unchanged(etag)).await?;
                }
                return Ok(false);
            }
            _ => return Ok(false),
        };
        match why {
            None => self.start(acting, key, &stored, &tombstone, etag, checked).await,
            Some(Why::Kept(kept)) if kept.is_passing() => Ok(false),
            Some(why) => {
                self.unmark(acting, key, why).await?;
                Ok(false)
            }
        }
    }

    async fn start(
        &mut self,
        acting: &mut Acting<'_>,
        key: &SessionKey,
        stored: &Stored,
        tombstone: &Tombstone,
        etag: &str,
        checked: i64,
    ) -> Step<bool> {
        let begun =
            Tombstone { checked: Some(checked), empty: None, ..tombstone.with(Phase::Deleting, self.clock.now()) };
        let rule = begun.rule;
        let has_begun = self.put(acting, key, &stored.key, begun, If::Unchanged(etag)).await?;
        if has_begun {
            acting.acted(Act::Begun { key: key.clone(), rule });
        }
        Ok(has_begun)
    }

    /// Returns the reason against the deletion of a marked session.
    fn objection(
        &self,
        acting: &Acting<'_>,
        tombstone: &Tombstone,
        session: &Candidate,
        survey: Survey,
        kept: Option<Kept>,
    ) -> Option<Why> {
        if tombstone.rules_digest != acting.digest {
            return Some(Why::RulesChanged);
        }
        if survey.digest != tombstone.digest {
            return Some(Why::ObjectsChanged);
        }
        if let Some(kept) = kept {
            return Some(Why::Kept(kept));
        }
        match rule_of(acting.settings, session) {
            None => return Some(Why::Kept(Kept::NoRule)),
            Some(rule) if rule != tombstone.rule => return Some(Why::OtherRule),
            Some(_) => {}
        }
        // Age is decided again; ranks among others were decided by the plan of this run.
        let limit = acting.limits.get(&session.key).copied();
        limit
            .is_none_or(|limit| self.is_younger(acting, tombstone.rule, limit, session))
            .then_some(Why::Kept(Kept::WithinLimits))
    }

    fn is_younger(&self, acting: &Acting<'_>, rule: usize, limit: Limit, session: &Candidate) -> bool {
        limit == Limit::Age && is_too_old(acting.settings, rule, session, self.clock.now()) != Some(true)
    }

    /// Removes the document of a session that was unmarked a while ago, or deleted long ago and without late files.
    pub(super) async fn forget(&mut self, acting: &mut Acting<'_>, key: &SessionKey) -> Step<()> {
        let Some((stored, tombstone)) = self.stored(key).await? else { return Ok(()) };
        let planned = self.tombstones.get(key).and_then(|stored| stored.tombstone.as_ref());
        if planned.is_none_or(|planned| planned.phase != tombstone.phase || planned.changed != tombstone.changed) {
            return Ok(());
        }
        match tombstone.phase {
            // Its next mark would be set a day at least before anything is deleted.
            Phase::Unmarked => {}
            Phase::Deleted => {
                let owner = tombstone.owner.as_ref().and_then(StoredOwner::owner);
                let session = Candidate { owner, ..Candidate::new(key.clone()) };
                let is_empty = self.survey(&session, None).await?.objects == 0;
                let now = self.clock.now();
                // One listing may have lost pages, and without the mark what is left would look like a whole session.
                let is_sure = tombstone.empty.is_some_and(|empty| now.saturating_sub(empty) >= HOUR);
                if !(is_empty && is_sure) {
                    let empty = is_empty.then(|| tombstone.empty.unwrap_or(now));
                    if let Some(etag) = stored.etag.as_ref().filter(|_| empty != tombstone.empty) {
                        let noted = Tombstone { empty, ..tombstone.clone() };
                        self.put(acting, key, &stored.key, noted, If::Unchanged(etag)).await?;
                    }
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
        acting.goes_on()?;
        let writer = &acting.writer;
        tried(|| writer.delete(&stored.key)).await.map_err(of_write)?;
        self.tombstones.remove(key);
        Ok(())
    }

    /// Stores a mark on a condition. Returns `true` if it was written. There is one attempt: a second one might replace,
    /// in a store that ignores conditions, what another executor wrote in between. The next run begins anew.
    pub(super) async fn put(
        &mut self,
        acting: &Acting<'_>,
        key: &SessionKey,
        at: &str,
        tombstone: Tombstone,
        condition: If<'_>,
    ) -> Step<bool> {
        let bytes = Bytes::from(tombstone.to_bytes());
        acting.goes_on()?;
        let put = match acting.writer.put(at, bytes.clone(), condition).await {
            Ok(put) => put,
            // The answer may be lost, and the mark there.
            Err(error) if error.is_transient() && self.has(at, &bytes).await => Put::Written,
            Err(error) => return Err(of_write(error)),
        };
        if put == Put::Written {
            // The tag is not known: the next refresh reads it again.
            let stored = Stored { tombstone: Some(tombstone), etag: None, key: at.to_owned() };
            self.tombstones.insert(key.clone(), stored);
        }
        Ok(put == Put::Written)
    }

    /// Returns `true` if the store has this mark.
    async fn has(&self, at: &str, bytes: &[u8]) -> bool {
        let stored = tombstones::read(&*self.store, at).await.ok().flatten();
        stored
            .and_then(|stored| stored.tombstone)
            .is_some_and(|there| Tombstone::read(bytes).is_ok_and(|it| it == there))
    }
}
