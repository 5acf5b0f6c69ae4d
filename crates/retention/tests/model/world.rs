//! The truth: sessions, the state of each, and what a server would know of them.

use crate::random::Random;
use crate::{day_before, hours};
use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use ray_history_core::layout::{NodeKeys, Root, SessionKeys};
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_retention::settings::{Match, Mode, Pattern, Rule};
use ray_history_retention::time::DAY;
use ray_history_retention::{Candidate, Clock, Known, Pin, Proof, Settings, State, keys};
use ray_history_storage::memory::Memory;
use ray_history_storage::{ReadRange, Storage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const BEGIN: i64 = 20_000 * DAY;
/// A reason to keep a session.
pub(crate) const YOUNG: &str = "an object of it is young";

/// The clock of all.
#[derive(Debug)]
pub(crate) struct Ticks(Instant);

impl Clock for Ticks {
    fn now(&self) -> i64 {
        BEGIN + self.0.elapsed().as_nanos() as i64
    }
}

/// One session, as it is.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) candidate: Candidate,
    /// All objects that were ever written to it.
    pub(crate) objects: BTreeSet<String>,
    /// Time of the last deletion of an object.
    deleted_at: Option<i64>,
    nodes: NodeKeys,
    folder: String,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    sessions: Mutex<Vec<Truth>>,
    /// The first root as it is set.
    setting: &'static str,
    /// Its first spelling.
    root: String,
}

impl World {
    pub(crate) fn new(random: &mut Random) -> Self {
        let setting = ["", "log", "/log"][random.below(3) as usize];
        let spellings = Root::new(setting).spellings();
        let count = 3 + random.below(5);
        let mut sessions = Vec::new();
        for number in 0..count {
            // Each program spells the root in its own way, and a session lies below one root or the other.
            let root = match random.below(5) {
                0 => "other/",
                _ => &spellings[random.below(spellings.len() as u64) as usize],
            };
            sessions.push(Self::session(root, number, random));
        }
        let root = spellings[0].clone();
        Self { clock: Arc::new(Ticks(Instant::now())), sessions: Mutex::new(sessions), setting, root }
    }

    fn session(root: &str, number: u64, random: &mut Random) -> Truth {
        let namespace = ["ml", "audit"][random.below(2) as usize];
        // One is the beginning of another.
        let cluster =
            ClusterId { namespace: namespace.into(), name: ["train", "train-x7k2p"][random.below(2) as usize].into() };
        let name = ["session_2026-11-22_23-11-33_821800_1", "session_2026-11-22_23-11-33_821800_"][number as usize % 2];
        let session = SessionName::parse(&format!("{name}{number}")).unwrap();
        let owner = random.one_in(2).then(|| Owner { kind: OwnerKind::RayJob, name: "train".into() });
        let keys = SessionKeys::new(root, &cluster, owner.as_ref(), &session);
        let mut objects = BTreeSet::new();
        for node in 0..=random.below(2) {
            let node = keys.node(&format!("a{node}"));
            for file in 0..=random.below(3) {
                objects.insert(node.log(&format!("worker-{file}.out")));
            }
        }
        if random.one_in(3) {
            objects.insert(format!("{root}{}_{}/{session}/logs/a0/old.out", cluster.name, cluster.namespace));
            objects.insert(keys.prefix().to_owned());
        }
        if !random.one_in(5) {
            objects.insert(keys.marker().to_owned());
        }
        let dead = !random.one_in(4);
        let candidate = Candidate {
            owner,
            namespace_known: !random.one_in(12),
            state: if dead { State::Dead } else { State::Live },
            proof: dead.then_some(Proof::WatchSaw),
            ended: (dead && random.one_in(2)).then_some(BEGIN - hours(random.below(90 * 24))),
            outcome: random.one_in(3).then_some(Outcome::Failed),
            first_listed: Some(BEGIN - hours(random.below(72))),
            is_watched: true,
            ..Candidate::new(SessionKey { cluster, session })
        };
        Truth { candidate, objects, deleted_at: None, nodes: keys.node("a0"), folder: keys.prefix().to_owned() }
    }

    pub(crate) fn roots(&self) -> Vec<Root> {
        vec![Root::new(self.setting), Root::new("other")]
    }

