//! The text of a survey of a store. Names and reasons come from the store, so they are escaped as in the log.

use super::units::{ago, bytes, count};
use crate::escape::escaped;
use ray_history_core::event::EventKind;
use ray_history_core::snapshot::completeness::EventCounts;
use ray_history_core::snapshot::gaps;
use ray_history_session::{Content, Newest, Survey};
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::time::SystemTime;

/// Event types of the tables in every dashboard.
const EXPECTED: [EventKind; 12] = [
    EventKind::TaskDefinition,
    EventKind::ActorTaskDefinition,
    EventKind::TaskLifecycle,
    EventKind::TaskProfile,
    EventKind::DriverJobDefinition,
    EventKind::DriverJobLifecycle,
    EventKind::NodeDefinition,
    EventKind::NodeLifecycle,
    EventKind::ActorDefinition,
    EventKind::ActorLifecycle,
    EventKind::WorkerDefinition,
    EventKind::WorkerLifecycle,
];

/// Maximum number of examples of keys that could not be listed.
const EXAMPLES: usize = 3;

/// A survey of a store, for display.
#[derive(Debug)]
pub struct Report<'a> {
    /// The survey.
    pub survey: &'a Survey,
    /// The store, as a URL.
    pub url: &'a str,
    /// The searched prefixes, as in the settings.
    pub roots: &'a [String],
    /// The time of the survey.
    pub now: SystemTime,
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let listing = &self.survey.listing;
        write!(f, "{}", self.url)?;
        if self.roots != [""] {
            write!(f, " below {}", join_roots(self.roots))?;
        }
        let Some(newest) = &self.survey.newest else { return self.empty(f) };
        let clusters: BTreeSet<_> = listing.iter().map(|entry| entry.key.cluster).collect();
        let namespaces: BTreeSet<_> = clusters.iter().map(|cluster| &cluster.namespace).collect();
        let counts = [
            count(listing.len() as u64, "session"),
            count(clusters.len() as u64, "cluster"),
            count(namespaces.len() as u64, "namespace"),
        ];
        writeln!(f, ": {} of {} in {}", counts[0], counts[1], counts[2])?;
        let unmarked = listing.iter().filter(|entry| !entry.marked).count() as u64;
        if unmarked > 0 {
            let (verb, their) = if unmarked == 1 { ("has", "its") } else { ("have", "their") };
            writeln!(
                f,
                "  {unmarked} of them {verb} no marker: {their} head runs, or was killed (KubeRay's collector writes \
                 the marker when the head ends)"
            )?;
        }
        if self.survey.cut {
            writeln!(f, "  not all folders were inspected: there are too many; a server finds the rest over time")?;
        }
        self.oddities(f)?;
        self.trees(f)?;
        self.newest(f, newest)
    }
}

