//! The record of runs in the bucket: the number of sessions of the last days, the halt where that shrinks, and totals.

#[cfg(test)]
mod tests;

use crate::keys;
use crate::time::{DAY, day, rfc3339};
use crate::tombstone::Removed;
use bytes::Bytes;
use ray_history_core::base::time::Nanos;
use ray_history_storage::{Error, ErrorKind, ReadRange, Storage};
use ray_history_storage_write::{If, Put, StorageWrite};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The form that this version writes and understands.
pub const SCHEMA: &str = "ray-history/retention/v1";
/// The length up to which a record is read.
const MAX_READ: u64 = 64 << 10;
/// The share of sessions that may be gone since a day of the record, in percent.
const MAX_LOST: u64 = 20;
/// Days that are remembered.
const DAYS: usize = 2;
/// The break after which old marks are not followed at once.
const BREAK: Nanos = 14 * DAY;
/// The time for which marks are shown again after a break.
const SHOWN: Nanos = DAY;

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct State {
    /// [`SCHEMA`].
    pub schema: String,
    /// The first run of each of the last days.
    pub days: Vec<Day>,
    /// Time of the last run.
    #[serde(with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Nanos>,
    /// Time since which runs have followed each other without a break.
    #[serde(with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub since: Option<Nanos>,
    /// The halt, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<Halt>,
    /// Everything that was deleted so far.
    pub deleted: Deleted,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// The first run of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Its time.
    #[serde(with = "rfc3339")]
    pub at: Nanos,
    /// Sessions that were listed.
    pub sessions: u64,
}

/// A halt, which lasts until the settings are changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Time.
    #[serde(with = "rfc3339")]
    pub at: Nanos,
    /// The generation of the settings.
    pub generation: String,
    /// The reason.
    pub message: String,
}

/// Totals of deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deleted {
    /// Sessions.
    pub sessions: u64,
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
    /// Time of the last one.
    #[serde(with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub last: Option<Nanos>,
}

impl State {
    /// Notes a run that listed so many sessions. Returns the reason for which it must not act: the list is shorter than
    /// on a day of the record by more than a fifth, of which `deleted_since` tells how many we deleted ourselves.
    pub fn begin(
        &mut self,
        now: Nanos,
        generation: &str,
        sessions: u64,
        deleted_since: impl Fn(Nanos) -> u64,
    ) -> Option<&Halt> {
        if self.halted.as_ref().is_some_and(|halt| halt.generation != generation) {
            // Somebody has seen it, and what is listed now is the truth.
            (self.halted, self.days) = (None, Vec::new());
        }
        if self.last_run.is_none_or(|last| now.saturating_sub(last) > BREAK) {
            self.since = Some(now);
        }
        self.last_run = Some(now);
        if self.halted.is_none() {
            let shrunk = self.days.iter().find_map(|known| {
                let left = sessions.saturating_add(deleted_since(known.at));
                let lost = known.sessions.saturating_sub(left);
                (lost * 100 > known.sessions * MAX_LOST).then_some((known, lost * 100 / known.sessions.max(1)))
            });
            if let Some((known, percent)) = shrunk {
                let when = if day(known.at) == day(now) { "earlier today" } else { "yesterday" };
                let message = format!(
                    "the list has {percent} % fewer sessions than {when}: {} were listed, and now {sessions}; change the \
                     settings of retention to go on",
                    known.sessions
                );
                self.halted = Some(Halt { at: now, generation: generation.to_owned(), message });
            } else if self.days.last().is_none_or(|last| day(last.at) != day(now)) {
                self.days.push(Day { at: now, sessions });
                let many = self.days.len().saturating_sub(DAYS);
                self.days.drain(..many);
            }
        }
        self.halted.as_ref()
    }

    /// Returns the time before which nothing that was marked may be deleted: after a long break, marks are shown for a
    /// day again.
    pub fn rests_until(&self) -> Option<Nanos> {
        self.since.map(|since| since.saturating_add(SHOWN))
    }

    /// Adds deleted sessions.
    pub fn count(&mut self, sessions: u64, removed: Removed, now: Nanos) {
        let deleted = &mut self.deleted;
        deleted.sessions = deleted.sessions.saturating_add(sessions);
        deleted.objects = deleted.objects.saturating_add(removed.objects);
        deleted.bytes = deleted.bytes.saturating_add(removed.bytes);
        deleted.last = Some(now);
    }

    /// Reads the record below a root, with its tag. One that is not understood fails: without it, nothing is deleted.
    pub async fn read(store: &dyn Storage, root: &str) -> Result<(Self, Option<String>), Error> {
        let key = keys::state(root);
        let body = match store.read(&key, ReadRange::Full).await {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Self::default(), None)),
            Err(error) => return Err(error),
        };
        let etag = body.meta.etag.clone();
        let bytes = body.read_all(MAX_READ).await?;
        let state: Self = serde_json::from_slice(&bytes).map_err(|error| Error::failed(&key, error))?;
        if state.schema != SCHEMA {
            return Err(Error::failed(key, "another version of ray-history wrote the record of retention"));
        }
        Ok((state, etag))
    }

    /// Writes the record, if it is still the one that was read.
    pub async fn write(&self, writer: &dyn StorageWrite, root: &str, etag: Option<&str>) -> Result<Put, Error> {
        let state = Self { schema: SCHEMA.to_owned(), ..self.clone() };
        // Texts, numbers and JSON values always have a JSON form.
        let bytes = Bytes::from(serde_json::to_vec(&state).unwrap_or_default());
        let condition = etag.map_or(If::Absent, If::Unchanged);
        writer.put(&keys::state(root), bytes, condition).await
    }
}
