//! The checks of one node: what its manifests claim, against what is stored and what Ray counted.

use super::agents::Agents;
use super::{Doubt, FRESH, Found, Limit, Loss, Lost, MAX_LOSSES, Most, NamedNode, Proof, Stored, Uncertain, Verdict};
use crate::digest::Digest;
use crate::manifest::{Collector, Events, Manifest, State};
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::EventFile;
use std::collections::BTreeMap;

/// A manifest that is younger than this at the time of the listing may already name what was not listed yet.
const AHEAD: Nanos = 300 * super::SECOND;

/// The facts that were found so far.
#[derive(Debug, Default)]
pub(super) struct Facts {
    losses: Vec<Loss>,
    doubts: Vec<Doubt>,
    limits: Vec<Limit>,
    /// The latest time at which Ray's counters proved a node that is closed.
    proved_at: Nanos,
    records: u64,
}

/// The claims of all manifests of one node.
struct Node<'a> {
    name: &'a str,
    manifests: Vec<(&'a str, &'a Manifest)>,
    /// All of them are closed: what they claim is final.
    closed: bool,
    /// The listing may be older than a manifest.
    ahead: bool,
    alive: bool,
}

impl Facts {
    /// Adds a node with manifests. Without `stored` only the manifests are looked at.
    pub(super) fn add(&mut self, name: &str, found: &[&Found], stored: Option<&Stored>, now: Nanos) {
        let (mut manifests, doubts) = (Vec::new(), self.doubts.len());
        for found in found {
            match &found.manifest {
                Ok(manifest) => manifests.push((found.spool.as_str(), manifest)),
                Err(error) => self.doubt(name, Uncertain::NotUnderstood(error.clone())),
            }
        }
        if self.doubts.len() > doubts {
            // What it claims is unknown, so nothing of the node can be compared.
            return;
        }
        let newer = found.iter().any(|found| found.newer);
        // What a newer one closes is compared with the next listing.
        let closed = !newer && manifests.iter().all(|(_, manifest)| manifest.state == State::Closed);
        let open = || manifests.iter().filter(|(_, manifest)| manifest.state != State::Closed);
        let ahead =
            newer || !closed && manifests.iter().any(|(_, manifest)| now.saturating_sub(manifest.written) < AHEAD);
        let alive = open().any(|(_, manifest)| now.saturating_sub(manifest.written) < manifest.collector.fresh_for());
        let node = Node { name, manifests, closed, ahead, alive };
        self.check_claims(&node);
        self.check_counters(&node, stored.map(|stored| stored.records));
        if let Some(stored) = stored {
            self.check_events(&node, stored);
            self.check_logs(&node, stored);
        }
    }

    /// Adds a node that events name and that has no manifest. A collector writes its first within a minute.
    pub(super) fn without_manifest(&mut self, node: &NamedNode, now: Nanos) {
        let NamedNode { id, start } = node;
        if *start > 0 && now.saturating_sub(*start) < FRESH {
            self.limits.push(Limit { node: id.clone(), to: *start, alive: true, most: None });
        } else {
            self.lose(id, Lost::NoCollector);
        }
    }

    /// Returns the proof.
    pub(super) fn into_proof(self, nodes: usize) -> Proof {
        let Self { mut losses, doubts, limits, proved_at, records } = self;
        let unlisted = losses.len().saturating_sub(MAX_LOSSES) as u64;
        losses.truncate(MAX_LOSSES);
        let verdict = match limits.iter().map(|limit| limit.to).min() {
            _ if !losses.is_empty() => Verdict::Gaps,
            _ if !doubts.is_empty() => Verdict::NoKnownGaps,
            Some(to) => Verdict::CompleteTo(to),
            None => Verdict::Complete(proved_at),
        };
        Proof { verdict, losses, unlisted, doubts, limits, nodes, records }
    }

