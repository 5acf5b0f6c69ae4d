use super::*;
use crate::Digest;
use crate::manifest::{AgentCounters, Events, GrowingFile, Identity, Logs, Reason, Role, SealedFiles, Segments, State};
use crate::manifest::{Collector, SettledLogs};
use proptest::prelude::*;

/// The time of the last look at Ray's counters.
const LOOK: Nanos = 1_795_946_399 * SECOND;
/// The time of the listing, long after all manifests.
const LATER: Nanos = LOOK + 86_400 * SECOND;
const NODE: &str = "a9134f";

fn events_key(created: u64) -> String {
    format!("node_events/{NODE}-2026-11-29-10-{created}.jsonl.gz")
}

fn digest(files: &[(String, u64)]) -> Digest {
    let mut digest = Digest::default();
    for (key, size) in files {
        digest.add(key, *size);
    }
    digest
}

/// A node of two sealed event files, two logs and a segment, all of whose events were published: 100 of 103, three of
/// which were filtered.
fn whole() -> (Manifest, Stored) {
    let events = vec![(events_key(1), 500), (events_key(2), 300)];
    let logs = vec![("logs/raylet.out".to_owned(), 40), ("logs/worker-1.out".to_owned(), 60)];
    let agent = AgentCounters {
        pid: 812,
        from: LOOK - 600 * SECOND,
        at: LOOK,
        received: 103,
        published: 100,
        filtered: 3,
        quiet: true,
        ..AgentCounters::default()
    };
    let manifest = Manifest {
        format: crate::FORMAT.into(),
        written: LOOK + SECOND,
        flushed_to: LOOK + SECOND,
        collector: Collector {
            flush_seconds: 10.0,
            log_seconds: 30.0,
            system_log_seconds: 300.0,
            ..Collector::default()
        },
        state: State::Closed,
        reason: Some(Reason::PodEnded),
        identity: Identity { node: NODE.into(), role: Role::Head, ..Identity::default() },
        events: Events {
            records: 100,
            sealed: SealedFiles { objects: 2, bytes: 800, records: 100, digest: digest(&events) },
            ..Events::default()
        },
        ray: vec![agent],
        logs: Logs {
            settled: SettledLogs { objects: 2, bytes: 100, digest: digest(&logs) },
            segments: Segments { first: 3, last: 3 },
            ..Logs::default()
        },
        ..Manifest::default()
    };
    let segments = [("s".to_owned(), [3].into())].into();
    (manifest, Stored { events, logs, segments, records: 100 })
}

fn found(node: &str, manifest: Manifest) -> Found {
    Found { node: node.into(), spool: "s".into(), manifest: Ok(manifest), newer: false }
}

/// Proves a session of one node at a time.
fn prove_at(now: Nanos, change: impl FnOnce(&mut Manifest, &mut Stored)) -> Proof {
    let (mut manifest, mut stored) = whole();
    change(&mut manifest, &mut stored);
    let named = [NamedNode { id: NODE.into(), start: LOOK - 600 * SECOND }];
    proof(&[found(NODE, manifest)], &[(NODE.to_owned(), stored)].into(), &named, now).unwrap()
}

fn prove(change: impl FnOnce(&mut Manifest, &mut Stored)) -> Proof {
    prove_at(LATER, change)
}

fn losses(change: impl FnOnce(&mut Manifest, &mut Stored)) -> Vec<Lost> {
    let Proof { verdict, losses, .. } = prove(change);
    assert_eq!(verdict == Verdict::Gaps, !losses.is_empty());
    losses.into_iter().map(|loss| loss.what).collect()
}

fn doubts(change: impl FnOnce(&mut Manifest, &mut Stored)) -> Vec<Uncertain> {
    let Proof { verdict, doubts, losses, .. } = prove(change);
    assert_eq!((verdict, losses), (Verdict::NoKnownGaps, Vec::new()));
    doubts.into_iter().map(|doubt| doubt.why).collect()
}