    /// Stores all objects, which are up to ninety days old.
    pub(crate) fn fill(&self, memory: &Memory, random: &mut Random) {
        for truth in self.sessions.lock().iter() {
            let newest = truth.candidate.ended.unwrap_or(BEGIN - hours(random.below(90 * 24)));
            for key in &truth.objects {
                memory.put_modified(key.clone(), "x", newest - hours(random.below(48)));
            }
        }
    }

    pub(crate) fn settings(random: &mut Random) -> Settings {
        let days = |count: u64| Duration::from_secs(count * 86_400);
        let age = Rule { max_age: Some(days(1 + random.below(60))), ..Rule::default() };
        let count = Rule { max_sessions: Some(1 + random.below(3)), ..Rule::default() };
        let bytes = Rule { max_bytes: Some(1 + random.below(12)), ..Rule::default() };
        let failed = Match { outcomes: vec![Outcome::Failed], ..Match::default() };
        let rules = match random.below(5) {
            0 => vec![age],
            1 => vec![count],
            2 => vec![bytes],
            3 => vec![Rule { matches: failed, ..age }, count],
            _ => vec![Rule { max_bytes: Some(3), ..age }],
        };
        let audit = Match { namespaces: vec![Pattern::new("audit")], ..Match::default() };
        let protect = if random.one_in(4) { vec![audit] } else { Vec::new() };
        let grace = days(1 + random.below(7));
        let max_share = [10, 50, 100][random.below(3) as usize];
        Settings { mode: Mode::Delete, rules, protect, grace, max_share, objects_per_second: 50 }
    }

    /// Changes the world between two runs.
    pub(crate) fn change(&self, random: &mut Random, memory: &Memory, seen: &mut BTreeMap<&'static str, u64>) {
        let now = self.clock.now();
        for truth in self.sessions.lock().iter_mut() {
            let it = &mut truth.candidate;
            let pin = keys::pin(&self.root, &it.key.cluster, Some(&it.key.session));
            let all = keys::pin(&self.root, &it.key.cluster, None);
            match random.below(16) {
                0 => it.proof = random.one_in(2).then_some(Proof::FinalObituary),
                1 => it.is_busy = random.one_in(2),
                2 => it.is_watched = !random.one_in(2),
                3 => it.pin = random.one_in(2).then_some(Pin::Label { until: Some(now + hours(random.below(400))) }),
                4 => memory.put(if random.one_in(4) { all } else { pin }, ""),
                5 => {
                    memory.remove(&pin);
                    memory.remove(&all);
                }
                6 if it.state == State::Live => (it.state, it.proof) = (State::Dead, Some(Proof::WatchSaw)),
                6 => it.state = if random.one_in(2) { State::Unknown } else { State::Dead },
                7 => it.first_listed = random.one_in(2).then_some(now - hours(random.below(48))),
                8 => it.ended = random.one_in(2).then_some(now - hours(random.below(90 * 24))),
                9 | 10 => {
                    // A slow collector uploads one more file, or a file again; not weeks after the rest was deleted.
                    let is_there = truth.objects.iter().any(|key| modified(memory, key).is_some());
                    let marked = modified(memory, &keys::tombstone(&self.root, &it.key)).is_some();
                    match (is_there, marked) {
                        (false, true) if truth.deleted_at.is_none_or(|at| now > at + 20 * DAY) => continue,
                        // Nobody remembers the session: it is a new one.
                        (false, false) => truth.objects.clear(),
                        _ => {}
                    }
                    let key = truth.nodes.log(&format!("late-{}.out", random.below(2)));
                    memory.put_modified(key.clone(), "late", now);
                    truth.objects.insert(key);
                    *seen.entry("late").or_default() += 1;
                }
                11 => it.listing_is_partial = random.one_in(2),
                _ => {}
            }
        }
    }

    /// Uploads a file of a session.
    pub(crate) fn upload(&self, session: &SessionKey, memory: &Memory) {
        let now = self.clock.now();
        for truth in self.sessions.lock().iter_mut().filter(|truth| truth.candidate.key == *session) {
            let key = truth.nodes.log("late-2.out");
            memory.put_modified(key.clone(), "late", now);
            truth.objects.insert(key);
        }
    }