    fn check_events(&mut self, node: &Node<'_>, found: &Stored) {
        let events = || node.manifests.iter().map(|(_, manifest)| &manifest.events);
        let mut growing: BTreeMap<&str, u64> = BTreeMap::new();
        for file in events().flat_map(|events| &events.growing) {
            growing.insert(&file.key, file.size);
        }
        let mut rest = Vec::new();
        for file in &found.events {
            match growing.get(file.0.as_str()) {
                Some(size) if *size <= file.1 => _ = growing.remove(file.0.as_str()),
                Some(_) => {}
                None => rest.push(file),
            }
        }
        let mut sealed = (0u64, Digest::default());
        for events in events() {
            sealed.0 = sealed.0.saturating_add(events.sealed.objects);
            sealed.1.join(events.sealed.digest);
        }
        match compare(&rest, sealed, node.closed) {
            Compared::Fewer(missing) if !node.ahead => {
                self.lose(node.name, Lost::EventFiles { missing, of: sealed.0 });
            }
            Compared::Other if !node.ahead => self.lose(node.name, Lost::ChangedEventFiles),
            Compared::More(files) if node.closed => self.doubt(node.name, Uncertain::UnnamedFiles(files)),
            _ => {}
        }
        for key in growing.into_keys().filter(|_| !node.ahead) {
            self.lose(node.name, Lost::EventFile { key: key.to_owned() });
        }
        let stored = events().fold(0u64, |sum, events| sum.saturating_add(events.records));
        let read = found.records;
        if read < stored && !node.ahead {
            self.lose(node.name, Lost::Records { missing: stored - read, of: stored });
        } else if read > stored && node.closed {
            self.doubt(node.name, Uncertain::UnnamedRecords(read - stored));
        }
    }

    fn check_logs(&mut self, node: &Node<'_>, found: &Stored) {
        let mut settled = (0u64, Digest::default());
        for (_, Manifest { logs, .. }) in &node.manifests {
            settled.0 = settled.0.saturating_add(logs.settled.objects);
            settled.1.join(logs.settled.digest);
        }
        match compare(&found.logs.iter().collect::<Vec<_>>(), settled, node.closed) {
            Compared::Fewer(missing) if !node.ahead => self.lose(node.name, Lost::LogFiles { missing, of: settled.0 }),
            // Settled files are replaced by longer ones while the node lives.
            Compared::Other if node.closed => self.lose(node.name, Lost::ChangedLogFiles),
            _ => {}
        }
        for (spool, Manifest { logs, .. }) in node.manifests.iter().filter(|_| !node.ahead) {
            let (first, last) = (logs.segments.first.max(1), logs.segments.last);
            if first > last {
                continue;
            }
            let of = (last - first).saturating_add(1);
            let stored = found.segments.get(*spool).map_or(0, |stored| stored.range(first..=last).count() as u64);
            if stored < of {
                self.lose(node.name, Lost::LogSegments { missing: of - stored, of });
            }
        }
    }

    /// Takes over what the manifests themselves say is missing.
    fn check_claims(&mut self, node: &Node<'_>) {
        let mut quarantined = 0u64;
        for (_, Manifest { events, logs, .. }) in &node.manifests {
            self.records = self.records.saturating_add(events.records);
            quarantined = quarantined.saturating_add(events.quarantined);
            // What is no file, such as a socket, is skipped with an empty range.
            let skipped = logs.skipped.iter().filter(|range| range.from < range.to);
            for range in logs.lost.iter().chain(skipped) {
                self.lose(node.name, Lost::Log(range.clone()));
            }
        }
        if quarantined > 0 {
            self.lose(node.name, Lost::Quarantined { events: quarantined });
        }
    }

