//! `logs/monitor.log`: the last status block of the autoscaler.

use super::damage::Damage;

/// What the autoscaler's log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonitorFacts {}

impl MonitorFacts {
    /// Reads one file.
    pub fn read(&mut self, _node: &str, _path: &str, _bytes: &[u8], _damage: &mut Damage) {}

    /// Takes over what another reader found.
    pub fn merge(&mut self, _other: Self) {}

    /// Memory held, in bytes.
    pub fn weight(&self) -> usize {
        0
    }
}