#[test]
fn a_closed_node_whose_numbers_agree_is_complete() {
    let proof = prove(|_, _| ());
    assert_eq!((proof.verdict, proof.nodes, proof.records), (Verdict::Complete(LOOK), 1, 100));
    assert_eq!((proof.losses, proof.doubts, proof.limits), (Vec::new(), Vec::new(), Vec::new()));
    assert_eq!(super::proof(&[], &BTreeMap::new(), &[], LATER), None);
}

#[test]
fn what_ray_dropped_is_told_by_type() {
    let dropped = [("TASK_DEFINITION_EVENT", 900), ("TASK_LIFECYCLE_EVENT", 75)].map(|(name, n)| (name.to_owned(), n));
    let lost = losses(|manifest, _| {
        let agent = &mut manifest.ray[0];
        agent.received += 975;
        agent.dropped = dropped.clone().into();
        agent.dropped.insert("ACTOR_LIFECYCLE_EVENT".into(), 0);
    });
    assert_eq!(lost, dropped.map(|(event_type, events)| Lost::Dropped { event_type, events }));
    let lost = losses(|manifest, _| {
        manifest.ray[0].received += 4;
        manifest.ray[0].add_failures = 4;
    });
    assert_eq!(lost, [Lost::NotTaken { events: 4 }]);
}

/// Nothing more comes from an agent that lost events, once all others are published.
#[test]
fn an_agent_that_lost_events_may_be_quiet() {
    let losses: [fn(&mut AgentCounters); 2] =
        [|agent| _ = agent.dropped.insert("A".to_owned(), 9), |agent| agent.add_failures = 9];
    for lose in losses {
        let proof = prove(|manifest, _| {
            manifest.ray[0].received += 9;
            lose(&mut manifest.ray[0]);
        });
        assert_eq!((proof.verdict, proof.losses.len(), proof.limits), (Verdict::Gaps, 1, Vec::new()));
        let proof = prove(|manifest, _| {
            manifest.ray[0].received += 10;
            lose(&mut manifest.ray[0]);
        });
        assert_eq!(proof.limits.len(), 1, "one is on its way");
    }
}

#[test]
fn what_is_not_in_the_bucket_is_told() {
    let lost = losses(|_, stored| _ = stored.events.pop());
    assert_eq!(lost, [Lost::EventFiles { missing: 1, of: 2 }]);
    assert_eq!(losses(|_, stored| stored.events[0].1 = 499), [Lost::ChangedEventFiles]);
    assert_eq!(losses(|_, stored| stored.records = 93), [Lost::Records { missing: 7, of: 100 }]);
    assert_eq!(losses(|_, stored| _ = stored.logs.pop()), [Lost::LogFiles { missing: 1, of: 2 }]);
    assert_eq!(losses(|_, stored| stored.logs[0].1 = 1), [Lost::ChangedLogFiles]);
    let lost = losses(|manifest, _| manifest.logs.segments.last = 7);
    assert_eq!(lost, [Lost::LogSegments { missing: 4, of: 5 }]);
    let lost = losses(|manifest, _| manifest.logs.segments = Segments { first: 0, last: u64::MAX });
    assert_eq!(lost, [Lost::LogSegments { missing: u64::MAX - 1, of: u64::MAX }]);
    let grown = |size| GrowingFile { key: events_key(9), size, records: 0 };
    let lost = losses(|manifest, _| manifest.events.growing.push(grown(10)));
    assert_eq!(lost, [Lost::EventFile { key: events_key(9) }]);
    for (listed, missing) in [(9, true), (10, false), (11, false)] {
        let lost = losses(|manifest, stored| {
            manifest.events.growing.push(grown(10));
            stored.events.push((events_key(9), listed));
        });
        assert_eq!(!lost.is_empty(), missing, "{listed}");
    }
}

#[test]
fn what_the_collector_says_is_missing_is_told() {
    let range = LogRange { path: "worker-1.out".into(), from: 5, to: 9, why: "overwritten".into() };
    let lost = losses(|manifest, _| manifest.logs.lost.push(range.clone()));
    assert_eq!(lost, [Lost::Log(range.clone())]);
    assert_eq!(losses(|manifest, _| manifest.logs.skipped.push(range.clone())), [Lost::Log(range)]);
    let special = LogRange { path: "pipe".into(), why: "no file".into(), ..LogRange::default() };
    assert_eq!(prove(|manifest, _| manifest.logs.skipped.push(special.clone())).losses, []);
    assert_eq!(losses(|manifest, _| manifest.logs.lost.push(special.clone())), [Lost::Log(special)]);
    let lost = losses(|manifest, _| {
        manifest.events.quarantined = 2;
        manifest.ray[0].published += 2;
        manifest.ray[0].received += 2;
    });
    assert_eq!(lost, [Lost::Quarantined { events: 2 }]);
}

