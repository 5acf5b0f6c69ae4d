//! Events, one for each object, reason and note without its numbers.

use crate::join::{Join, Keyed, greatest};
use crate::time::Time;
use ray_history_core::base::numbers::without_numbers;
use serde::{Deserialize, Serialize};

/// Events of one kind about one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Event {
    /// The last time.
    pub at: Time,
    /// The first time.
    pub first: Time,
    /// The greatest number that one of them counts.
    pub count: i64,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason.
    pub reason: String,
    /// The kind and the name of the object.
    pub about: String,
    /// The program that reports it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// The text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Keyed for Event {
    type Key = (String, String, String);

    fn key(&self) -> Self::Key {
        (self.about.clone(), self.reason.clone(), without_numbers(&self.note))
    }
}

impl Join for Event {
    fn join(&mut self, other: Self) {
        // The note of the first one is kept.
        if (other.first, &other.note) < (self.first, &self.note) {
            self.note = other.note;
        }
        greatest(&mut self.at, other.at);
        self.first = self.first.min(other.first);
        greatest(&mut self.count, other.count);
        greatest(&mut self.kind, other.kind);
        greatest(&mut self.from, other.from);
    }
}
