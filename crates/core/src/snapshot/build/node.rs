//! Drafts of nodes.

use super::latest::Latest;
use super::{Catalogue, Nanos, Renamed};
use crate::base::id::NodeId;
use crate::event::node::{NodeDefinition, NodeLifecycle};
use crate::snapshot::intern::Str;
use crate::snapshot::node::Node;
use crate::snapshot::text::Text;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Resource that only a head node has (`kHeadNodeResource` in Ray).
const HEAD_RESOURCE: &str = "\"node:__internal_head__\"";

/// IP address, host name, node name, instance id, instance type, labels.
type Names = [Str; 6];

#[derive(Clone, Debug, Default)]
struct Draft {
    names: Latest<Names>,
    start: Latest<Nanos>,
    /// `(alive, draining)` of the last state.
    state: Latest<(bool, bool)>,
    resources: Latest<Str>,
    death: Latest<(Nanos, Str, Text)>,
    /// `true` if an event of this session is about it.
    is_own: bool,
}

/// All nodes seen.
#[derive(Debug, Default)]
pub(super) struct Nodes(BTreeMap<NodeId, Draft>);

impl Nodes {
    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.0.len() * 2 * size_of::<(NodeId, Draft)>()
    }

    /// Returns `true` if there is no node.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn define(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &NodeDefinition<'_>,
    ) -> Result<(), &'static str> {
        self.define_as(values, at, event, true)
    }

    /// Adds a definition from another session's event. Any definition of this session replaces it.
    pub(super) fn define_foreign(
        &mut self,
        values: &mut Catalogue,
        event: &NodeDefinition<'_>,
    ) -> Result<(), &'static str> {
        self.define_as(values, 0, event, false)
    }

    fn define_as(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &NodeDefinition<'_>,
        is_own: bool,
    ) -> Result<(), &'static str> {
        let id = event.node_id.ok_or("a node definition without nodeId")?;
        let labels = values.labels(event.labels);
        let names = [
            values.str(&event.node_ip_address),
            values.str(&event.hostname),
            values.str(&event.node_name),
            values.str(&event.instance_id),
            values.str(&event.instance_type_name),
            labels,
        ];
        let (names, start) = (Latest::new(at, names), Latest::new(at, event.start));
        let draft = Draft { names, start, is_own, ..Draft::default() };
        self.join(values, id, draft);
        Ok(())
    }

    pub(super) fn advance(&mut self, values: &mut Catalogue, event: &NodeLifecycle<'_>) -> Result<(), &'static str> {
        let id = event.node_id.ok_or("a node lifecycle without nodeId")?;
        for transition in &event.transitions {
            let at = transition.timestamp;
            let alive = transition.state != "DEAD";
            let mut draft = Draft {
                state: Latest::new(at, (alive, transition.alive_sub_state == "DRAINING")),
                is_own: true,
                ..Draft::default()
            };
            if alive && !transition.resources.is_empty() {
                draft.resources = Latest::new(at, values.numbers(transition.resources));
            }
            if !alive {
                let message = values.text(&transition.death.message);
                draft.death = Latest::new(at, (at, values.str(transition.death.reason), message));
            }
            self.join(values, id, draft);
        }
        Ok(())
    }

    fn join(&mut self, values: &Catalogue, id: NodeId, other: Draft) {
        let draft = self.0.entry(id).or_default();
        draft.is_own |= other.is_own;
        draft.names.join(other.names, |a, b| {
            let pairs = a.into_iter().zip(b);
            pairs.fold(Ordering::Equal, |so_far, (a, b)| so_far.then_with(|| values.compare_str(a, b)))
        });
        draft.start.join(other.start, |a, b| a.cmp(&b));
        // Of two states at the same time, death wins: `false` must be the greater.
        draft.state.join(other.state, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        draft.resources.join(other.resources, |a, b| values.compare_str(a, b));
        draft.death.join(other.death, |a, b| values.compare_str(a.1, b.1).then_with(|| values.compare_text(a.2, b.2)));
    }

    pub(super) fn merge(&mut self, values: &Catalogue, other: Self, renamed: &Renamed) {
        for (id, mut draft) in other.0 {
            draft.names = draft.names.map(|names| names.map(|name| renamed.str(name)));
            draft.resources = draft.resources.map(|resources| renamed.str(resources));
            draft.death = draft.death.map(|(at, why, text)| (at, renamed.str(why), renamed.text(text)));
            self.join(values, id, draft);
        }
    }

    pub(super) fn finish(self, values: &mut Catalogue) -> Vec<Node> {
        let mut live_heads: Vec<(Nanos, usize)> = Vec::new();
        let mut rows: Vec<Node> = Vec::with_capacity(self.0.len());
        for (id, draft) in self.0 {
            let node = row(id, &draft, values);
            if node.alive && node.is_head {
                live_heads.push((if node.start > 0 { node.start } else { draft.state.at() }, rows.len()));
            }
            rows.push(node);
        }
        live_heads.sort_unstable();
        mark_old_heads_dead(&mut rows, &live_heads, values);
        rows
    }
}

fn row(id: NodeId, draft: &Draft, values: &Catalogue) -> Node {
    let [ip, hostname, node_name, instance_id, instance_type_name, labels] = draft.names.get();
    // Ray names a node by its address unless configured otherwise; events have the name since Ray 2.55.
    let node_name = if node_name.is_empty() { ip } else { node_name };
    let (alive, draining) = if draft.state.is_set() { draft.state.get() } else { (true, false) };
    let (end, death_reason, death_message) = if alive { Default::default() } else { draft.death.get() };
    Node {
        id,
        defined: draft.names.is_set(),
        advanced: draft.state.is_set(),
        is_foreign: !draft.is_own,
        ip,
        hostname,
        node_name,
        instance_id,
        instance_type_name,
        labels,
        start: draft.start.get(),
        end,
        alive,
        draining,
        is_head: values.resolve(draft.resources.get()).contains(HEAD_RESOURCE),
        resources: draft.resources.get(),
        death_reason,
        death_message,
    }
}

/// Marks all heads but the newest dead. The GCS does so when a new head registers (`HandleRegisterNode` in
/// `gcs_node_manager.cc`), with this reason and message, but the event may be lost with the old head.
fn mark_old_heads_dead(rows: &mut [Node], heads: &[(Nanos, usize)], values: &mut Catalogue) {
    for pair in heads.windows(2) {
        let [(_, old), (next, _)] = pair else { continue };
        let Some(old) = rows.get_mut(*old) else { continue };
        (old.alive, old.draining, old.end) = (false, false, *next);
        old.death_reason = values.str("UNEXPECTED_TERMINATION");
        old.death_message = values.text("health check failed due to missing too many heartbeats");
    }
}
