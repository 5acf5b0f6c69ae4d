//! The lineage summary: tasks as a tree by submitter, with siblings of one name combined into a group.
//!
//! Actor tasks and the creation task are children of their actor, and the actor is a child of its creator; a task with
//! an unknown parent is left out. All algorithms are iterative: a chain of 100,000 nested tasks must not overflow the
//! stack.
//! Source: `TaskSummaries.to_summary_by_lineage` in `ray/util/state/common.py`.

use super::state_counts::{StateCounts, write_state_counts};
use crate::json::JsonWriter;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use ray_history_core::base::id::{ActorId, RayId, TaskId};
use ray_history_core::base::task::{TaskState, TaskType};
use ray_history_core::base::time::float_ms;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::task::Attempt;
use std::cmp::Reverse;
use std::sync::Arc;

/// The entity that a node of the tree represents.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Task(TaskId, TaskType),
    Actor(ActorId),
    Group,
}

/// A name: a string of the snapshot, and the number of its leading bytes that form the name.
type Name = (Str, u32);

#[derive(Clone, Debug)]
struct Node {
    name: Name,
    kind: Kind,
    /// Earliest creation time in milliseconds, or `None` if unknown.
    timestamp: Option<f64>,
    states: StateCounts,
    children: Vec<u32>,
}

/// The parent of a node.
enum Parent {
    Root,
    Task(TaskId),
    Actor(ActorId),
}

/// A list of trees that is written node by node.
#[derive(Debug)]
pub(super) struct Lineage {
    snapshot: Arc<Snapshot>,
    nodes: Vec<Node>,
    roots: Vec<u32>,
    /// Nodes whose children are being written, with the number written so far; `None` is the list of roots. Empty once
    /// everything is written.
    open: Vec<(Option<u32>, usize)>,
    started: bool,
}

impl Lineage {
    pub(super) fn new(snapshot: Arc<Snapshot>, rows: &[u32]) -> Self {
        let mut tree = Tree::new(&snapshot, rows);
        for &row in rows {
            tree.add(snapshot.tasks.get(row as usize));
        }
        let (roots, nodes) = (tree.fold(), tree.nodes);
        Self { snapshot, nodes, roots, open: vec![(None, 0)], started: false }
    }

    /// Writes the beginning or the end of a node; returns `false` once the list is closed.
    pub(super) fn write_next(&mut self, w: &mut JsonWriter) -> bool {
        if !self.started {
            w.begin_array();
            self.started = true;
        }
        let Some((parent, done)) = self.open.last_mut() else { return false };
        let children = parent.map_or(&self.roots, |parent| &self.nodes[parent as usize].children);
        if let Some(&child) = children.get(*done) {
            *done += 1;
            self.open.push((Some(child), 0));
            self.nodes[child as usize].write_head(&self.snapshot, w);
        } else {
            w.end_array();
            if let Some(parent) = *parent {
                self.nodes[parent as usize].write_tail(w);
            }
            self.open.pop();
        }
        true
    }
}

fn text(snapshot: &Snapshot, (name, len): Name) -> &str {
    snapshot.str(name).get(..len as usize).unwrap_or_default()
}

struct Tree<'a> {
    snapshot: &'a Snapshot,
    /// The row that represents a task: its first attempt, as in Ray.
    tasks: HashMap<TaskId, u32, RandomState>,
    creations: HashMap<ActorId, u32, RandomState>,
    nodes: Vec<Node>,
    task_nodes: HashMap<TaskId, u32, RandomState>,
    actor_nodes: HashMap<ActorId, u32, RandomState>,
    roots: Vec<u32>,
}

impl<'a> Tree<'a> {
    fn new(snapshot: &'a Snapshot, rows: &[u32]) -> Self {
        let mut tasks = HashMap::with_capacity_and_hasher(rows.len(), RandomState::default());
        let mut creations = HashMap::default();
        for &row in rows {
            let attempt = snapshot.tasks.get(row as usize);
            tasks.insert(*attempt.task_id(), row);
            if attempt.shape().task_type == TaskType::ActorCreationTask {
                creations.insert(attempt.task_id().actor_id(), row);
            }
        }
        Self {
            snapshot,
            tasks,
            creations,
            nodes: Vec::with_capacity(rows.len()),
            task_nodes: HashMap::default(),
            actor_nodes: HashMap::default(),
            roots: Vec::new(),
        }
    }