impl Report<'_> {
    fn oddities(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let listing = &self.survey.listing;
        for (oddities, what) in
            [(&listing.skipped, "could not be listed"), (&listing.unknown_keys, "is not a known marker")]
        {
            for example in oddities.examples.iter().take(EXAMPLES) {
                writeln!(f, "  {what}: {}", escaped(example))?;
            }
            let more = oddities.count.saturating_sub(EXAMPLES as u64);
            if more > 0 {
                writeln!(f, "  {what}: {more} more")?;
            }
        }
        Ok(())
    }

    fn trees(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nLayouts")?;
        for tree in &self.survey.trees {
            writeln!(f, "  {:<18} {}", tree.folder(), tree.description())?;
        }
        Ok(())
    }

    fn newest(&self, f: &mut Formatter<'_>, newest: &Newest) -> fmt::Result {
        let key = &newest.entry.key;
        writeln!(f, "\nNewest session")?;
        write!(f, "  {} of {}/{}", key.session, escaped(&key.cluster.namespace), escaped(&key.cluster.name))?;
        match &newest.entry.owner {
            Some(owner) => writeln!(f, ", created by {} {}", owner.kind.kind(), escaped(&owner.name))?,
            None => writeln!(f)?,
        }
        if let Some(written) = newest.last_written {
            // Clocks differ: a file from the future counts as new.
            let age = self.now.duration_since(written).unwrap_or_default();
            writeln!(f, "  last written {}", ago(age))?;
        }
        writeln!(
            f,
            "  {} ({}), {}, {} of the live dashboard",
            count(newest.event_files, "event file"),
            bytes(newest.event_bytes),
            count(newest.log_files, "log file"),
            count(newest.endpoints, "stored answer"),
        )?;
        match &newest.content {
            Content::Whole(session, gaps) => {
                events(f, &session.snapshot.completeness.events, "Events")?;
                if gaps.is_empty() {
                    return writeln!(f, "\nNothing is known to be missing.");
                }
                writeln!(f, "\nMissing")?;
                for gap in gaps {
                    writeln!(f, "  - {}.", escaped(gap.message.trim_end_matches('.')))?;
                    if let Some(advice) = &gap.advice {
                        writeln!(f, "    {}", escaped(advice))?;
                    }
                }
                Ok(())
            }
            Content::Sampled { files, events: counts } => {
                events(f, counts, &format!("Events in the beginnings of {}", count(*files, "file")))?;
                let unseen: Vec<EventKind> =
                    EXPECTED.into_iter().filter(|kind| counts.has_none_of(std::slice::from_ref(kind))).collect();
                if unseen.is_empty() {
                    return Ok(());
                }
                writeln!(f, "\nNot among them, by chance or because nothing of the kind ran")?;
                writeln!(f, "  {}", names(&unseen))?;
                writeln!(f, "    {}", gaps::export(&unseen, None))
            }
            Content::Unreadable(error) => writeln!(f, "\nIt cannot be opened: {}", escaped(&error.to_string())),
        }
    }

    /// Reports an empty store: the expected keys, and how collectors write them.
    fn empty(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, ": no session")?;
        self.oddities(f)?;
        if let Some(root) = self.survey.roots_below.first() {
            let root = escaped(root.trim_end_matches('/'));
            return writeln!(
                f,
                "\nIts folder {root}/ has what collectors write: add {root} to spec.storage.rootDirs (--root-dir {root} \
                 with --local-dir, STORAGE_ROOT_DIR={root} with --storage-backend)."
            );
        }
        let root = match self.roots.first().map(|root| root.trim_matches('/')) {
            Some("") | None => String::new(),
            Some(root) => format!("{root}/"),
        };
        write!(
            f,
            "\nExpected for each session of a Ray cluster:\n  \
             {root}cluster-history/…/NAMESPACE/…/SESSION/   events while the cluster runs, logs when it ends\n  \
             {root}cluster-metadata/…/SESSION               an empty object, when the head ends\n\n\
             A collector next to each Ray container writes this:\n  \
             - ray-history-collect: docs/collector.md says how to add it. Its first events come within seconds.\n  \
             - KubeRay's: KubeRay 1.7 adds it for spec.historyServerOptions of a RayCluster, if its feature gate \
             RayClusterHistoryServer is on. Its first file of events is uploaded after five minutes; \
             docs/collecting.md has a complete example.\n  \
             - Its STORAGE_BACKEND and bucket must name this store, and STORAGE_ROOT_DIR must be {}.\n  \
             - Its log says what it does: kubectl logs POD -c ray-history-collector.\n  \
             - {}\n",
            join_roots(self.roots),
            gaps::export_anything(None),
        )
    }
}

fn events(f: &mut Formatter<'_>, counts: &EventCounts, title: &str) -> fmt::Result {
    writeln!(f, "\n{title}")?;
    let seen = EventKind::ALL.into_iter().filter(|kind| counts.of(*kind) > 0);
    let mut none = true;
    for kind in seen {
        none = false;
        writeln!(f, "  {:<34} {}", kind.name(), counts.of(kind))?;
    }
    if none { writeln!(f, "  none") } else { Ok(()) }
}

fn names(kinds: &[EventKind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

fn join_roots(roots: &[String]) -> String {
    let words: Vec<&str> = roots.iter().map(|root| if root.is_empty() { "\"\"" } else { root.as_str() }).collect();
    words.join(" or ")
}
