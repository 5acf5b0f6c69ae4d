//! Drafts of actors: a definition and a set of transitions.

use super::latest::Latest;
use super::worker_facts::WorkerFacts;
use super::{Catalogue, Nanos, Renamed};
use crate::base::actor::ActorState;
use crate::base::id::{ActorId, JobId};
use crate::base::stored_json;
use crate::event::actor::{ActorDefinition, ActorLifecycle};
use crate::snapshot::actor::{Actor, Incarnation};
use crate::snapshot::intern::{Id, Str};
use crate::snapshot::text::Text;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Definition {
    job: JobId,
    /// name, namespace, class, runtime env, resources, label selector, fallback strategy, call site.
    strings: [Str; 8],
    placement_group: Id,
    is_detached: bool,
}

impl Definition {
    fn compare(self, other: Self, values: &Catalogue) -> Ordering {
        let strings = self.strings.into_iter().zip(other.strings);
        strings
            .fold(Ordering::Equal, |so_far, (a, b)| so_far.then_with(|| values.compare_str(a, b)))
            .then_with(|| values.compare_id(self.placement_group, other.placement_group))
            .then_with(|| (self.job, self.is_detached).cmp(&(other.job, other.is_detached)))
    }
}

/// Reason of an actor's restart, in Ray's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum RestartReason {
    #[default]
    ActorFailure,
    LineageReconstruction,
    NodePreemption,
}

/// One transition. Transitions of the same time and state are merged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Transition {
    node: Id,
    worker: Id,
    repr_name: Str,
    pid: u32,
    port: i32,
    restart_reason: RestartReason,
    death_cause: Text,
}

#[derive(Clone, Debug, Default)]
struct Draft {
    definition: Latest<Definition>,
    transitions: BTreeMap<(Nanos, ActorState), Transition>,
}

/// All actors seen.
#[derive(Debug, Default)]
pub(super) struct Actors {
    drafts: BTreeMap<ActorId, Draft>,
    /// Number of transitions of all drafts.
    transitions: usize,
}

impl Actors {
    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.drafts.len() * 2 * size_of::<(ActorId, Draft)>()
            + self.transitions * 2 * size_of::<((Nanos, ActorState), Transition)>()
    }

    /// Returns `true` if there is no actor.
    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    pub(super) fn define(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &ActorDefinition<'_>,
    ) -> Result<(), &'static str> {
        let id = event.actor_id.ok_or("an actor definition without actorId")?;
        let (resources, labels) = (values.numbers(event.required_resources), values.labels(event.label_selector));
        let definition = Definition {
            job: event.job_id.unwrap_or(job_of(id)),
            strings: [
                values.str(&event.name),
                values.str(&event.ray_namespace),
                values.str(&event.class_name),
                values.str(&event.serialized_runtime_env),
                resources,
                labels,
                values.json(event.fallback_strategy),
                values.str(&event.call_site),
            ],
            placement_group: values.id(event.placement_group_id),
            is_detached: event.is_detached,
        };
        let draft = self.drafts.entry(id).or_default();
        draft.definition.join(Latest::new(at, definition), |a, b| a.compare(b, values));
        Ok(())
    }

    pub(super) fn advance(&mut self, values: &mut Catalogue, event: &ActorLifecycle<'_>) -> Result<(), &'static str> {
        let id = event.actor_id.ok_or("an actor lifecycle without actorId")?;
        for (state, t) in &event.transitions {
            let transition = Transition {
                node: values.id(t.node_id),
                worker: values.id(t.worker_id),
                repr_name: values.str(&t.repr_name),
                pid: u32::try_from(t.pid).unwrap_or(0),
                port: i32::try_from(t.port).unwrap_or(0),
                restart_reason: match t.restart_reason {
                    "LINEAGE_RECONSTRUCTION" => RestartReason::LineageReconstruction,
                    "NODE_PREEMPTION" => RestartReason::NodePreemption,
                    _ => RestartReason::ActorFailure,
                },
                death_cause: values.text(&stored_json::strict(t.death_cause.as_bytes()).unwrap_or_default()),
            };
            self.join(values, id, (t.timestamp, *state), transition);
        }
        Ok(())
    }

    fn join(&mut self, values: &Catalogue, id: ActorId, key: (Nanos, ActorState), other: Transition) {
        let ours = match self.drafts.entry(id).or_default().transitions.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                self.transitions += 1;
                new.insert(Transition::default())
            }
        };
        if *ours == other {
            return;
        }
        // The empty value is the least of every field, so a present value always wins over an absent one.
        if values.compare_id(other.node, ours.node).is_gt() {
            ours.node = other.node;
        }
        if values.compare_id(other.worker, ours.worker).is_gt() {
            ours.worker = other.worker;
        }
        if values.compare_str(other.repr_name, ours.repr_name).is_gt() {
            ours.repr_name = other.repr_name;
        }
        ours.pid = ours.pid.max(other.pid);
        ours.port = ours.port.max(other.port);
        ours.restart_reason = ours.restart_reason.max(other.restart_reason);
        if values.compare_text(other.death_cause, ours.death_cause).is_gt() {
            ours.death_cause = other.death_cause;
        }
    }

    pub(super) fn merge(&mut self, values: &Catalogue, other: Self, renamed: &Renamed) {
        for (id, draft) in other.drafts {
            let definition = draft.definition.map(|d| Definition {
                strings: d.strings.map(|string| renamed.str(string)),
                placement_group: renamed.id(d.placement_group),
                ..d
            });
            self.drafts.entry(id).or_default().definition.join(definition, |a, b| a.compare(b, values));
            for (key, t) in draft.transitions {
                let transition = Transition {
                    node: renamed.id(t.node),
                    worker: renamed.id(t.worker),
                    repr_name: renamed.str(t.repr_name),
                    death_cause: renamed.text(t.death_cause),
                    ..t
                };
                self.join(values, id, key, transition);
            }
        }
    }

    /// Returns every worker that an actor ran on, with the actor's facts about it.
    pub(super) fn worker_facts(&self) -> impl Iterator<Item = (Id, WorkerFacts)> {
        self.drafts.iter().flat_map(|(id, draft)| {
            let job = if draft.definition.is_set() { draft.definition.get().job } else { job_of(*id) };
            let facts = move |t: &Transition| WorkerFacts { node: t.node, certain: true, pid: t.pid, job };
            draft.transitions.values().map(move |t| (t.worker, facts(t)))
        })
    }

    /// Returns the workers of actors, each as often as it is named, if no event has a process id.
    pub(super) fn workers_without_pids(&self) -> impl Iterator<Item = Id> {
        let transitions = || self.drafts.values().flat_map(|draft| draft.transitions.values());
        let told = transitions().any(|t| t.pid > 0);
        transitions().filter(move |t| !told && !t.worker.is_none()).map(|t| t.worker)
    }

    pub(super) fn finish(self) -> Vec<Actor> {
        self.drafts.into_iter().map(|(id, draft)| row(id, draft)).collect()
    }
}

