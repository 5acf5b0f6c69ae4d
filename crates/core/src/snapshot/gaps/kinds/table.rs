//! Gaps of tables made from definition events and state events: actors and nodes.

use super::Checks;
use crate::event::EventKind;
use crate::snapshot::gap::{Code, Gap, Weight, count};

/// One table, and texts for its gaps.
pub(super) struct Table {
    pub(super) code: Code,
    /// Noun for one row, such as `actor`.
    pub(super) one: &'static str,
    pub(super) definitions: EventKind,
    pub(super) states: EventKind,
    /// Number of rows shown.
    pub(super) rows: u64,
    /// Number of entities known from other sources that have no event.
    pub(super) missing: u64,
    /// Data unknown without definitions, before " of N actors are unknown".
    pub(super) without_definitions: &'static str,
    /// Data unknown without states, before " of N actors are unknown".
    pub(super) without_states: &'static str,
    /// Effect on entities without events, after "N of M actors have no event, and ".
    pub(super) without_events: &'static str,
}

impl Checks<'_> {
    pub(super) fn table(&self, table: &Table) -> Option<Gap> {
        let Table { code, one, missing, .. } = *table;
        let of = table.rows + missing;
        let kinds = [table.definitions, table.states];
        let unexported @ [no_definitions, no_states] = kinds.map(|kind| self.none_of(&[kind]));
        // Both kinds of events exist for all rows, or there is no row.
        if missing == 0 && no_definitions == no_states {
            return None;
        }
        let (rows, message) = (count(of, one), |text: String| self.unexported(code, Weight::Kind, &kinds, text));
        let gap = match unexported {
            [true, true] => message(format!(
                "Events of {one}s were not exported: tasks and logs mention {}, and the table is empty",
                count(missing, one)
            )),
            [true, false] => message(format!(
                "Definitions of {one}s were not exported: {} of {rows} are unknown",
                table.without_definitions
            )),
            [false, true] => {
                message(format!("States of {one}s were not exported: {} of {rows} are unknown", table.without_states))
            }
            [false, false] => {
                Gap::new(code, Weight::Part, format!("{missing} of {rows} have no event, and {}", table.without_events))
            }
        };
        Some(gap.missing(missing).of(of))
    }
}
