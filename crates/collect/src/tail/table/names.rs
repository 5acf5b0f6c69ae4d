//! The names of log files in the bucket, and the file that has each.
//!
//! A file is stored under the first path that it was seen under. If another file comes up under that path, the older one
//! gets a name of its own, and the newer one waits until the older one's bytes are stored there. If the older one cannot
//! be read any more, and its object is all that is left of some of its bytes, it keeps the name, and the newer one gets
//! a name of its own.

use super::Table;
use crate::tail::file::LogFile;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The names of objects, by path below `logs/`.
pub(in crate::tail) type Names = HashMap<Arc<str>, Name>;

/// The file that has a name, and the object of that name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::tail) struct Name {
    /// The file.
    pub(in crate::tail) owner: u64,
    /// The length of the object.
    pub(in crate::tail) stored: Option<u64>,
    /// `true` if the object may be all that is left of some bytes of a file that cannot be read any more.
    pub(in crate::tail) is_last_copy: bool,
}

/// A name in a state file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::tail) struct SavedName {
    pub(in crate::tail) path: String,
    #[serde(flatten)]
    pub(in crate::tail) name: Name,
}

impl Table {
    /// Gives a new file the name that it was seen under.
    pub(super) fn take_name(&mut self, key: u64, file: &mut LogFile) {
        let name = self.names.entry(Arc::clone(&file.name)).or_insert(Name { owner: key, ..Name::default() });
        if name.is_last_copy {
            file.is_rotated = true;
            return;
        }
        let before = std::mem::replace(&mut name.owner, key);
        if let Some(older) = self.files.get_mut(&before).filter(|_| before != key) {
            if older.settled.take().is_some() {
                file.after = Some(before);
            }
            // It may itself wait for a still older one, whose object has the name.
            file.after = file.after.or(older.after.take());
            older.is_rotated = true;
        }
    }

    /// Notes that a file is forgotten, which had a name or had to leave it to another.
    pub(super) fn leave_name(&mut self, key: u64, file: &LogFile) {
        let Some(name) = self.names.get_mut(&file.name) else { return };
        if name.owner == key {
            name.is_last_copy = file.released > 0;
            return;
        }
        let waiting = self.files.values_mut().find(|waiting| waiting.after == Some(key));
        let Some(waiting) = waiting else { return };
        waiting.after = None;
        if file.settled.is_none() && file.released > 0 {
            waiting.is_rotated = true;
            name.is_last_copy = true;
        }
    }
}
