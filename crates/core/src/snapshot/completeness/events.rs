//! Number of events read, by type.

use crate::event::EventKind;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;

/// Number of events by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventCounts([u64; EventKind::COUNT]);

impl EventCounts {
    /// Counts one event.
    pub fn add(&mut self, kind: EventKind) {
        self.0[kind as usize] += 1;
    }

    /// Returns the number of events of a type.
    pub fn of(&self, kind: EventKind) -> u64 {
        self.0[kind as usize]
    }

    /// Returns `true` if no event of any of these types was read.
    pub fn has_none_of(&self, kinds: &[EventKind]) -> bool {
        kinds.iter().all(|kind| self.of(*kind) == 0)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(ours, other)| *ours += other);
    }
}

/// Serializes as a map from Ray's names of the types seen to their counts.
impl Serialize for EventCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for kind in EventKind::ALL.into_iter().filter(|kind| self.of(*kind) > 0) {
            map.serialize_entry(kind.name(), &self.of(kind))?;
        }
        map.end()
    }
}

/// Deserializes from such a map; names that this version does not know are left out.
impl<'de> Deserialize<'de> for EventCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = BTreeMap::<String, u64>::deserialize(deserializer)?;
        let mut counts = Self::default();
        for kind in EventKind::ALL {
            counts.0[kind as usize] = named.get(kind.name()).copied().unwrap_or_default();
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serializes_counts_under_ray_type_names() {
        let mut counts = EventCounts::default();
        for kind in EventKind::ALL {
            assert!(counts.has_none_of(&[kind]));
            counts.add(kind);
        }
        counts.add(EventKind::TaskProfile);
        let json = serde_json::to_value(&counts).unwrap();
        assert_eq!(serde_json::from_value::<EventCounts>(json.clone()).unwrap(), counts);
        assert_eq!((json.as_object().unwrap().len(), &json["TASK_PROFILE_EVENT"]), (EventKind::COUNT, &2.into()));
    }
}
