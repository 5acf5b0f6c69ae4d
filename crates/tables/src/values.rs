//! The interned values of a snapshot that is being read.

use crate::environments::Environments;
use ray_history_core::snapshot::intern::{Id, Interner, Str};
use ray_history_core::snapshot::text::{Text, TextStore};

/// The arenas of a snapshot that is being read: all of its tables add to them.
#[derive(Debug, Default)]
pub struct Values {
    /// Strings.
    pub strings: Interner,
    /// Binary ids.
    pub ids: Interner,
    /// Long texts.
    pub texts: TextStore,
    /// Runtime environments with their values; `None` where these were not stored.
    pub environments: Option<Environments>,
}

impl Values {
    /// Returns the handle of a string; the empty one for `None`.
    pub fn str(&mut self, value: Option<&str>) -> Str {
        value.map_or_else(Str::default, |value| self.strings.str(value))
    }

    /// Returns the handle of a long text; the empty one for `None`.
    pub fn text(&mut self, value: Option<&str>) -> Text {
        value.map_or_else(Text::default, |value| self.texts.intern(value))
    }

    /// Returns the handle of a runtime environment, given by its index and by its text without values, which is used
    /// where the values were not stored. Fails on an index beyond the list.
    pub fn runtime_env(&mut self, index: Option<i32>, shown: Option<&str>) -> Option<Str> {
        match (&self.environments, index) {
            (Some(environments), Some(index)) => Some(self.strings.str(environments.get(index)?)),
            _ => Some(self.str(shown)),
        }
    }

    /// Returns the handle of an id in hex digits. Fails on anything but those of a number of bytes.
    pub fn id_of(&mut self, hex: &str, bytes: usize) -> Option<Id> {
        if hex.len() == 2 * bytes { self.id(Some(hex)) } else { None }
    }

    /// Returns the handle of an id in hex digits; no id for `None`. Fails on anything but pairs of hex digits.
    pub fn id(&mut self, hex: Option<&str>) -> Option<Id> {
        let Some(hex) = hex else { return Some(Id::default()) };
        if hex.len() % 2 != 0 {
            return None;
        }
        // Events may name ids of any length, where Ray's have 28 bytes at most.
        let (mut short, mut long) = ([0; 32], Vec::new());
        let bytes = if let Some(bytes) = short.get_mut(..hex.len() / 2) {
            bytes
        } else {
            long.resize(hex.len() / 2, 0);
            &mut long
        };
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(self.ids.id(bytes))
    }
}

fn digit(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_pairs_of_lower_case_hex_digits() {
        let mut values = Values::default();
        assert_eq!(values.id(None), Some(Id::default()));
        let id = values.id(Some("0a0b")).unwrap();
        assert_eq!(values.ids.values().id(id), [10, 11]);
        let long = values.id(Some(&"0f".repeat(100))).unwrap();
        assert_eq!(values.ids.values().id(long), [15; 100]);
        for bad in ["0a0", "0A", "zz"] {
            assert_eq!(values.id(Some(bad)), None, "{bad}");
        }
    }
}
