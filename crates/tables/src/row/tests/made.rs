//! Snapshots of arbitrary rows: values at the ends of every range, absent ones, and any text.

use crate::values::Values;
use ray_history_core::base::actor::ActorState;
use ray_history_core::base::id::RayId;
use ray_history_core::base::task::TaskType;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::{Actor, Incarnation};
use ray_history_core::snapshot::driver::Driver;
use ray_history_core::snapshot::failures::{FailureGroup, FailureKind, Failures, Fingerprint, Others, Sample};
use ray_history_core::snapshot::functions::{
    FunctionRow, FunctionStats, Functions, Histogram, OtherFunctions, Run, Wait,
};
use ray_history_core::snapshot::intern::{Id, Interner, Str};
use ray_history_core::snapshot::job::{DriverJob, SubmissionEvents};
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::placement_group::{Bundle, PlacementGroup};
use ray_history_core::snapshot::runtime_env::NodeRuntimeEnv;
use ray_history_core::snapshot::submission::{self, JobStatus, JobType, UnifiedJob};
use ray_history_core::snapshot::text::{Text, TextStore};
use ray_history_core::snapshot::worker::{Life, Worker};

/// Makes values from a seed and some texts.
pub(super) struct Made {
    random: u64,
    words: Vec<String>,
    strings: Interner,
    ids: Interner,
    texts: TextStore,
    /// Every long text in the order of handles.
    long: Vec<String>,
}

/// A snapshot, and arenas in which its values have the handles that they have in it: rows that are read into these are
/// equal if their values are.
pub(super) struct Session {
    pub(super) snapshot: Snapshot,
    pub(super) failures: Failures,
    pub(super) functions: Functions,
    long: Vec<String>,
}

