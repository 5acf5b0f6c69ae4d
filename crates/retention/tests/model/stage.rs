//! The store: fails, lies, refuses and ignores conditions as it is told, and checks every write against the truth.

use crate::day_before;
use crate::random::Random;
use crate::world::{Truth, World, YOUNG, modified};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_core::base::name::SessionKey;
use ray_history_retention::time::DAY;
use ray_history_retention::{Phase, Settings, Tombstone, keys};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use ray_history_storage_write::memory::MemoryWriter;
use ray_history_storage_write::{If, Put, StorageWrite};
use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

/// The faults of one step.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Listings lose objects.
    pub(crate) lies: bool,
    ignores_conditions: bool,
    /// Requests fail now and then.
    is_slow: bool,
    forbidden: BTreeSet<String>,
}

impl Faults {
    pub(crate) fn random(random: &mut Random, stage: &Stage) -> Self {
        let mut forbidden = BTreeSet::new();
        if random.one_in(4) {
            let truths = stage.world.truths();
            // Those of marked sessions, if there are any: others are hardly ever deleted.
            let is_marked = |truth: &&Truth| stage.mark(&truth.candidate.key).is_some();
            let marked: Vec<&Truth> = truths.iter().filter(is_marked).collect();
            let all = if marked.is_empty() { truths.iter().collect() } else { marked };
            let objects: Vec<&String> = all.iter().flat_map(|truth| &truth.objects).collect();
            forbidden.insert(objects[random.below(objects.len() as u64) as usize].clone());
        }
        Self { lies: random.one_in(6), ignores_conditions: random.one_in(3), is_slow: random.one_in(4), forbidden }
    }
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) memory: Arc<Memory>,
    writer: MemoryWriter,
    world: Arc<World>,
    state: Mutex<Acts>,
    /// An object that nobody may ever delete.
    locked: Option<String>,
    /// A session whose data nobody may ever list.
    closed: Option<String>,
}

#[derive(Debug, Default)]
struct Acts {
    faults: Faults,
    lied: bool,
    /// The settings of the last step, whose protection must be kept.
    settings: Option<Settings>,
    violation: Option<String>,
}

impl Stage {
    pub(crate) fn new(world: Arc<World>, mut random: Random) -> Self {
        let memory = Arc::new(Memory::with_page_size(3));
        world.fill(&memory, &mut random);
        let (has_locked, has_closed) = (random.one_in(5), random.one_in(5));
        let truths = world.truths();
        let locked = truths.first().filter(|_| has_locked).and_then(|truth| truth.objects.first().cloned());
        let closed = truths.last().filter(|_| has_closed).map(|truth| truth.folder().to_owned());
        drop(truths);
        Self { writer: MemoryWriter(Arc::clone(&memory)), memory, world, state: Mutex::default(), locked, closed }
    }

    pub(crate) fn arm(&self, faults: Faults) {
        let mut state = self.state.lock();
        state.lied = state.faults.lies;
        state.faults = faults;
    }

    pub(crate) fn follow(&self, settings: &Settings) {
        self.state.lock().settings = Some(settings.clone());
    }

    /// Returns `true` if listings lied in the last step.
    pub(crate) fn lied(&self) -> bool {
        self.state.lock().faults.lies
    }

    pub(crate) fn lies(&self) -> bool {
        self.state.lock().faults.lies
    }

    pub(crate) fn violation(&self) -> Result<(), String> {
        self.state.lock().violation.take().map_or(Ok(()), Err)
    }

    fn violate(&self, what: String) {
        self.state.lock().violation.get_or_insert(what);
    }

    fn mark(&self, key: &SessionKey) -> Option<Tombstone> {
        let at = keys::tombstone(self.world.root(), key);
        let read = futures_util::FutureExt::now_or_never(self.memory.read_all(&at, u64::MAX)).unwrap().ok()?;
        Some(Tombstone::read(&read).unwrap())
    }

    fn marks(&self) -> Vec<(SessionKey, Tombstone)> {
        let truths = self.world.truths();
        let keys = truths.iter().map(|truth| &truth.candidate.key);
        keys.filter_map(|key| Some((key.clone(), self.mark(key)?))).collect()
    }

    /// Returns the sessions that were marked within a day.
    pub(crate) fn marks_today(&self) -> usize {
        let now = self.world.clock.now();
        self.marks().iter().filter(|(_, mark)| now - mark.at < DAY).count()
    }

    pub(crate) fn check_share(&self, settings: &Settings, before: usize) -> Result<(), String> {
        let most = (self.world.truths().len() * usize::from(settings.max_share) / 100).max(1);
        let marked = self.marks_today();
        if marked > most.max(before) {
            Err(format!("{marked} sessions were marked in a day, of {most}"))
        } else {
            Ok(())
        }
    }