    /// Everything is known and quiet, so that marks are followed or removed.
    pub(crate) fn settle(&self) {
        let now = self.clock.now();
        for truth in self.sessions.lock().iter_mut() {
            let it = &mut truth.candidate;
            (it.is_busy, it.is_watched, it.listing_is_partial) = (false, true, false);
            it.first_listed = Some(it.first_listed.unwrap_or(now));
        }
    }

    /// Returns the sessions that the store has, some missing if the listing lies.
    pub(crate) fn listed(&self, memory: &Memory, lies: Option<&mut Random>) -> Vec<Candidate> {
        let sessions = self.sessions.lock();
        let there = sessions.iter().filter(|truth| truth.objects.iter().any(|key| modified(memory, key).is_some()));
        let mut listed: Vec<Candidate> = there.map(|truth| truth.candidate.clone()).collect();
        if let Some(random) = lies {
            listed.retain(|_| !random.one_in(4));
        }
        listed
    }

    pub(crate) fn truths(&self) -> MutexGuard<'_, Vec<Truth>> {
        self.sessions.lock()
    }

    /// Notes that an object was deleted.
    pub(crate) fn deleted(&self, key: &str) {
        let now = self.clock.now();
        for truth in self.sessions.lock().iter_mut().filter(|truth| truth.objects.contains(key)) {
            truth.deleted_at = Some(now);
        }
    }

    pub(crate) fn root(&self) -> &str {
        &self.root
    }
}

impl Truth {
    /// Returns `true` if the rule that decides is about age alone, and the session is younger; also if there is no rule.
    pub(crate) fn is_within_rules(&self, settings: &Settings, memory: &Memory, now: i64) -> bool {
        let Some(rule) = settings.rules.iter().find(|rule| rule.matches.covers(&self.candidate)) else { return true };
        let newest = self.objects.iter().filter_map(|key| modified(memory, key)).max();
        let Some(from) = self.candidate.ended.or(newest) else { return true };
        let is_ranked = rule.max_sessions.is_some() || rule.max_bytes.is_some();
        !is_ranked && rule.max_age.is_some_and(|age| now - from < age.as_nanos() as i64)
    }

    /// Returns the folder of its data.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// Returns the reason for which the session must not be deleted now, by what is true.
    pub(crate) fn must_stay(&self, settings: &Settings, memory: &Memory, root: &str, now: i64) -> Option<&'static str> {
        let it = &self.candidate;
        let pin = |session: Option<&SessionName>| keys::pin(root, &it.key.cluster, session);
        let pinned = [pin(None), pin(Some(&it.key.session))].iter().any(|key| modified(memory, key).is_some());
        let labelled = matches!(it.pin, Some(Pin::Label { until }) if until.is_none_or(|until| now < until));
        let newest = self.objects.iter().filter_map(|key| modified(memory, key)).max();
        let audit = it.key.cluster.namespace == "audit" && !settings.protect.is_empty();
        [
            ("it lives or may live", it.state != State::Dead),
            ("it is not proven dead", it.proof.is_none()),
            ("it is pinned", pinned || labelled),
            ("it is protected", audit),
            ("it has no namespace", !it.namespace_known),
            ("it is not watched", !it.is_watched),
            ("it is in use", it.is_busy),
            ("the listing is partial", it.listing_is_partial),
            ("it was just listed", it.first_listed.is_none_or(|first| first > day_before(now))),
            (YOUNG, newest.is_some_and(|newest| newest > day_before(now))),
        ]
        .into_iter()
        .find_map(|(why, holds)| holds.then_some(why))
    }
}

/// Returns the time of an object that is there.
pub(crate) fn modified(memory: &Memory, key: &str) -> Option<i64> {
    let read = futures_util::FutureExt::now_or_never(memory.read_matching(key, ReadRange::Full, None)).unwrap();
    read.ok().map(|body| body.meta.modified.unwrap())
}

#[async_trait]
impl Known for World {
    async fn candidate(&self, key: &SessionKey) -> Result<Candidate, String> {
        let sessions = self.sessions.lock();
        let found = sessions.iter().find(|truth| truth.candidate.key == *key);
        found.map(|truth| truth.candidate.clone()).ok_or_else(|| "not known".to_owned())
    }
}