    /// Counts an attempt at its task's node, after adding the node and its missing ancestors.
    fn add(&mut self, attempt: Attempt<'a>) {
        let node = self.node(*attempt.task_id(), created(&attempt));
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.states[attempt.state() as usize] += 1;
        }
    }

    fn node(&mut self, id: TaskId, created_at: Option<f64>) -> u32 {
        if let Some(&node) = self.task_nodes.get(&id) {
            return node;
        }
        let first = self.nodes.len() as u32;
        // Create the missing nodes, child before parent ...
        let mut chain = Vec::new();
        let mut next = Parent::Task(id);
        loop {
            let known = match next {
                Parent::Root => None,
                Parent::Task(task) => self.task_nodes.get(&task).copied(),
                Parent::Actor(actor) => self.actor_nodes.get(&actor).copied(),
            };
            let created_node = if known.is_some() { None } else { self.create(&next, created_at) };
            if let Some((node, parent)) = created_node {
                chain.push(node);
                next = parent;
            } else {
                // ... and link them, parent before child, which is the order of Ray's lists.
                let mut above = known;
                let mut at_root = matches!(next, Parent::Root);
                for &node in chain.iter().rev() {
                    if at_root {
                        self.roots.push(node);
                    } else if let Some(parent) = above.and_then(|above| self.nodes.get_mut(above as usize)) {
                        parent.children.push(node);
                    }
                    (above, at_root) = (Some(node), false);
                }
                return first;
            }
        }
    }

    /// Creates the node of a task or actor; returns `None` if the session has no data about it.
    fn create(&mut self, entity: &Parent, created_at: Option<f64>) -> Option<(u32, Parent)> {
        let number = self.nodes.len() as u32;
        let (node, parent) = match entity {
            Parent::Root => return None,
            Parent::Task(id) => {
                let attempt = self.snapshot.tasks.get(*self.tasks.get(id)? as usize);
                let (name, shape) = (attempt.name(), attempt.shape());
                let name = if name.is_empty() { shape.func_or_class_name } else { name };
                self.task_nodes.insert(*id, number);
                let parent = match shape.task_type {
                    TaskType::ActorTask | TaskType::ActorCreationTask => Parent::Actor(self.actor_of(&attempt)),
                    TaskType::NormalTask | TaskType::DriverTask => self.parent_of(&attempt),
                };
                (Node::new(self.full_name(name), Kind::Task(*id, shape.task_type), created(&attempt)), parent)
            }
            Parent::Actor(id) => {
                let creation = self.snapshot.tasks.get(*self.creations.get(id)? as usize);
                self.actor_nodes.insert(*id, number);
                let parent = self.parent_of(&creation);
                (Node::new(self.actor_name(id, &creation), Kind::Actor(*id), created_at), parent)
            }
        };
        self.nodes.push(node);
        Some((number, parent))
    }

    fn actor_of(&self, attempt: &Attempt<'a>) -> ActorId {
        self.snapshot.id(attempt.actor_id()).try_into().map_or(RayId::NIL, RayId)
    }

    fn parent_of(&self, attempt: &Attempt<'a>) -> Parent {
        match self.snapshot.id(attempt.parent_task_id()).try_into().map(RayId) {
            Ok(id) if !TaskId::is_driver(&id) => Parent::Task(id),
            _ => Parent::Root,
        }
    }

    fn full_name(&self, name: Str) -> Name {
        (name, self.snapshot.str(name).len() as u32)
    }

    fn actor_name(&self, id: &ActorId, creation: &Attempt<'a>) -> Name {
        let actors = &self.snapshot.actors;
        match actors.binary_search_by(|actor| actor.id.cmp(id)) {
            Ok(at) if !actors[at].repr_name.is_empty() => self.full_name(actors[at].repr_name),
            Ok(at) => self.full_name(actors[at].class_name),
            Err(_) => {
                let name = creation.shape().func_or_class_name;
                let class = self.snapshot.str(name).split('.').next().unwrap_or_default();
                (name, class.len() as u32)
            }
        }
    }

    /// Groups siblings, sums counts and sorts, from the leaves to the roots; returns the roots.
    fn fold(&mut self) -> Vec<u32> {
        // Breadth first: every node comes after its parent, so the reverse order visits children first.
        let mut order = self.roots.clone();
        let mut at = 0;
        while at < order.len() {
            order.extend_from_slice(&self.nodes[order[at] as usize].children);
            at += 1;
        }
        for &number in order.iter().rev() {
            let children = std::mem::take(&mut self.nodes[number as usize].children);
            if children.is_empty() {
                continue;
            }
            let earliest = children.iter().filter_map(|&child| self.nodes[child as usize].timestamp);
            let earliest = earliest.fold(None, |so_far, next| earlier_of(so_far, Some(next)));
            let children = self.grouped(children);
            let node = &mut self.nodes[number as usize];
            node.timestamp = earlier_of(node.timestamp, earliest);
            let mut states = node.states;
            for &child in &children {
                add(&mut states, &self.nodes[child as usize].states);
            }
            let node = &mut self.nodes[number as usize];
            (node.states, node.children) = (states, children);
        }
        let roots = std::mem::take(&mut self.roots);
        self.grouped(roots)
    }

    /// Combines siblings of one name into a group; returns the result in Ray's order.
    fn grouped(&mut self, siblings: Vec<u32>) -> Vec<u32> {
        let mut by_name: HashMap<&str, usize, RandomState> = HashMap::default();
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for &sibling in &siblings {
            let at = *by_name.entry(text(self.snapshot, self.nodes[sibling as usize].name)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[at].push(sibling);
        }
        drop(by_name);
        let mut out = Vec::with_capacity(groups.len());
        for mut members in groups {
            if let [only] = members[..] {
                out.push(only);
                continue;
            }
            let mut group = Node::new(self.nodes[members[0] as usize].name, Kind::Group, None);
            for &member in &members {
                let member = &self.nodes[member as usize];
                group.timestamp = earlier_of(group.timestamp, member.timestamp);
                add(&mut group.states, &member.states);
            }
            self.sort(&mut members);
            group.children = members;
            out.push(self.nodes.len() as u32);
            self.nodes.push(group);
        }
        self.sort(&mut out);
        out
    }

    /// Sorts by number of running, pending and failed attempts, descending, then by age, then actor creations first.
    fn sort(&self, siblings: &mut [u32]) {
        siblings.sort_by_cached_key(|&sibling| {
            let node = &self.nodes[sibling as usize];
            let sum = |states: &[TaskState]| states.iter().map(|state| node.states[*state as usize]).sum::<u32>();
            let timestamp = node.timestamp.map_or(i64::MAX, |at| at as i64);
            (
                Reverse(sum(&[TaskState::Running, TaskState::RunningInRayGet, TaskState::RunningInRayWait])),
                Reverse(sum(&[
                    TaskState::PendingArgsAvail,
                    TaskState::PendingNodeAssignment,
                    TaskState::PendingObjStoreMemAvail,
                    TaskState::PendingArgsFetch,
                ])),
                Reverse(sum(&[TaskState::Failed])),
                timestamp,
                !matches!(node.kind, Kind::Task(_, TaskType::ActorCreationTask)),
            )
        });
    }
}

