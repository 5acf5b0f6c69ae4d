//! Events of actors.

use super::Judge;
use crate::base::id::ActorId;
use crate::event::EventKind;
use crate::snapshot::gap::{Code, Gap, Weight, count};

impl Judge<'_> {
    pub(super) fn actors(&self) -> Option<Gap> {
        use EventKind::{ActorDefinition, ActorLifecycle};
        const ACTORS: [EventKind; 2] = [ActorDefinition, ActorLifecycle];
        let rows = &self.snapshot.actors;
        let named = self.seen.actors.iter().filter_map(|id| ActorId::try_from_bytes(self.snapshot.id(*id)));
        let unknown = named.filter(|id| rows.binary_search_by_key(id, |actor| actor.id).is_err()).count() as u64;
        let missing = unknown.max(self.evidence.logged_actors.saturating_sub(rows.len() as u64));
        let of = rows.len() as u64 + missing;
        let unexported @ [definitions, states] = ACTORS.map(|kind| self.none_of(&[kind]));
        // Of all actors there is each kind of event, or there was no actor.
        if missing == 0 && definitions == states {
            return None;
        }
        let gap = match unexported {
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
            [false, false] => Gap::new(
                Code::ActorEvents,
                Weight::Part,
                format!("{missing} of {} have no event, and are not shown", count(of, "actor")),
            ),
        };
        Some(gap.missing(missing).of(of))
    }
}
