//! Gaps of node events, nodes whose own processes sent no event, and restarts of the head.

use super::Checks;
use super::table::Table;
use crate::base::id::NodeId;
use crate::event::EventKind;
use crate::snapshot::gap::{Code, Gap, Weight, count};
use std::collections::BTreeSet;

impl Checks<'_> {
    pub(super) fn nodes(&self) -> Option<Gap> {
        let rows = &self.snapshot.nodes;
        let ran = self.seen.nodes.keys().filter_map(|id| NodeId::try_from_bytes(self.snapshot.id(*id)));
        let logged = self.evidence.log_nodes.iter().filter_map(|node| NodeId::from_hex(node));
        let named: BTreeSet<NodeId> = ran.chain(logged).collect();
        let unknown = named.iter().filter(|id| rows.binary_search_by_key(*id, |node| node.id).is_err()).count() as u64;
        let rows = rows.len() as u64;
        self.table(&Table {
            code: Code::NodeEvents,
            one: "node",
            definitions: EventKind::NodeDefinition,
            states: EventKind::NodeLifecycle,
            rows,
            missing: unknown.max(self.evidence.logged_nodes.saturating_sub(rows)),
            without_definitions: "addresses, names and labels",
            without_states: "resources and outcomes",
            without_events: "are known from logs and tasks only",
        })
    }

    /// Checks for nodes on which attempts finished, as reported by owners on other nodes, and that sent no event
    /// themselves.
    pub(super) fn silent_nodes(&self) -> Option<Gap> {
        let silent = self.seen.nodes.iter().filter(|(node, (finished, ran))| {
            let id = NodeId::try_from_bytes(self.snapshot.id(**node));
            *finished > 0 && *ran == 0 && id.is_some_and(|id| !self.evidence.event_nodes.contains(&id.hex()))
        });
        let (nodes, attempts) =
            silent.fold((0, 0), |(nodes, attempts), (_, (finished, _))| (nodes + 1, attempts + finished));
        if nodes == 0 {
            return None;
        }
        let of = self.snapshot.nodes.len() as u64;
        let message = format!(
            "{nodes} of {} stored no event: starts, logs and profiles of at least {} are missing",
            count(of, "node"),
            count(attempts, "task attempt")
        );
        Some(
            Gap::new(Code::SilentNodes, Weight::Part, message).missing(nodes).of(of).advice(
                "Their collector was missing or ended before it wrote: check the containers of these nodes' pods.",
            ),
        )
    }

    pub(super) fn head_restarts(&self) -> Option<Gap> {
        let heads = self.snapshot.nodes.iter().filter(|node| node.is_head).count() as u64;
        (heads > 1).then(|| {
            let message = format!(
                "The head was restarted {}: events that it had not sent are lost",
                match heads {
                    2 => "once".to_owned(),
                    n => format!("{} times", n - 1),
                }
            );
            Gap::new(Code::HeadRestarted, Weight::Part, message).missing(heads - 1)
        })
    }
}