#[test]
fn what_ray_counted_and_nobody_stored_is_told() {
    // Acknowledged, and not recorded.
    let lost = losses(|manifest, _| (manifest.ray[0].published, manifest.ray[0].received) = (105, 108));
    assert_eq!(lost, [Lost::NotRecorded { events: 5 }]);
    // Received by the agent, which was killed.
    let received = |manifest: &mut Manifest, _: &mut Stored| manifest.ray[0].received = 110;
    assert_eq!(losses(received), [Lost::NotPublished { events: 7 }]);
    let on_its_way = prove_at(LOOK + 2 * SECOND, |manifest, stored| {
        received(manifest, stored);
        manifest.state = State::Open;
    });
    assert_eq!(on_its_way.losses, [], "it is alive");
    // Acknowledged and never stored, by a node that was lost after its last manifest.
    let silent = |manifest: &mut Manifest, stored: &mut Stored| {
        manifest.state = State::Open;
        (manifest.ray[0].published, manifest.ray[0].received) = (105, 108);
        stored.records = 103;
    };
    assert_eq!(losses(silent), [Lost::NotRecorded { events: 2 }]);
    assert_eq!(prove_at(LOOK + 2 * SECOND, silent).losses, [], "they are in its spool");
}

/// A node counts as alive for as long as its collector said that it writes nothing, within bounds.
#[test]
fn the_manifest_tells_how_long_its_node_is_alive() {
    for (heartbeat, age, alive) in [
        (0.0, 179, true),
        (0.0, 180, false),
        (345.0, 359, true),
        (345.0, 360, false),
        (f64::INFINITY, 899, true),
        (1e300, 900, false),
        (-1e300, 179, true),
        (f64::NAN, 180, false),
    ] {
        let proof = prove_at(LOOK + (1 + age) * SECOND, |manifest, _| {
            (manifest.state, manifest.collector.heartbeat_seconds) = (State::Open, heartbeat);
        });
        assert_eq!(proof.limits[0].alive, alive, "{heartbeat} {age}");
    }
}

#[test]
fn a_node_that_did_not_close_is_complete_to_its_last_flush() {
    for (state, seconds, alive) in
        [(State::Open, 2, true), (State::Open, 200, false), (State::Draining, 2, true), (State::Open, 86_400, false)]
    {
        let proof = prove_at(LOOK + seconds * SECOND, |manifest, stored| {
            manifest.state = state;
            // Files that are newer than the manifest.
            stored.events.push((events_key(7), 9));
            stored.records += 3;
        });
        let to = LOOK + SECOND;
        let most = Most { events: 10, logs: 30, system_logs: 300 };
        assert_eq!((proof.verdict, &proof.doubts), (Verdict::CompleteTo(to), &Vec::new()), "{state:?} {seconds}");
        assert_eq!(proof.limits, [Limit { node: NODE.into(), to, alive, most: Some(most) }]);
    }
}

#[test]
fn a_node_that_ray_outlived_is_complete_to_the_last_look() {
    for (ray_ended, seconds) in [(0, None), (LOOK - 1, None), (LOOK + SECOND + 1, Some(2)), (Nanos::MIN, None)] {
        let proof = prove(|manifest, stored| {
            manifest.ray[0].quiet = false;
            manifest.ray_ended = ray_ended;
            (manifest.events.records, stored.records) = (120, 120);
        });
        let most = seconds.map(|events| Most { events, ..Most::default() });
        let limit = Limit { node: NODE.into(), to: LOOK, alive: false, most };
        assert_eq!((proof.verdict, proof.limits), (Verdict::CompleteTo(LOOK), vec![limit]));
    }
}

