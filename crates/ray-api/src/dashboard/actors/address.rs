//! The `address` of Ray's actor table: the current or last location of an actor.
//!
//! GCS sets it when the actor gets a worker, keeps it when the actor dies, and clears it when a restart begins; before
//! the first worker it holds nil ids. An actor that died before it ever ran had also been given a worker: its death
//! cause contains the address of that worker's node (seen live: node and address set, worker empty).

use super::death::DeathCause;
use crate::dashboard::nodes;
use ray_history_core::base::actor::ActorState;
use ray_history_core::base::id::{NodeId, WorkerId};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::Actor;

/// An address; ids are empty where Ray's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) node: &'a [u8],
    pub(crate) worker: &'a [u8],
    pub(crate) ip: &'a str,
    pub(crate) port: i32,
}

static NIL_NODE: NodeId = NodeId::NIL;
static NIL_WORKER: WorkerId = WorkerId::NIL;

/// Returns the address that Ray shows. `death` is the actor's parsed death cause, empty while it is alive.
pub(crate) fn address<'a>(snapshot: &'a Snapshot, actor: &Actor, death: &DeathCause<'_>) -> Address<'a> {
    let has_address = matches!(actor.state, ActorState::Alive | ActorState::Dead);
    match actor.incarnations.last() {
        Some(incarnation) if has_address => {
            let node = snapshot.id(incarnation.node);
            let ip = nodes::by_bytes(snapshot, node).map_or("", |node| snapshot.str(node.ip));
            Address { node, worker: snapshot.id(incarnation.worker), ip, port: incarnation.port }
        }
        None if actor.state == ActorState::Dead => match node_of_death(snapshot, death) {
            Some(node) => Address { node: &node.id.0, worker: &[], ip: snapshot.str(node.ip), port: 0 },
            None => nil(),
        },
        None if actor.restarts == 0 => nil(),
        _ => Address { node: &[], worker: &[], ip: "", port: 0 },
    }
}

fn nil() -> Address<'static> {
    Address { node: &NIL_NODE.0, worker: &NIL_WORKER.0, ip: "", port: 0 }
}

/// Returns the node with the address in the death cause, or `None` if several nodes have it.
fn node_of_death<'a>(
    snapshot: &'a Snapshot,
    death: &DeathCause<'_>,
) -> Option<&'a ray_history_core::snapshot::node::Node> {
    let ip = death.node_ip()?;
    let mut nodes = snapshot.nodes.iter().filter(|node| snapshot.str(node.ip) == ip);
    let found = nodes.next()?;
    nodes.next().is_none().then_some(found)
}