    /// Compares the counters of Ray with what was accepted. `read` is the number of records that were read.
    fn check_counters(&mut self, node: &Node<'_>, read: Option<u64>) {
        let mut agents = Agents::default();
        node.manifests.iter().flat_map(|(_, manifest)| &manifest.ray).for_each(|agent| agents.add(agent));
        for (event_type, events) in agents.dropped() {
            self.lose(node.name, Lost::Dropped { event_type: event_type.to_owned(), events });
        }
        if agents.not_taken() > 0 {
            self.lose(node.name, Lost::NotTaken { events: agents.not_taken() });
        }
        let sum = |of: fn(&Events) -> u64| {
            node.manifests.iter().map(|(_, manifest)| u128::from(of(&manifest.events))).sum::<u128>()
        };
        let (stored, quarantined) = (sum(|events| events.records), sum(|events| events.quarantined));
        // Files of a node that did not close may have grown after its last manifest.
        let later = read.filter(|_| !node.closed).map_or(0, u128::from);
        let accepted = stored.max(later) + quarantined;
        // What a living node accepted is stored soon.
        let is_final = node.closed || (!node.alive && !node.ahead && read.is_some());
        let at_most = |events: u128| u64::try_from(events).unwrap_or(u64::MAX);
        let unknown_from = agents.unknown_from();
        if agents.is_empty() {
            self.doubt(node.name, Uncertain::NoCounters);
        } else if agents.published() > accepted && is_final {
            self.lose(node.name, Lost::NotRecorded { events: at_most(agents.published() - accepted) });
        } else if agents.wanted() > accepted && is_final {
            self.lose(node.name, Lost::NotPublished { events: at_most(agents.wanted() - accepted) });
        } else if agents.published() < accepted && unknown_from.is_none() && node.closed {
            self.doubt(node.name, Uncertain::UncountedEvents(at_most(accepted - agents.published())));
        }
        let (name, alive) = (node.name.to_owned(), node.alive);
        if !node.closed {
            let last = || node.manifests.iter().map(|(_, manifest)| *manifest);
            let open = || last().filter(|manifest| manifest.state != State::Closed);
            let to = open().map(|manifest| manifest.flushed_to).min();
            let to = to.or_else(|| last().map(|manifest| manifest.flushed_to).max()).unwrap_or_default();
            let most = |of: fn(&Collector) -> f64| open().map(|manifest| whole(of(&manifest.collector))).max();
            let most = Most {
                events: most(|collector| collector.flush_seconds).unwrap_or_default(),
                logs: most(|collector| collector.log_seconds).unwrap_or_default(),
                system_logs: most(|collector| collector.system_log_seconds).unwrap_or_default(),
            };
            self.limits.push(Limit { node: name, to, alive, most: Some(most) });
        } else if let Some(to) = unknown_from {
            // Ray's counters say nothing of the time from the last look to its end.
            let ended = node.manifests.iter().map(|(_, manifest)| manifest.ray_ended).max().unwrap_or_default();
            let seconds =
                u64::try_from(ended.saturating_sub(to)).ok().map(|nanos| nanos.div_ceil(super::SECOND as u64));
            let most = seconds.map(|events| Most { events, ..Most::default() });
            self.limits.push(Limit { node: name, to, alive, most });
        } else {
            self.proved_at = self.proved_at.max(agents.last_look());
        }
    }

    fn lose(&mut self, node: &str, what: Lost) {
        self.losses.push(Loss { node: node.to_owned(), what });
    }

    fn doubt(&mut self, node: &str, why: Uncertain) {
        self.doubts.push(Doubt { node: node.to_owned(), why });
    }
}

/// Returns seconds, rounded up.
#[expect(clippy::cast_sign_loss, reason = "it is not negative, and too much of it saturates")]
fn whole(seconds: f64) -> u64 {
    seconds.max(0.0).ceil() as u64
}

/// The listed files, compared with those of a manifest.
enum Compared {
    Same,
    Fewer(u64),
    More(u64),
    /// As many, but others.
    Other,
}

/// Compares listed files with the number and the digest of a manifest. One that is not final may be older than the
/// newest files, which are left out.
fn compare(listed: &[&(String, u64)], (objects, digest): (u64, Digest), is_final: bool) -> Compared {
    let of = |files: &[&(String, u64)]| {
        let mut digest = Digest::default();
        for (key, size) in files {
            digest.add(key, *size);
        }
        digest
    };
    let count = listed.len() as u64;
    if count < objects {
        return Compared::Fewer(objects - count);
    }
    if count == objects {
        return if of(listed) == digest { Compared::Same } else { Compared::Other };
    }
    if !is_final {
        let mut oldest = listed.to_vec();
        oldest.sort_by_cached_key(|(key, _)| {
            key.rsplit('/').next().and_then(EventFile::parse).and_then(|file| file.written)
        });
        if of(&oldest[..objects as usize]) == digest {
            return Compared::Same;
        }
    }
    Compared::More(count - objects)
}
