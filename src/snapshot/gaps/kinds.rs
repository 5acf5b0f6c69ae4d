//! Kinds of events that were not exported, and things that events should tell of and do not.

use super::Evidence;
use super::advice::export;
use crate::base::id::{ActorId, NodeId};
use crate::base::task::{TaskState, TaskType};
use crate::event::EventKind;
use crate::snapshot::Snapshot;
use crate::snapshot::gap::{Code, Gap, Weight, count};
use crate::snapshot::intern::Id;
use crate::snapshot::task::Attempt;
use crate::snapshot::version::RayVersion;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn find(snapshot: &Snapshot, evidence: &Evidence) -> Vec<Gap> {
    let known = &snapshot.completeness;
    if known.records == known.damaged_records.count {
        return Vec::new(); // Nothing was stored at all: that is one gap, not one for each kind.
    }
    let judge = Judge { snapshot, evidence, seen: Seen::of(snapshot), version: RayVersion::of(snapshot) };
    let mut found = judge.tasks();
    found.extend(judge.jobs());
    found.extend(judge.actors());
    found.extend(judge.nodes());
    found.extend(judge.workers());
    found.extend(judge.placement_groups());
    found.extend(judge.silent_nodes());
    found.extend(judge.head_restarts());
    found
}

/// What attempts tell; drivers' own tasks are left out.
#[derive(Default)]
struct Seen {
    attempts: u64,
    /// Attempts that ran.
    ran: u64,
    /// Attempts of normal tasks and creations of actors.
    plain: u64,
    /// Attempts of actors' tasks.
    of_actors: u64,
    actors: BTreeSet<Id>,
    placement_groups: BTreeSet<Id>,
    /// Per node: attempts that ended well there, and attempts of which its own process told that they ran.
    nodes: BTreeMap<Id, (u64, u64)>,
}

impl Seen {
    fn of(snapshot: &Snapshot) -> Self {
        let mut seen = Self::default();
        for attempt in snapshot.tasks.iter().filter(|attempt| !is_driver(attempt)) {
            let id = attempt.task_id();
            let ran = attempt.time_of(TaskState::Running).is_some();
            seen.attempts += 1;
            seen.ran += u64::from(ran);
            let creation = id.0[..8] == [0xff; 8];
            if creation || id.actor_id().0[..12] == [0xff; 12] {
                seen.plain += 1;
            } else {
                seen.of_actors += 1;
            }
            if !attempt.actor_id().is_none() {
                seen.actors.insert(attempt.actor_id());
            }
            if !attempt.placement_group_id().is_none() {
                seen.placement_groups.insert(attempt.placement_group_id());
            }
            if !attempt.node_id().is_none() {
                let (ended, told) = seen.nodes.entry(attempt.node_id()).or_default();
                *ended += u64::from(attempt.time_of(TaskState::Finished).is_some());
                *told += u64::from(ran);
            }
        }
        seen.placement_groups
            .extend(snapshot.actors.iter().map(|actor| actor.placement_group).filter(|id| !id.is_none()));
        seen
    }
}

fn is_driver(attempt: &Attempt<'_>) -> bool {
    attempt.shape().task_type == TaskType::DriverTask || attempt.task_id().is_driver()
}

struct Judge<'a> {
    snapshot: &'a Snapshot,
    evidence: &'a Evidence,
    seen: Seen,
    version: Option<RayVersion>,
}