/// A listing may be older than the manifest that is read after it.
#[test]
fn a_manifest_of_a_living_node_may_be_ahead_of_the_listing() {
    let older = |manifest: &mut Manifest, stored: &mut Stored| {
        manifest.state = State::Open;
        stored.events.pop();
        stored.records = 60;
        stored.logs.clear();
        stored.segments.clear();
    };
    assert_eq!(prove_at(LOOK, older).losses, []);
    assert_eq!(prove_at(LATER, older).losses.len(), 4, "now it must be there");
}

/// It may close the node with files that came after the listing.
#[test]
fn a_manifest_that_is_newer_than_the_listing_proves_no_end() {
    let (mut manifest, mut stored) = whole();
    stored.events.pop();
    stored.records = 60;
    manifest.flushed_to = LOOK;
    let newer = Found { newer: true, ..found(NODE, manifest) };
    let proof = proof(&[newer], &[(NODE.to_owned(), stored)].into(), &[], LATER).unwrap();
    assert_eq!((proof.verdict, proof.losses), (Verdict::CompleteTo(LOOK), Vec::new()));
}

#[test]
fn what_cannot_be_compared_is_no_gap() {
    assert_eq!(doubts(|manifest, _| manifest.ray.clear()), [Uncertain::NoCounters]);
    let found = doubts(|manifest, stored| (manifest.events.records, stored.records) = (120, 120));
    assert_eq!(found, [Uncertain::UncountedEvents(20)], "of an agent that was never asked");
    assert_eq!(doubts(|_, stored| stored.records = 101), [Uncertain::UnnamedRecords(1)]);
    assert_eq!(doubts(|_, stored| stored.events.push((events_key(7), 9))), [Uncertain::UnnamedFiles(1)]);
    let why = NotUnderstood::Format("ray-history/manifest/9".into());
    let newer = Found { node: NODE.into(), spool: "s".into(), manifest: Err(why.clone()), newer: false };
    let (_, stored) = whole();
    let proof = proof(&[newer], &[(NODE.to_owned(), stored)].into(), &[], LATER).unwrap();
    let doubt = Doubt { node: NODE.into(), why: Uncertain::NotUnderstood(why) };
    assert_eq!((proof.verdict, proof.doubts), (Verdict::NoKnownGaps, vec![doubt]));
}

#[test]
fn a_node_without_a_collector_is_a_gap() {
    let (manifest, stored) = whole();
    let stored = [(NODE.to_owned(), stored)].into();
    for (start, verdict) in [
        (0, Verdict::Gaps),
        (LATER - FRESH, Verdict::Gaps),
        (LATER - FRESH + 1, Verdict::CompleteTo(LATER - FRESH + 1)),
    ] {
        let named = [NamedNode { id: "bb".into(), start }];
        let proof = proof(&[found(NODE, manifest.clone())], &stored, &named, LATER).unwrap();
        assert_eq!(proof.verdict, verdict, "{start}");
        let without = Loss { node: "bb".into(), what: Lost::NoCollector };
        assert_eq!(proof.losses.first(), (verdict == Verdict::Gaps).then_some(&without));
    }
}

#[test]
fn two_spools_of_a_node_are_summed() {
    let (manifest, mut stored) = whole();
    let (mut first, mut second) = (manifest.clone(), manifest);
    let files = stored.events.clone();
    for (manifest, file) in [(&mut first, 0), (&mut second, 1)] {
        let digest = digest(&files[file..=file]);
        manifest.events.sealed = SealedFiles { objects: 1, digest, ..SealedFiles::default() };
    }
    (first.events.records, second.events.records) = (70, 30);
    second.logs.settled = SettledLogs::default();
    // Both saw the same agent, the first one earlier.
    (first.ray[0].at, first.ray[0].published, first.ray[0].quiet) = (LOOK - SECOND, 70, false);
    stored.segments.insert("t".into(), [3].into());
    let mut spools = [found(NODE, first), found(NODE, second)];
    spools[1].spool = "t".into();
    let proof = proof(&spools, &[(NODE.to_owned(), stored)].into(), &[], LATER).unwrap();
    assert_eq!((proof.verdict, proof.losses, proof.nodes), (Verdict::Complete(LOOK), Vec::new(), 1));
}

