//! `logs/events/event_*.log`: the rows of the events page.

use super::damage::Damage;

/// What the event files say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventFacts {}

impl EventFacts {
    /// Reads one file.
    pub fn read(&mut self, _node: &str, _path: &str, _bytes: &[u8], _damage: &mut Damage) {}

    /// Takes over what another reader found.
    pub fn merge(&mut self, _other: Self) {}

    /// Memory held, in bytes.
    pub fn weight(&self) -> usize {
        0
    }
}