impl Judge<'_> {
    fn none_of(&self, kinds: &[EventKind]) -> bool {
        self.snapshot.completeness.events.has_none_of(kinds)
    }

    /// A gap of event types that were not stored, with the way to get them.
    fn unexported(&self, code: Code, weight: Weight, kinds: &[EventKind], message: String) -> Gap {
        let missing: Vec<EventKind> = kinds.iter().copied().filter(|kind| self.none_of(&[*kind])).collect();
        let mut gap = Gap::new(code, weight, message).advice(export(&missing, self.version));
        gap.event_types = missing.iter().map(|kind| kind.name()).collect();
        gap
    }

    fn tasks(&self) -> Vec<Gap> {
        use EventKind::{ActorTaskDefinition, TaskDefinition, TaskLifecycle, TaskProfile};
        const TASKS: [EventKind; 3] = [TaskDefinition, TaskLifecycle, ActorTaskDefinition];
        let (seen, mut found) = (&self.seen, Vec::new());
        if self.none_of(&TASKS) {
            let ran = self.evidence.logged_workers > 0
                || seen.attempts > 0
                || !self.snapshot.actors.is_empty()
                || self.snapshot.driver_jobs.iter().any(|job| job.defined);
            if ran {
                let workers = match self.evidence.logged_workers {
                    0 => String::new(),
                    workers => format!(", although {} left logs", count(workers, "worker")),
                };
                let message = format!(
                    "No task data: task events were not exported{workers}; the task table, its summaries and the timeline are empty"
                );
                found.push(self.unexported(Code::TaskEvents, Weight::Kind, &TASKS, message));
            }
            return found;
        }
        if seen.plain > 0 && self.none_of(&[TaskDefinition]) {
            let message = format!(
                "Task definitions were not exported: {} have no name and are not shown",
                count(seen.plain, "task attempt")
            );
            found.push(
                self.unexported(Code::TaskDefinitionEvents, Weight::Kind, &[TaskDefinition], message)
                    .missing(seen.plain),
            );
        }
        if seen.of_actors > 0 && self.none_of(&[ActorTaskDefinition]) {
            let message = format!(
                "Definitions of actor tasks were not exported: {} have no name and are not shown",
                count(seen.of_actors, "task attempt")
            );
            found.push(
                self.unexported(Code::ActorTaskDefinitionEvents, Weight::Kind, &[ActorTaskDefinition], message)
                    .missing(seen.of_actors),
            );
        }
        if seen.attempts > 0 && self.none_of(&[TaskLifecycle]) {
            let message = format!(
                "States of tasks were not exported: of {} nothing says when they ran and how they ended",
                count(seen.attempts, "task attempt")
            );
            found.push(
                self.unexported(Code::TaskLifecycleEvents, Weight::Kind, &[TaskLifecycle], message)
                    .missing(seen.attempts),
            );
        }
        if seen.ran > 0 && self.none_of(&[TaskProfile]) {
            let message = format!(
                "Profile events were not exported: the timeline is empty, and of {} nothing says what they spent their time with",
                count(seen.ran, "task attempt")
            );
            found.push(
                self.unexported(Code::TaskProfileEvents, Weight::Kind, &[TaskProfile], message).missing(seen.ran),
            );
        }
        let undefined = self.snapshot.completeness.attempts_without_definition;
        if undefined > 0
            && !self.none_of(&[TaskDefinition])
            && (seen.of_actors == 0 || !self.none_of(&[ActorTaskDefinition]))
        {
            let message = format!(
                "{} of {} have no definition, and are not shown",
                undefined,
                count(seen.attempts, "task attempt")
            );
            found.push(Gap::new(Code::UndefinedAttempts, Weight::Part, message).missing(undefined).of(seen.attempts));
        }
        found
    }

    fn jobs(&self) -> Option<Gap> {
        use EventKind::{DriverJobDefinition, DriverJobLifecycle};
        const JOBS: [EventKind; 2] = [DriverJobDefinition, DriverJobLifecycle];
        let missing = JOBS.map(|kind| self.none_of(&[kind]));
        // Ray's own drivers have no definition: only somebody's job tells that one should be there.
        let ran = self.seen.plain > 0 && (self.evidence.submissions > 0 || self.has_normal_tasks());
        let message = match missing {
            [true, true] if self.seen.attempts > 0 => {
                "Events of jobs were not exported: of drivers only logs and tasks tell"
            }
            [true, false] if ran => {
                "Definitions of jobs were not exported: their commands, metadata and environments are unknown"
            }
            [false, true] => "States of jobs were not exported: of no job its start and its end are known",
            _ => return None,
        };
        Some(self.unexported(Code::DriverJobEvents, Weight::Kind, &JOBS, message.to_owned()))
    }

    fn has_normal_tasks(&self) -> bool {
        self.snapshot
            .tasks
            .iter()
            .any(|attempt| attempt.shape().task_type == TaskType::NormalTask && attempt.is_defined())
    }

    fn actors(&self) -> Option<Gap> {
        use EventKind::{ActorDefinition, ActorLifecycle};
        const ACTORS: [EventKind; 2] = [ActorDefinition, ActorLifecycle];
        let rows = &self.snapshot.actors;
        let named = self.seen.actors.iter().filter_map(|id| ActorId::try_from_bytes(self.snapshot.id(*id)));
        let unknown = named.filter(|id| rows.binary_search_by_key(id, |actor| actor.id).is_err()).count() as u64;
        let missing = unknown.max(self.evidence.logged_actors.saturating_sub(rows.len() as u64));
        let of = rows.len() as u64 + missing;
        let gap = match ACTORS.map(|kind| self.none_of(&[kind])) {
            [true, true] if missing == 0 => return None,
            [true, true] => {
                let message = format!(
                    "Events of actors were not exported: tasks and logs tell of {}, and the table is empty",
                    count(missing, "actor")
                );
                self.unexported(Code::ActorEvents, Weight::Kind, &ACTORS, message)
            }
            [true, false] => {
                let message = format!(
                    "Definitions of actors were not exported: of {} names, classes and environments are unknown",
                    count(of, "actor")
                );
                self.unexported(Code::ActorEvents, Weight::Kind, &ACTORS, message)
            }
            [false, true] => {
                let message = format!(
                    "States of actors were not exported: of {} nothing says where they lived and how they ended",
                    count(of, "actor")
                );
                self.unexported(Code::ActorEvents, Weight::Kind, &ACTORS, message)
            }
            [false, false] if missing == 0 => return None,
            [false, false] => Gap::new(
                Code::ActorEvents,
                Weight::Part,
                format!("{missing} of {} have no event, and are not shown", count(of, "actor")),
            ),
        };
        Some(gap.missing(missing).of(of))
    }

    fn nodes(&self) -> Option<Gap> {
        use EventKind::{NodeDefinition, NodeLifecycle};
        const NODES: [EventKind; 2] = [NodeDefinition, NodeLifecycle];
        let rows = &self.snapshot.nodes;
        let ran = self.seen.nodes.keys().filter_map(|id| NodeId::try_from_bytes(self.snapshot.id(*id)));
        let logged = self.evidence.log_nodes.iter().filter_map(|node| NodeId::from_hex(node));
        let named: BTreeSet<NodeId> = ran.chain(logged).collect();
        let unknown = named.iter().filter(|id| rows.binary_search_by_key(*id, |node| node.id).is_err()).count() as u64;
        let missing = unknown.max(self.evidence.logged_nodes.saturating_sub(rows.len() as u64));
        let of = rows.len() as u64 + missing;
        let gap = match NODES.map(|kind| self.none_of(&[kind])) {
            [true, true] if missing == 0 => return None,
            [true, true] => {
                let message = format!(
                    "Events of nodes were not exported: tasks and logs tell of {}, and the table is empty",
                    count(missing, "node")
                );
                self.unexported(Code::NodeEvents, Weight::Kind, &NODES, message)
            }
            [true, false] => {
                let message = format!(
                    "Definitions of nodes were not exported: of {} addresses, names and labels are unknown",
                    count(of, "node")
                );
                self.unexported(Code::NodeEvents, Weight::Kind, &NODES, message)
            }
            [false, true] => {
                let message = format!(
                    "States of nodes were not exported: of {} nothing says what they had and how they ended",
                    count(of, "node")
                );
                self.unexported(Code::NodeEvents, Weight::Kind, &NODES, message)
            }
            [false, false] if missing == 0 => return None,
            [false, false] => Gap::new(
                Code::NodeEvents,
                Weight::Part,
                format!("{missing} of {} have no event, and are known from logs and tasks alone", count(of, "node")),
            ),
        };
        Some(gap.missing(missing).of(of))
    }

    fn workers(&self) -> Option<Gap> {
        use EventKind::{WorkerDefinition, WorkerLifecycle};
        const WORKERS: [EventKind; 2] = [WorkerDefinition, WorkerLifecycle];
        let known = &self.snapshot.completeness;
        let (missing, of) = (known.workers_from_logs, self.snapshot.workers.len() as u64);
        if missing == 0 && of > 0 && self.none_of(&[WorkerDefinition]) {
            let message = format!(
                "Definitions of workers were not exported: of {} nodes, processes and types are unknown",
                count(of, "worker")
            );
            return Some(self.unexported(Code::WorkerEvents, Weight::Kind, &WORKERS, message).missing(of).of(of));
        }
        if missing == 0 {
            return None;
        }
        let from = format!("{missing} of {} are known from logs and tasks", count(of, "worker"));
        let open = match known.workers_without_end {
            0 => String::new(),
            open => format!("; of {open} nothing says whether they ended"),
        };
        let gap = if !self.none_of(&[WorkerLifecycle]) {
            Gap::new(Code::WorkerEvents, Weight::Part, format!("Events of some workers are missing: {from}{open}"))
        } else if let Some(version) = self.version.filter(|version| *version < RayVersion::WORKER_EVENTS) {
            let message = format!("Ray {version} cannot export workers and their exits: {from}{open}");
            let mut gap = Gap::new(Code::WorkerEvents, Weight::Part, message)
                .advice("Ray exports them from version 2.58 on, if WORKER_DEFINITION_EVENT and WORKER_LIFECYCLE_EVENT are on its list.");
            gap.event_types = WORKERS.map(EventKind::name).to_vec();
            gap
        } else {
            self.unexported(
                Code::WorkerEvents,
                Weight::Part,
                &WORKERS,
                format!("Worker exits were not exported: {from}{open}"),
            )
        };
        Some(gap.missing(missing).of(of))
    }

    /// Ray exports no placement groups; collectors ask the dashboard for them.
    fn placement_groups(&self) -> Option<Gap> {
        let polled = self.snapshot.endpoints.keys().any(|url| url.starts_with("api/v0/placement_groups"));
        let named = self.seen.placement_groups.len() as u64;
        if named == 0 || polled || !self.snapshot.placement_groups.is_empty() {
            return None;
        }
        let message = format!(
            "No placement group was stored: tasks and actors name {}, and the table is empty",
            count(named, "placement group")
        );
        Some(Gap::new(Code::PlacementGroups, Weight::Kind, message).missing(named).of(named).advice(
            "Ray does not export them: let the collector poll /api/v0/placement_groups?detail=1&limit=10000, as KubeRay's does since v1.7.",
        ))
    }

    /// Nodes where attempts ended well, as their owners on other nodes tell, and which never told of one themselves.
    fn silent_nodes(&self) -> Option<Gap> {
        let silent = self.seen.nodes.iter().filter(|(node, (ended, told))| {
            let id = NodeId::try_from_bytes(self.snapshot.id(**node));
            *ended > 0 && *told == 0 && id.is_some_and(|id| !self.evidence.event_nodes.contains(&id.hex()))
        });
        let (nodes, attempts) = silent.fold((0, 0), |(nodes, attempts), (_, (ended, _))| (nodes + 1, attempts + ended));
        if nodes == 0 {
            return None;
        }
        let of = self.snapshot.nodes.len() as u64;
        let message = format!(
            "{nodes} of {} stored no event: starts, logs and profiles of at least {} are missing",
            count(of, "node"),
            count(attempts, "task attempt")
        );
        Some(Gap::new(Code::SilentNodes, Weight::Part, message).missing(nodes).of(of).advice(
            "Their collector was missing, or ended before it wrote: look at the containers of the pods of these nodes.",
        ))
    }

    fn head_restarts(&self) -> Option<Gap> {
        let heads = self.snapshot.nodes.iter().filter(|node| node.is_head).count() as u64;
        (heads > 1).then(|| {
            let message = format!(
                "The head was started again {}: what it had not sent before it ended is lost",
                match heads {
                    2 => "once".to_owned(),
                    n => format!("{} times", n - 1),
                }
            );
            Gap::new(Code::HeadRestarted, Weight::Part, message).missing(heads - 1)
        })
    }
}
