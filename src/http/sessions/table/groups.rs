//! Rows of one page that belong together: attempts of one `RayJob`, and runs of one object that makes `RayJobs`.
//!
//! They are grouped only where an object or an owner reference with a uid says so, never by their names: a `RayJob` may
//! have been made again with the same name.

use crate::http::sessions::run::ShownRun;
use ray_history_obituary::facts::Kind;
use ray_history_session::catalog::Entry;
use std::collections::HashMap;

/// The place of a row in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The kind and the name of what made the runs.
    of: String,
    /// `true` for attempts of a `RayJob`.
    is_attempt: bool,
    /// The place in the order of time, from one.
    place: usize,
    /// The number of rows.
    count: usize,
}

impl Group {
    /// Returns the CSS class of the row.
    pub(super) fn class(&self) -> &'static str {
        if self.place == self.count { "group last" } else { "group" }
    }

    /// Returns the place in words.
    pub(super) fn words(&self) -> String {
        let Self { of, is_attempt, place, count } = self;
        if *is_attempt {
            format!("attempt {place} of {count} on this page")
        } else {
            format!("{of}: run {place} of {count} on this page")
        }
    }
}

/// Returns the group of each session of a page, oldest first within it; `None` for one that stands alone.
pub(super) fn groups(entries: &[Entry], runs: &[ShownRun]) -> Vec<Option<Group>> {
    let keys: Vec<Option<(String, String, bool)>> = runs.iter().map(key).collect();
    let mut members: HashMap<&(String, String, bool), Vec<usize>> = HashMap::new();
    for (at, key) in keys.iter().enumerate() {
        if let Some(key) = key {
            members.entry(key).or_default().push(at);
        }
    }
    let mut groups = vec![None; entries.len()];
    for ((of, _, is_attempt), mut members) in members {
        let count = members.len();
        if count > 1 {
            members.sort_by_key(|at| entries[*at].key.session.local_micros());
            for (place, at) in members.into_iter().enumerate() {
                groups[at] = Some(Group { of: of.clone(), is_attempt: *is_attempt, place: place + 1, count });
            }
        }
    }
    groups
}

/// Returns what made a run: its name for people, its uid, and whether the run is an attempt of it.
fn key(run: &ShownRun) -> Option<(String, String, bool)> {
    let told = run.told()?;
    match (&told.owner, told.object.kind) {
        (Some(owner), Kind::RayJob) if !owner.uid.is_empty() => {
            Some((format!("{} {}", owner.kind, owner.name), owner.uid.clone(), false))
        }
        (_, Kind::RayJob) => Some((String::new(), told.object.uid.clone(), true)),
        (Some(owner), Kind::RayCluster) if owner.kind == Kind::RayJob.name() && !owner.uid.is_empty() => {
            Some((String::new(), owner.uid.clone(), true))
        }
        _ => None,
    }
}
