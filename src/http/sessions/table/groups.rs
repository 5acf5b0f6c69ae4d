//! Rows of one page that belong together: attempts of one `RayJob`, and runs of one object that makes `RayJobs`.
//!
//! They are attempts only where an object or an owner reference with a uid says so: a `RayJob` may have been made again with
//! the same name. Without an obituary the name of the `RayJob` is all that is stored; runs of one name, and of names that
//! differ in what a schedule appends to them, are marked as named alike, which claims no more.

use crate::http::sessions::run::ShownRun;
use ray_history_core::base::name::OwnerKind;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::Row;
use ray_history_session::catalog::Entry;
use std::collections::HashMap;

/// Letters and digits of suffixes that Kubernetes and KubeRay make up; no vowels, so hardly any word is one.
const SUFFIX: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The place of a row in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The name for people of what made the runs; `None` for attempts of a `RayJob`.
    of: Option<String>,
    /// The place in the order of time, from one.
    place: usize,
    /// The number of rows.
    count: usize,
}

/// The thing that made a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Maker {
    /// The `RayJob` with a uid, of which the run is an attempt.
    Attempts(String),
    /// An object that makes `RayJobs`: its kind and name, and its uid.
    Object(String, String),
    /// `RayJobs` of a namespace whose names begin alike.
    Named(String, String),
}

impl Group {
    /// Returns the CSS class of the row.
    pub(super) fn class(&self) -> &'static str {
        if self.place == self.count { "group last" } else { "group" }
    }

    /// Returns the place in words.
    pub(super) fn words(&self) -> String {
        let Self { of, place, count } = self;
        match of {
            None => format!("attempt {place} of {count} on this page"),
            Some(of) => format!("{of}: run {place} of {count} on this page"),
        }
    }
}

/// Returns the group of each session of a page, oldest first within it; `None` for one that stands alone.
pub(super) fn groups(entries: &[Entry], runs: &[ShownRun]) -> Vec<Option<Group>> {
    let makers = entries.iter().zip(runs).map(|(entry, run)| match run.told() {
        Some(row) => told(row),
        None => named(entry),
    });
    grouped(entries, &makers.collect::<Vec<_>>())
}

fn grouped(entries: &[Entry], makers: &[Option<Maker>]) -> Vec<Option<Group>> {
    let mut members: HashMap<&Maker, Vec<usize>> = HashMap::new();
    for (at, maker) in makers.iter().enumerate() {
        if let Some(maker) = maker {
            members.entry(maker).or_default().push(at);
        }
    }
    let mut groups = vec![None; entries.len()];
    for (maker, mut members) in members {
        let count = members.len();
        if count > 1 {
            members.sort_by_key(|at| entries[*at].key.session.local_micros());
            let of = words(maker, members.iter().map(|at| &entries[*at]));
            for (place, at) in members.into_iter().enumerate() {
                groups[at] = Some(Group { of: of.clone(), place: place + 1, count });
            }
        }
    }
    groups
}

/// Returns the name for people of what made some runs; `None` for attempts of a `RayJob`.
fn words<'a>(maker: &Maker, mut members: impl Iterator<Item = &'a Entry>) -> Option<String> {
    match maker {
        Maker::Attempts(_) => None,
        Maker::Object(of, _) => Some(of.clone()),
        Maker::Named(_, stem) => {
            let name = |entry: &'a Entry| entry.owner.as_ref().map(|owner| owner.name.as_str());
            let first = members.next().and_then(name)?;
            let is_one = members.all(|entry| name(entry) == Some(first));
            Some(if is_one { format!("RayJobs named {first}") } else { format!("RayJobs named {stem}-…") })
        }
    }
}

/// Returns what made a run, as its obituary tells it.
fn told(row: &Row) -> Option<Maker> {
    match (&row.owner, row.object.kind) {
        (Some(owner), Kind::RayJob) if !owner.uid.is_empty() => {
            Some(Maker::Object(format!("{} {}", owner.kind, owner.name), owner.uid.clone()))
        }
        (_, Kind::RayJob) => Some(Maker::Attempts(row.object.uid.clone())),
        (Some(owner), Kind::RayCluster) if owner.kind == Kind::RayJob.name() && !owner.uid.is_empty() => {
            Some(Maker::Attempts(owner.uid.clone()))
        }
        _ => None,
    }
}