    /// Checks a change of a mark.
    fn check_mark(&self, key: &SessionKey, new: Option<&Tombstone>) {
        let (now, old) = (self.world.clock.now(), self.mark(key));
        let truths = self.world.truths();
        let Some(truth) = truths.iter().find(|truth| truth.candidate.key == *key) else {
            return self.violate(format!("{key} is no session and has a mark"));
        };
        let free = || {
            let settings = self.state.lock().settings.clone().unwrap();
            let why = truth.must_stay(&settings, &self.memory, self.world.root(), now);
            // Of a file that the listing hides, all that can be asked is that it stays itself.
            why.filter(|why| *why != YOUNG || !self.lies())
        };
        let is_within = || {
            let settings = self.state.lock().settings.clone().unwrap();
            !self.lies() && truth.is_within_rules(&settings, &self.memory, now)
        };
        let ignored = self.state.lock().faults.ignores_conditions;
        match new.map(|mark| &mark.phase) {
            // The same is said twice, or numbers are added, which begins nothing: a file may have come since.
            Some(Phase::Deleting) if old.as_ref().is_some_and(|old| is_same_deletion(old, new)) => {}
            Some(Phase::Deleting) => {
                if let Some(why) = free() {
                    self.violate(format!("the deletion of {key} began, although {why}"));
                }
                // Where conditions are ignored, another may have replaced what the executor has read.
                if old.as_ref().is_some_and(|old| old.phase == Phase::Marked) && is_within() {
                    self.violate(format!("the deletion of {key} began, although no limit reaches it"));
                }
                match old {
                    Some(old) if old.phase == Phase::Marked && (now < old.at + DAY || now < old.not_before) => {
                        self.violate(format!("the deletion of {key} began before the grace was over"));
                    }
                    Some(Tombstone { phase: Phase::Marked | Phase::Deleted, .. }) => {}
                    old if !ignored => self.violate(format!("the deletion of {key} began after {old:?}")),
                    _ => {}
                }
            }
            Some(Phase::Marked) => {
                if let Some(why) = free() {
                    self.violate(format!("{key} was marked, although {why}"));
                }
                if is_within() {
                    self.violate(format!("{key} was marked, although no limit reaches it"));
                }
            }
            Some(_) => {}
            None => match old.map(|old| old.phase) {
                // A mark that was set again by another executor is lost, and set again.
                Some(Phase::Unmarked | Phase::Marked) | None => {}
                Some(Phase::Deleted) if self.left(truth) == 0 => {}
                Some(phase) => self.violate(format!("the mark of {key} was removed in {phase:?}")),
            },
        }
    }

    fn left(&self, truth: &Truth) -> usize {
        truth.objects.iter().filter(|key| modified(&self.memory, key).is_some()).count()
    }

    /// Checks that an object may be deleted.
    fn check_delete(&self, key: &str) {
        let Some(time) = modified(&self.memory, key) else { return };
        let truths = self.world.truths();
        let Some(truth) = truths.iter().find(|truth| truth.objects.contains(key)) else {
            return self.violate(format!("{key} is of no session and was deleted"));
        };
        let session = &truth.candidate.key;
        if !self.mark(session).is_some_and(|mark| mark.hides()) {
            self.violate(format!("{key} was deleted while {session} can be seen"));
        }
        if time > day_before(self.world.clock.now()) {
            self.violate(format!("{key} was deleted within a day of its upload"));
        }
    }

    /// Checks that a reader sees each session whole or not at all.
    fn check_reader(&self) {
        for truth in self.world.truths().iter() {
            let left = self.left(truth);
            let is_part = left > 0 && left < truth.objects.len();
            if is_part && !self.mark(&truth.candidate.key).is_some_and(|mark| mark.hides()) {
                self.violate(format!("a reader sees {left} objects of {:?}", truth.objects));
            }
        }
    }

    /// Checks the end of a history.
    pub(crate) fn check_end(&self, settings: &Settings) -> Result<(), String> {
        let now = self.world.clock.now();
        for truth in self.world.truths().iter() {
            let is_locked = self.locked.as_ref().is_some_and(|locked| truth.objects.contains(locked));
            if is_locked || self.closed.as_deref() == Some(truth.folder()) {
                continue;
            }
            let (key, left) = (&truth.candidate.key, self.left(truth));
            let stays = truth.must_stay(settings, &self.memory, self.world.root(), now);
            let mark = self.mark(key);
            if left > 0 && left < truth.objects.len() && stays.is_none() {
                return Err(format!("{key} is left half: {left} objects, {mark:?}"));
            }
            match mark {
                Some(mark) if mark.phase == Phase::Deleting => return Err(format!("{key} is never deleted: {mark:?}")),
                Some(mark) if mark.phase == Phase::Marked && now > mark.not_before + 10 * DAY => {
                    return Err(format!("{key} is marked for ever: {stays:?} {mark:?}"));
                }
                Some(mark) if mark.phase == Phase::Deleted && left == 0 && now > mark.changed + 35 * DAY => {
                    return Err(format!("the mark of {key} stays for ever: {mark:?}"));
                }
                _ => {}
            }
            let [rule] = &settings.rules[..] else { continue };
            let is_old = rule.max_age.is_some_and(|age| age.as_nanos() as i64 + 10 * DAY < 60 * DAY);
            if is_old && stays.is_none() && left > 0 && truth.candidate.ended.is_none() {
                return Err(format!("{key} is old and is not deleted"));
            }
        }
        Ok(())
    }
}

