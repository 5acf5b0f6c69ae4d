//! One mark in the bucket: a session that will be deleted, is being deleted, or was.

#[cfg(test)]
mod tests;

use crate::candidate::Digest;
use crate::settings::SHORTEST;
use crate::time::{self, rfc3339};
use ray_history_core::base::name::{Owner, OwnerKind};
use ray_history_core::base::time::Nanos;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use thiserror::Error;

/// The form that this version writes and understands.
pub const SCHEMA: &str = "ray-history/tombstone/v1";
/// The length up to which a mark is read.
pub const MAX_READ: u64 = 64 << 10;
/// The characters of a text in a mark.
const MAX_TEXT: usize = 1_000;
/// The bytes of fields that this version does not know and keeps.
const MAX_UNKNOWN: usize = 16 << 10;

/// The step that a session has reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It will be deleted. It is shown as ever, with the date.
    Marked,
    /// It was marked, and stays.
    Unmarked,
    /// Its objects are being deleted. It is hidden.
    Deleting,
    /// Its objects are gone. It is hidden.
    Deleted,
    /// A step of a later version.
    Other(String),
}

impl Phase {
    /// Returns the word in the document.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Marked => "marked",
            Self::Unmarked => "unmarked",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Other(word) => word,
        }
    }

    /// Returns `true` if the session is closed, and must neither be listed nor opened.
    pub fn hides(&self) -> bool {
        matches!(self, Self::Deleting | Self::Deleted)
    }
}

impl Serialize for Phase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Phase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Ok(match word.as_str() {
            "marked" => Self::Marked,
            "unmarked" => Self::Unmarked,
            "deleting" => Self::Deleting,
            "deleted" => Self::Deleted,
            other => Self::Other(cut(other, 100)),
        })
    }
}

/// Numbers of what was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Removed {
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Removed {
    /// Returns the sum of both.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self { objects: self.objects.saturating_add(more.objects), bytes: self.bytes.saturating_add(more.bytes) }
    }
}

/// An owner in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredOwner {
    /// `rayjob` or `rayservice`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl StoredOwner {
    /// Returns the stored form of an owner.
    pub fn of(owner: &Owner) -> Self {
        Self { kind: owner.kind.folder().to_owned(), name: owner.name.clone() }
    }

    /// Returns the owner; `None` if it is of another kind.
    pub fn owner(&self) -> Option<Owner> {
        Some(Owner { kind: OwnerKind::from_folder(&self.kind)?, name: self.name.clone() })
    }
}

/// The document of a mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    /// [`SCHEMA`].
    pub schema: String,
    /// The step.
    pub phase: Phase,
    /// Time of the mark.
    #[serde(with = "rfc3339")]
    pub at: Nanos,
    /// Time before which nothing is deleted.
    #[serde(with = "rfc3339")]
    pub not_before: Nanos,
    /// The index of the rule, from zero.
    pub rule: usize,
    /// The sentence that says why.
    pub reason: String,
    /// The digest of the rules.
    pub rules_digest: String,
    /// The digest of the session's listing.
    #[serde(with = "digest")]
    pub digest: Digest,
    /// Objects of the session at the mark.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The owner of the cluster: its name is part of keys, and the marker that tells it is deleted first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<StoredOwner>,
    /// Time of the last change of the phase.
    #[serde(with = "rfc3339")]
    pub changed: Nanos,
    /// Time of the last check before deletion: objects written less than a day before it, or later, are left.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub checked: Option<Nanos>,
    /// Numbers of the objects that were deleted so far, as far as runs that failed could note them.
    #[serde(default)]
    pub deleted: Removed,
    /// Time at which a listing long after the deletion found nothing.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub empty: Option<Nanos>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// A stored mark that this version cannot read, and does not replace.
#[derive(Debug, Error)]
pub enum NotUnderstood {
    /// It is too long.
    #[error("the mark is longer than {MAX_READ} bytes")]
    TooLong,
    /// It is none: no JSON, or not of this form.
    #[error("this is no mark")]
    Malformed(#[source] serde_json::Error),
    /// A later version of ray-history wrote it.
    #[error("the mark was written by another version of ray-history: {0}")]
    Other(String),
}

impl Tombstone {
    /// Reads a stored mark.
    pub fn read(bytes: &[u8]) -> Result<Self, NotUnderstood> {
        /// The schema alone, which is read first.
        #[derive(Deserialize)]
        struct Schema {
            #[serde(default)]
            schema: String,
        }
        if bytes.len() as u64 > MAX_READ {
            return Err(NotUnderstood::TooLong);
        }
        let Schema { schema } = serde_json::from_slice(bytes).map_err(NotUnderstood::Malformed)?;
        if schema != SCHEMA {
            return Err(NotUnderstood::Other(cut(&schema, 100)));
        }
        let mut read: Self = serde_json::from_slice(bytes).map_err(NotUnderstood::Malformed)?;
        read.reason = cut(&read.reason, MAX_TEXT);
        read.rules_digest = cut(&read.rules_digest, MAX_TEXT);
        if serde_json::to_vec(&read.unknown).map_or(0, |bytes| bytes.len()) > MAX_UNKNOWN {
            read.unknown.clear();
        }
        Ok(read)
    }

    /// Returns the bytes to store.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Texts, numbers and JSON values always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns the document with the next step.
    #[must_use]
    pub fn with(&self, phase: Phase, changed: Nanos) -> Self {
        Self { phase, changed, ..self.clone() }
    }

    /// Returns the time from which a marked session may be deleted. A grace that became longer counts.
    pub fn due(&self, grace: Duration) -> Nanos {
        self.not_before.max(self.at.saturating_add(time::nanos(grace.max(SHORTEST))))
    }

    /// Returns `true` if the session must neither be listed nor opened.
    pub fn hides(&self) -> bool {
        self.phase.hides()
    }
}

/// Returns the first characters of a text, without control characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

mod digest {
    use crate::candidate::Digest;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::parse(&text).ok_or_else(|| D::Error::custom("a digest is not one"))
    }
}