/// Returns the `RayJobs` that a run without an obituary is one of, as the names of its files tell it.
fn named(entry: &Entry) -> Option<Maker> {
    let owner = entry.owner.as_ref().filter(|owner| owner.kind == OwnerKind::RayJob)?;
    Some(Maker::Named(entry.key.cluster.namespace.clone(), stem(&owner.name).to_owned()))
}

/// Returns a name without the suffix that a schedule appends: five of the letters and digits that Kubernetes makes up, or
/// minutes or seconds since 1970.
fn stem(name: &str) -> &str {
    let is_made_up = |suffix: &str| suffix.len() == 5 && suffix.chars().all(|c| SUFFIX.contains(c));
    let is_time = |suffix: &str| matches!(suffix.len(), 8..=10) && suffix.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once('-') {
        Some((stem, suffix)) if !stem.is_empty() && (is_made_up(suffix) || is_time(suffix)) => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, Owner, SessionKey, SessionName};
    use ray_history_obituary::document::ObjectId;
    use ray_history_obituary::facts::OwnerRef;

    fn entry(namespace: &str, job: &str, minute: u32) -> Entry {
        let session = SessionName::parse(&format!("session_2026-11-22_10-{minute:02}-00_000001_1")).unwrap();
        let cluster = ClusterId { namespace: namespace.into(), name: format!("{job}-cluster") };
        let owner = Owner { kind: OwnerKind::RayJob, name: job.into() };
        let (key, owner) = (SessionKey { cluster, session }, Some(owner));
        Entry { key, owner, marked: true, written: None, namespace_known: true }
    }

    fn shown(entries: &[Entry], makers: &[Option<Maker>]) -> Vec<String> {
        grouped(entries, makers).iter().map(|group| group.as_ref().map_or_else(String::new, Group::words)).collect()
    }

    #[test]
    fn runs_of_a_schedule_are_found_by_their_names() {
        let names =
            ["nightly-x7k2p", "nightly-bcdf2", "nightly-29374560", "train", "train", "train-small", "eval-x7k2p"];
        let mut entries: Vec<Entry> =
            names.iter().zip(0..).map(|(name, minute)| entry("ml", name, 50 - minute)).collect();
        entries.push(entry("other", "nightly-zzzz9", 30));
        let mut cluster = entry("ml", "train", 20);
        cluster.owner = None;
        entries.push(cluster);
        let makers: Vec<Option<Maker>> = entries.iter().map(named).collect();
        assert_eq!(
            shown(&entries, &makers),
            [
                "RayJobs named nightly-…: run 3 of 3 on this page",
                "RayJobs named nightly-…: run 2 of 3 on this page",
                "RayJobs named nightly-…: run 1 of 3 on this page",
                "RayJobs named train: run 2 of 2 on this page",
                "RayJobs named train: run 1 of 2 on this page",
                "",
                "",
                "",
                "",
            ]
        );
    }

    /// Those that an obituary tells of are no part of a group by names.
    #[test]
    fn uids_come_before_names() {
        let row = |kind, uid: &str, owner: &str| Row {
            object: ObjectId { kind, uid: uid.into(), ..ObjectId::default() },
            owner: Some(OwnerRef { kind: owner.into(), name: "nightly".into(), uid: "owner".into() }),
            ..Row::default()
        };
        let of_cron = row(Kind::RayJob, "u", "RayCronJob");
        let of_job = row(Kind::RayCluster, "c", "RayJob");
        let alone = row(Kind::RayCluster, "d", "RayService");
        let entries = [1, 2, 3, 4, 5, 6].map(|minute| entry("ml", "nightly-x7k2p", minute));
        let makers = [&of_job, &of_job, &of_cron, &of_cron, &alone].map(told).into_iter();
        let makers: Vec<Option<Maker>> = makers.chain([named(&entries[5])]).collect();
        let expected = [
            "attempt 1 of 2 on this page",
            "attempt 2 of 2 on this page",
            "RayCronJob nightly: run 1 of 2 on this page",
            "RayCronJob nightly: run 2 of 2 on this page",
            "",
            "",
        ];
        assert_eq!(shown(&entries, &makers), expected);
    }

    #[test]
    fn only_made_up_suffixes_are_left_out() {
        for (name, expected) in [
            ("nightly-x7k2p", "nightly"),
            ("a-b-1795943029", "a-b"),
            ("train-small", "train-small"),
            ("train-v2", "train-v2"),
            ("train-2024", "train-2024"),
            ("-x7k2p", "-x7k2p"),
            ("", ""),
        ] {
            assert_eq!(stem(name), expected);
        }
    }
}
