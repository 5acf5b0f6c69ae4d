//! Gaps of actor events.

use super::Checks;
use super::table::Table;
use crate::base::id::ActorId;
use crate::event::EventKind;
use crate::snapshot::gap::{Code, Gap};

impl Checks<'_> {
    pub(super) fn actors(&self) -> Option<Gap> {
        let rows = &self.snapshot.actors;
        let named = self.seen.actors.iter().filter_map(|id| ActorId::try_from_bytes(self.snapshot.id(*id)));
        let unknown = named.filter(|id| rows.binary_search_by_key(id, |actor| actor.id).is_err()).count() as u64;
        let rows = rows.len() as u64;
        self.table(&Table {
            code: Code::ActorEvents,
            one: "actor",
            definitions: EventKind::ActorDefinition,
            states: EventKind::ActorLifecycle,
            rows,
            missing: unknown.max(self.evidence.logged_actors.saturating_sub(rows)),
            without_definitions: "names, classes and environments",
            without_states: "locations and outcomes",
            without_events: "are not shown",
        })
    }
}