fn row(id: ActorId, draft: Draft) -> Actor {
    let d = draft.definition.get();
    let [name, ray_namespace, class_name, runtime_env, resources, label_selector, fallback_strategy, call_site] =
        d.strings;
    let defined = draft.definition.is_set();
    let mut actor = Actor {
        id,
        defined,
        job: if defined { d.job } else { job_of(id) },
        name,
        ray_namespace,
        class_name,
        runtime_env,
        resources,
        placement_group: d.placement_group,
        is_detached: d.is_detached,
        label_selector,
        fallback_strategy,
        call_site,
        first_seen: draft.transitions.keys().next().map_or(0, |key| key.0),
        ..Actor::default()
    };
    for ((at, state), t) in draft.transitions {
        (actor.state, actor.timestamp) = (state, at);
        if !t.repr_name.is_empty() {
            actor.repr_name = t.repr_name;
        }
        match state {
            ActorState::Alive => {
                if actor.start == 0 {
                    actor.start = at;
                }
                actor.incarnations.push(Incarnation {
                    since: at,
                    node: t.node,
                    worker: t.worker,
                    pid: t.pid,
                    port: t.port,
                });
            }
            ActorState::Restarting => {
                actor.restarts += 1;
                actor.restarts_lineage += u32::from(t.restart_reason == RestartReason::LineageReconstruction);
                actor.restarts_preemption += u32::from(t.restart_reason == RestartReason::NodePreemption);
            }
            ActorState::Dead => {
                actor.end = at;
                actor.death_cause = t.death_cause;
            }
            ActorState::DependenciesUnready | ActorState::PendingCreation => {}
        }
    }
    if actor.state != ActorState::Dead {
        // The actor was restarted: a death followed by another state is no end.
        (actor.end, actor.death_cause) = (0, Text::default());
    }
    actor
}

/// Returns an actor's job: the last four bytes of its id.
fn job_of(id: ActorId) -> JobId {
    let mut job = [0; 4];
    job.copy_from_slice(&id.0[12..]);
    crate::base::id::RayId(job)
}