impl Node {
    fn new(name: Name, kind: Kind, timestamp: Option<f64>) -> Self {
        Self { name, kind, timestamp, states: [0; 16], children: Vec::new() }
    }

    /// Writes everything up to the opened list of children.
    fn write_head(&self, snapshot: &Snapshot, w: &mut JsonWriter) {
        let name = text(snapshot, self.name);
        w.begin_object();
        w.key("name");
        w.string(name);
        w.key("key");
        match self.kind {
            Kind::Task(id, _) => w.hex(&id.0),
            Kind::Actor(id) => w.string(&format!("actor:{id}")),
            Kind::Group => w.string(name),
        }
        w.key("type");
        w.string(match self.kind {
            Kind::Task(_, task_type) => task_type.name(),
            Kind::Actor(_) => "ACTOR",
            Kind::Group => "GROUP",
        });
        w.key("timestamp");
        match self.timestamp {
            Some(at) => w.float(at),
            None => w.null(),
        }
        w.key("state_counts");
        write_state_counts(&self.states, w);
        w.key("children");
        w.begin_array();
    }

    /// Writes the members after the list of children.
    fn write_tail(&self, w: &mut JsonWriter) {
        w.key("link");
        let (link_type, id) = match &self.kind {
            Kind::Task(id, _) => ("task", &id.0[..]),
            Kind::Actor(id) => ("actor", &id.0[..]),
            Kind::Group => {
                w.null();
                w.end_object();
                return;
            }
        };
        w.begin_object();
        w.key("type");
        w.string(link_type);
        w.key("id");
        w.hex(id);
        w.end_object();
        w.end_object();
    }
}

fn created(attempt: &Attempt<'_>) -> Option<f64> {
    attempt.time_of(TaskState::PendingArgsAvail).map(float_ms)
}

fn earlier_of(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn add(sum: &mut StateCounts, other: &StateCounts) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other;
    }
}
