//! A table that is made of definitions and of states: actors, nodes.

use super::Checks;
use crate::event::EventKind;
use crate::snapshot::gap::{Code, Gap, Weight, count};

/// One table, and the words for what it lacks.
pub(super) struct Table {
    pub(super) code: Code,
    /// One row, in words: `actor`.
    pub(super) one: &'static str,
    pub(super) definitions: EventKind,
    pub(super) states: EventKind,
    /// Rows that are shown.
    pub(super) rows: u64,
    /// Rows that something else names, and no event.
    pub(super) missing: u64,
    /// What is unknown without definitions, behind "of N actors ".
    pub(super) undefined: &'static str,
    /// What nothing says without states, behind "of N actors nothing says ".
    pub(super) unmoved: &'static str,
    /// What becomes of rows that no event names.
    pub(super) unnamed: &'static str,
}

impl Checks<'_> {
    pub(super) fn table(&self, table: &Table) -> Option<Gap> {
        let Table { code, one, missing, .. } = *table;
        let of = table.rows + missing;
        let kinds = [table.definitions, table.states];
        let unexported @ [no_definitions, no_states] = kinds.map(|kind| self.none_of(&[kind]));
        // Of all rows there is each kind of event, or there was no row.
        if missing == 0 && no_definitions == no_states {
            return None;
        }
        let (rows, message) = (count(of, one), |text: String| self.unexported(code, Weight::Kind, &kinds, text));
        let gap = match unexported {
            [true, true] => message(format!(
                "Events of {one}s were not exported: tasks and logs tell of {}, and the table is empty",
                count(missing, one)
            )),
            [true, false] => {
                message(format!("Definitions of {one}s were not exported: of {rows} {} are unknown", table.undefined))
            }
            [false, true] => {
                message(format!("States of {one}s were not exported: of {rows} nothing says {}", table.unmoved))
            }
            [false, false] => {
                Gap::new(code, Weight::Part, format!("{missing} of {rows} have no event, and {}", table.unnamed))
            }
        };
        Some(gap.missing(missing).of(of))
    }
}