#[test]
fn the_newest_head_tells_whether_a_session_goes_on() {
    let head = |written: Nanos, state, reason| {
        let (mut manifest, _) = whole();
        (manifest.written, manifest.state, manifest.reason) = (written, state, reason);
        found("head", manifest)
    };
    let closed = head(LOOK, State::Closed, Some(Reason::PodEnded));
    let newer = head(LOOK + 600 * SECOND, State::Open, None);
    let mut worker = head(LOOK + 900 * SECOND, State::Closed, Some(Reason::PodEnded));
    worker.manifest.as_mut().unwrap().identity.role = Role::Worker;
    for (manifests, seconds, life) in [
        (vec![&closed], 1, Life::Dead),
        (vec![&closed, &newer], 601, Life::Live),
        (vec![&newer, &closed], 601 + 180, Life::Silent),
        (vec![&newer, &worker], 590, Life::Live),
        (vec![&head(LOOK, State::Closed, Some(Reason::SessionEnded))], 1, Life::Dead),
        (vec![&head(LOOK, State::Closed, Some(Reason::RayletRestarted))], 1, Life::Live),
    ] {
        let manifests: Vec<Found> = manifests.into_iter().cloned().collect();
        assert_eq!(Head::of(&manifests).unwrap().life(LOOK + seconds * SECOND), life, "{seconds}");
    }
    assert_eq!(Head::of(&[worker]), None);
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let numbers = prop::collection::vec(prop_oneof![0u64..200, any::<u64>()], 12);
    (numbers, any::<(bool, i64, i64)>(), 0u64..3).prop_map(|(n, (closed, written, at), files)| {
        let (mut manifest, _) = whole();
        manifest.state = if closed { State::Closed } else { State::Open };
        (manifest.written, manifest.ray[0].at) = (written, at);
        let agent = &mut manifest.ray[0];
        (agent.received, agent.published, agent.filtered, agent.add_failures) = (n[0], n[1], n[2], n[3]);
        agent.dropped = [("A".to_owned(), n[4]), ("B".to_owned(), n[5])].into();
        (manifest.events.records, manifest.events.quarantined) = (n[6], n[7]);
        (manifest.events.sealed.objects, manifest.logs.settled.objects) = (n[8], files);
        manifest.logs.segments = Segments { first: n[9], last: n[10] };
        manifest
    })
}

proptest! {
    /// No manifest makes a session complete that lacks a record, an object, or an event that Ray counted.
    #[test]
    fn no_numbers_prove_what_is_not_there(manifest in any_manifest(), other in any_manifest(), now in any::<i64>()) {
        let (_, stored) = whole();
        let manifests = [found(NODE, manifest), found(NODE, other)];
        let proof = proof(&manifests, &[(NODE.to_owned(), stored.clone())].into(), &[], now).unwrap();
        let all = || manifests.iter().filter_map(|found| found.manifest.as_ref().ok());
        if matches!(proof.verdict, Verdict::Complete(_)) {
            prop_assert!(all().all(|manifest| manifest.state == State::Closed));
            prop_assert_eq!(all().map(|manifest| u128::from(manifest.events.records)).sum::<u128>(), 100);
            prop_assert!(all().all(|manifest| manifest.ray[0].dropped() == 0 && manifest.events.quarantined == 0));
        }
        prop_assert_eq!(proof.verdict == Verdict::Gaps, !proof.losses.is_empty());
    }

    /// The order of manifests does not matter to the verdict.
    #[test]
    fn order_of_manifests_does_not_matter(one in any_manifest(), other in any_manifest(), now in any::<i64>()) {
        let (_, stored) = whole();
        let stored = [(NODE.to_owned(), stored)].into();
        let named = [NamedNode { id: "n".into(), start: 0 }];
        let [first, second] = [(&one, &other), (&other, &one)]
            .map(|(a, b)| proof(&[found("n", a.clone()), found("m", b.clone())], &stored, &named, now).unwrap());
        prop_assert_eq!(first.verdict, second.verdict);
        prop_assert_eq!(first.losses.len(), second.losses.len());
    }
}