impl Session {
    pub(super) fn new(seed: u64, words: &[String]) -> Self {
        let mut words = words.to_vec();
        words.extend(["", "a", "é\u{0}\u{1F600}", r#"{"CPU": 2.5, "memory": 1e300}"#, "null"].map(str::to_owned));
        words.push(r#"{"env_vars": {"TOKEN": "planted-secret"}, "pip": ["x"]}"#.to_owned());
        words.push(r#"{"actorDiedErrorContext": {"errorMessage": "gone"}}"#.to_owned());
        let (strings, ids, texts) = (Interner::default(), Interner::default(), TextStore::default());
        Made { random: seed | 1, words, strings, ids, texts, long: Vec::new() }.session()
    }

    pub(super) fn values(&self) -> Values {
        let (Snapshot { strings, ids, .. }, mut values) = (&self.snapshot, Values::default());
        (0..strings.len() as u32).for_each(|handle| _ = values.strings.intern(strings.get(handle)));
        (0..ids.len() as u32).for_each(|handle| _ = values.ids.intern(ids.get(handle)));
        self.long.iter().for_each(|text| _ = values.texts.intern(text));
        values
    }
}

impl Made {
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| make(self))
    }

    fn many<T>(&mut self, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    /// Returns a number, often one at the end of its range.
    fn bits(&mut self) -> u64 {
        let random = self.below(u64::MAX);
        self.one(&[
            0,
            0,
            1,
            999,
            1_000,
            1_795_389_142_673_123_456,
            i64::MAX.cast_unsigned(),
            i64::MIN.cast_unsigned(),
            u64::MAX,
            random,
        ])
    }

    fn long(&mut self) -> i64 {
        self.bits().cast_signed()
    }

    fn int(&mut self) -> i32 {
        let random = self.below(u64::MAX) as i32;
        self.one(&[0, 1, -1, i32::MAX, i32::MIN, random])
    }

    fn count(&mut self) -> u32 {
        self.int().cast_unsigned()
    }

    fn word(&mut self) -> String {
        let at = self.below(self.words.len() as u64) as usize;
        self.words[at].clone()
    }

    fn boxed(&mut self) -> Box<str> {
        self.word().into()
    }

    fn str(&mut self) -> Str {
        let word = self.word();
        self.strings.str(&word)
    }

    fn text(&mut self) -> Text {
        let word = self.word();
        if !word.is_empty() && !self.long.contains(&word) {
            self.long.push(word.clone());
        }
        self.texts.intern(&word)
    }

    fn id(&mut self) -> Id {
        let length = self.one(&[0, 1, 4, 28, 70]);
        let bytes: Vec<u8> = (0..length).map(|_| self.below(256) as u8).collect();
        self.ids.id(&bytes)
    }

    fn ray_id<const N: usize>(&mut self) -> RayId<N> {
        let byte = self.one(&[0, 7, 0xff]);
        RayId(std::array::from_fn(|at| if at == 0 { self.below(256) as u8 } else { byte }))
    }

    fn pairs<T: Ord>(&mut self, make: impl Fn(&mut Self) -> T) -> Vec<(T, T)> {
        self.many(|made| (make(made), make(made)))
    }

    fn session(mut self) -> Session {
        let mut snapshot = Snapshot {
            actors: self.many(Self::actor),
            nodes: self.many(Self::node),
            workers: self.many(Self::worker),
            drivers: self.many(Self::driver),
            driver_jobs: self.many(Self::driver_job),
            submission_events: self.many(Self::submission),
            jobs: self.many(Self::job),
            runtime_envs: self.many(Self::node_env),
            placement_groups: self.many(Self::group),
            ..Snapshot::default()
        };
        sort(&mut snapshot.actors, |row| row.id);
        sort(&mut snapshot.nodes, |row| row.id);
        sort(&mut snapshot.workers, |row| row.id);
        sort(&mut snapshot.drivers, |row| row.id);
        sort(&mut snapshot.driver_jobs, |row| row.id);
        sort(&mut snapshot.placement_groups, |row| row.id);
        let strings = self.strings.values().clone();
        sort(&mut snapshot.submission_events, |row| strings.str(row.submission_id).to_owned());
        let mut groups = self.many(Self::failures);
        let all = groups.len();
        for group in &mut groups {
            group.caused_by = self.maybe(|made| made.below(all as u64) as usize);
        }
        let others = self.maybe(Self::others).unwrap_or_default();
        let functions = Functions {
            rows: self.many(Self::function),
            others: self.maybe(|made| OtherFunctions { functions: made.bits(), stats: made.stats() }),
        };
        (snapshot.strings, snapshot.ids) = (strings, self.ids.freeze());
        snapshot.texts = self.texts.freeze();
        Session { snapshot, failures: Failures { groups, others }, functions, long: self.long }
    }

    fn actor(&mut self) -> Actor {
        use ActorState::{Alive, Dead, DependenciesUnready, PendingCreation, Restarting};
        Actor {
            id: self.ray_id(),
            defined: self.flag(),
            job: self.ray_id(),
            name: self.str(),
            ray_namespace: self.str(),
            class_name: self.str(),
            runtime_env: self.str(),
            resources: self.str(),
            placement_group: self.id(),
            is_detached: self.flag(),
            label_selector: self.str(),
            fallback_strategy: self.str(),
            call_site: self.str(),
            repr_name: self.str(),
            state: self.one(&[DependenciesUnready, PendingCreation, Alive, Restarting, Dead]),
            timestamp: self.long(),
            start: self.long(),
            end: self.long(),
            first_seen: self.long(),
            incarnations: self.many(Self::incarnation),
            restarts: self.count(),
            restarts_lineage: self.count(),
            restarts_preemption: self.count(),
            death_cause: self.text(),
        }
    }

    fn incarnation(&mut self) -> Incarnation {
        let (since, node, worker) = (self.long(), self.id(), self.id());
        Incarnation { since, node, worker, pid: self.count(), port: self.int() }
    }

    fn node(&mut self) -> Node {
        Node {
            id: self.ray_id(),
            defined: self.flag(),
            advanced: self.flag(),
            is_foreign: self.flag(),
            ip: self.str(),
            hostname: self.str(),
            node_name: self.str(),
            instance_id: self.str(),
            instance_type_name: self.str(),
            labels: self.str(),
            start: self.long(),
            end: self.long(),
            alive: self.flag(),
            draining: self.flag(),
            is_head: self.flag(),
            resources: self.str(),
            death_reason: self.str(),
            death_message: self.text(),
        }
    }

    fn worker(&mut self) -> Worker {
        Worker {
            id: self.ray_id(),
            node: self.id(),
            worker_type: self.str(),
            pid: self.count(),
            job: self.ray_id(),
            life: self.one(&[Life::Unknown, Life::Alive, Life::Dead]),
            reported: self.flag(),
            exit_type: self.str(),
            exit_detail: self.text(),
            launch_ms: self.bits(),
            launched_ms: self.bits(),
            start_ms: self.bits(),
            end_ms: self.bits(),
        }
    }

    fn driver(&mut self) -> Driver {
        Driver {
            id: self.ray_id(),
            node: self.maybe(Self::ray_id),
            pid: self.long(),
            start_ms: self.long(),
            end_ms: self.long(),
            exit: self.maybe(|made| (made.boxed(), made.boxed())),
        }
    }

    fn driver_job(&mut self) -> DriverJob {
        DriverJob {
            id: self.ray_id(),
            defined: self.flag(),
            driver_pid: self.long(),
            driver_node: self.id(),
            entrypoint: self.str(),
            runtime_env: self.str(),
            metadata: self.pairs(Self::str),
            created: self.long(),
            finished: self.long(),
        }
    }

    fn submission(&mut self) -> SubmissionEvents {
        SubmissionEvents {
            submission_id: self.str(),
            entrypoint: self.str(),
            runtime_env: self.str(),
            metadata: self.pairs(Self::str),
            status: self.str(),
            message: self.str(),
            error_type: self.str(),
            driver_node: self.str(),
            driver_agent_http_address: self.str(),
            driver_exit_code: self.maybe(Self::int),
            start: self.long(),
            end: self.long(),
        }
    }

    fn group(&mut self) -> PlacementGroup {
        PlacementGroup {
            id: self.ray_id(),
            name: self.str(),
            ray_namespace: self.str(),
            strategy: self.str(),
            is_detached: self.flag(),
            creator_job: self.ray_id(),
            bundles: self.many(|made| Bundle {
                index: made.int(),
                unit_resources: made.str(),
                label_selector: made.str(),
                node: made.id(),
            }),
            creation_requested: self.long(),
            state: self.str(),
            created: self.long(),
            scheduling_state: self.str(),
            scheduling_attempt: self.count(),
            highest_retry_delay_ms: self.one(&[0.0, -0.0, 1.5, f64::MAX, f64::INFINITY]),
        }
    }

    fn job(&mut self) -> UnifiedJob {
        use JobStatus::{Failed, Pending, Running, Stopped, Succeeded};
        UnifiedJob {
            job_type: self.one(&[JobType::Submission, JobType::Driver]),
            submission_id: self.maybe(Self::boxed),
            drivers: self.many(|made| submission::Driver {
                id: made.ray_id(),
                node_ip_address: made.boxed(),
                pid: made.boxed(),
            }),
            status: self.one(&[Pending, Running, Stopped, Succeeded, Failed]),
            entrypoint: self.boxed(),
            message: self.maybe(Self::boxed),
            error_type: self.maybe(Self::boxed),
            start_ms: self.maybe(Self::long),
            end_ms: self.maybe(Self::long),
            metadata: self.pairs(Self::boxed),
            runtime_env: self.boxed(),
            driver_agent_http_address: self.maybe(Self::boxed),
            driver_node_id: self.maybe(Self::boxed),
            driver_exit_code: self.maybe(Self::int),
        }
    }

    fn node_env(&mut self) -> NodeRuntimeEnv {
        NodeRuntimeEnv {
            node: self.ray_id(),
            runtime_env: self.word().into(),
            success: self.maybe(Self::flag),
            creation_time_ms: self.maybe(Self::long),
            ref_cnt: self.maybe(Self::long),
            error: self.maybe(Self::boxed),
        }
    }

    fn function(&mut self) -> FunctionRow {
        use TaskType::{ActorCreationTask, ActorTask, DriverTask, NormalTask};
        FunctionRow {
            job_id: self.boxed(),
            func_or_class_name: self.boxed(),
            task_type: self.one(&[ActorCreationTask, ActorTask, DriverTask, NormalTask]),
            stats: self.stats(),
        }
    }

    fn stats(&mut self) -> FunctionStats {
        FunctionStats {
            tasks: self.bits(),
            attempts: self.bits(),
            finished: self.bits(),
            failed: self.bits(),
            unfinished: self.bits(),
            retried: self.bits(),
            run: self.maybe(|made| Run {
                count: made.bits(),
                min_us: made.bits(),
                p50_us: made.bits(),
                p90_us: made.bits(),
                p99_us: made.bits(),
                max_us: made.bits(),
                sum_us: made.bits(),
            }),
            wait: self.maybe(|made| Wait {
                count: made.bits(),
                p50_us: made.bits(),
                p99_us: made.bits(),
                sum_us: made.bits(),
            }),
            cpu_seconds: self.one(&[0.0, 1.5, f64::MAX]),
            gpu_seconds: self.one(&[0.0, 0.25]),
            first_at: self.maybe(Self::long),
            last_at: self.maybe(Self::long),
            nodes: self.bits(),
            histogram: Histogram::of_buckets(self.many(Self::bits)).unwrap(),
            states: self.many(|made| (made.boxed(), made.bits())).into_iter().collect(),
        }
    }

    fn failures(&mut self) -> FailureGroup {
        use FailureKind::{Actor, Job, Node, Submission, Task, Worker};
        FailureGroup {
            kind: self.one(&[Actor, Job, Node, Submission, Task, Worker]),
            job_id: self.boxed(),
            func_or_class_name: self.boxed(),
            error_type: self.boxed(),
            detail: self.boxed(),
            fingerprint: Fingerprint(self.below(u64::MAX).to_le_bytes()),
            attempts: self.bits(),
            tasks: self.bits(),
            recovered: self.bits(),
            first_at: self.maybe(Self::long),
            last_at: self.maybe(Self::long),
            nodes: self.bits(),
            workers: self.bits(),
            sample: Sample {
                id: self.boxed(),
                attempt: self.maybe(Self::count),
                node_id: self.boxed(),
                worker_id: self.boxed(),
                at: self.maybe(Self::long),
                message: self.boxed(),
            },
            caused_by: None,
        }
    }

    fn others(&mut self) -> Others {
        Others {
            groups: self.bits(),
            attempts: self.bits(),
            tasks: self.bits(),
            recovered: self.bits(),
            first_at: self.maybe(Self::long),
            last_at: self.maybe(Self::long),
        }
    }
}

/// Sorts rows, each of which gets an id of its own.
fn sort<T, K: Ord>(rows: &mut Vec<T>, key: impl Fn(&T) -> K) {
    rows.sort_by_key(&key);
    rows.dedup_by(|a, b| key(a) == key(b));
}