/// Returns `true` if a mark goes on with a deletion that has begun: its check is the same, or, where conditions are
/// ignored, of another executor.
fn is_same_deletion(old: &Tombstone, new: Option<&Tombstone>) -> bool {
    old.phase == Phase::Deleting || old.phase == Phase::Deleted && new.is_some_and(|new| new.checked == old.checked)
}

/// The store as one executor sees it.
#[derive(Debug)]
pub(crate) struct Handle {
    stage: Arc<Stage>,
    state: Mutex<(Option<u64>, Random)>,
}

/// The place of a crash.
#[derive(PartialEq)]
enum Crash {
    No,
    /// The request is made, and its answer is lost.
    After,
}

impl Handle {
    pub(crate) fn new(stage: Arc<Stage>, fuse: Option<u64>, random: Random) -> Self {
        Self { stage, state: Mutex::new((fuse, random)) }
    }

    pub(crate) fn is_crashed(&self) -> bool {
        self.state.lock().0 == Some(0)
    }

    /// Lets others go first, and fails as the faults want it.
    async fn request(&self, key: &str) -> Result<Crash, Error> {
        let turns = if self.state.lock().1.one_in(2) { self.state.lock().1.below(4) } else { 0 };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let mut state = self.state.lock();
        let (fuse, random) = &mut *state;
        let unavailable = || Error::new(ErrorKind::Unavailable, key);
        match fuse {
            Some(0) => return Err(unavailable()),
            Some(left) => {
                *left -= 1;
                if *left == 0 {
                    return if random.one_in(2) { Ok(Crash::After) } else { Err(unavailable()) };
                }
            }
            None => {}
        }
        if self.stage.state.lock().faults.is_slow && random.one_in(12) {
            return Err(unavailable());
        }
        Ok(Crash::No)
    }
}

fn lost<T>(crash: &Crash, key: &str, value: T) -> Result<T, Error> {
    if *crash == Crash::After { Err(Error::new(ErrorKind::Unavailable, key)) } else { Ok(value) }
}

#[async_trait]
impl Storage for Handle {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        self.request(prefix).await?;
        if self.stage.closed.as_deref() == Some(prefix) {
            return Err(Error::new(ErrorKind::PermissionDenied, prefix));
        }
        let mut page = self.stage.memory.list(prefix, delimiter, page).await?;
        let is_data = !prefix.contains("ray-history/v1/");
        if is_data && self.stage.lies() {
            let random = &mut self.state.lock().1;
            page.objects.retain(|_| !random.one_in(3));
            if random.one_in(8) {
                page.next = None;
            }
        }
        Ok(page)
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        self.request(key).await?;
        self.stage.memory.read_matching(key, range, if_match).await
    }
}

#[async_trait]
impl StorageWrite for Handle {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        let crash = self.request(key).await?;
        let stage = &self.stage;
        let ignored = stage.state.lock().faults.ignores_conditions;
        let condition = if ignored { If::Any } else { condition };
        let session = keys::parse_tombstone(stage.world.root(), key);
        let new = session.as_ref().map(|_| Tombstone::read(&bytes).unwrap());
        // A put that is refused changes nothing.
        let holds = match condition {
            If::Any => true,
            If::Absent => modified(&stage.memory, key).is_none(),
            If::Unchanged(etag) => stage.memory.read_matching(key, ReadRange::Full, Some(etag)).await.is_ok(),
        };
        if let (Some(session), true) = (&session, holds) {
            stage.check_mark(session, new.as_ref());
        }
        let put = stage.writer.put(key, bytes, condition).await?;
        stage.check_reader();
        // A slow collector has not heard of the deletion.
        if let (Some(session), Some(Phase::Deleting), Put::Written) = (&session, new.map(|mark| mark.phase), &put)
            && self.state.lock().1.one_in(3)
        {
            stage.world.upload(session, &stage.memory);
        }
        lost(&crash, key, put)
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        self.stage.writer.put_file(key, file, len).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let crash = self.request(key).await?;
        let stage = &self.stage;
        if stage.state.lock().faults.forbidden.contains(key) || stage.locked.as_deref() == Some(key) {
            return Err(Error::new(ErrorKind::PermissionDenied, key));
        }
        match keys::parse_tombstone(stage.world.root(), key) {
            Some(session) => stage.check_mark(&session, None),
            None => stage.check_delete(key),
        }
        stage.writer.delete(key).await?;
        stage.world.deleted(key);
        stage.check_reader();
        lost(&crash, key, ())
    }
}
