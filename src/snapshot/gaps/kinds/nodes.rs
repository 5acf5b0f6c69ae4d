//! Events of nodes: none of them at all, none of some, and nodes that sent none of any kind.

use super::Judge;
use crate::base::id::NodeId;
use crate::event::EventKind;
use crate::snapshot::gap::{Code, Gap, Weight, count};
use std::collections::BTreeSet;

impl Judge<'_> {
    pub(super) fn nodes(&self) -> Option<Gap> {
        use EventKind::{NodeDefinition, NodeLifecycle};
        const NODES: [EventKind; 2] = [NodeDefinition, NodeLifecycle];
        let rows = &self.snapshot.nodes;
        let ran = self.seen.nodes.keys().filter_map(|id| NodeId::try_from_bytes(self.snapshot.id(*id)));
        let logged = self.evidence.log_nodes.iter().filter_map(|node| NodeId::from_hex(node));
        let named: BTreeSet<NodeId> = ran.chain(logged).collect();
        let unknown = named.iter().filter(|id| rows.binary_search_by_key(*id, |node| node.id).is_err()).count() as u64;
        let missing = unknown.max(self.evidence.logged_nodes.saturating_sub(rows.len() as u64));
        let of = rows.len() as u64 + missing;
        let unexported @ [definitions, states] = NODES.map(|kind| self.none_of(&[kind]));
        // Of all nodes there is each kind of event, or there was no node.
        if missing == 0 && definitions == states {
            return None;
        }
        let gap = match unexported {
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
            [false, false] => Gap::new(
                Code::NodeEvents,
                Weight::Part,
                format!("{missing} of {} have no event, and are known from logs and tasks alone", count(of, "node")),
            ),
        };
        Some(gap.missing(missing).of(of))
    }

    /// Nodes where attempts ended well, as their owners on other nodes tell, and which never told of one themselves.
    pub(super) fn silent_nodes(&self) -> Option<Gap> {
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

    pub(super) fn head_restarts(&self) -> Option<Gap> {
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
