//! Replays of recorded runs: in order, in any other order, in parts, and with gaps.

use crate::scenes::recorded::{ALL, Recorded, Version, versions};
use ray_history_obituary::cause::{Certainty, Outcome};
use ray_history_obituary::document::{Document, Kubernetes};
use ray_history_obituary::facts::Kind;
use ray_history_obituary::records::Records;
use ray_history_obituary::time::Time;
use std::collections::BTreeSet;

/// The memory that the facts of one object may take in these runs.
const USUAL_WEIGHT: usize = 48 << 10;

fn feed(versions: &[Version]) -> Records {
    let mut records = Records::default();
    for version in versions {
        version.feed(&mut records);
    }
    records
}

/// Returns the documents of all objects, an hour after the end.
fn documents(records: &Records) -> Vec<Document> {
    let now = Time::parse("2026-11-29T09:00:00Z").unwrap();
    let objects = records.objects().filter(|object| object.kind != Kind::RayService);
    objects.map(|object| records.document(&object.uid, now, "w", &Kubernetes::default(), None).unwrap()).collect()
}

fn bytes(records: &Records) -> Vec<String> {
    documents(records).iter().map(|document| String::from_utf8(document.to_bytes().unwrap()).unwrap()).collect()
}

/// A generator of numbers that are the same at each start.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn shuffled(&mut self, versions: &[Version]) -> Vec<Version> {
        let mut shuffled = versions.to_vec();
        for last in (1..shuffled.len()).rev() {
            shuffled.swap(last, self.next(last + 1));
        }
        shuffled
    }
}

fn assert_right(recorded: &Recorded, document: &Document) {
    let shown = format!("{}, {}: {:#?}", recorded.name, document.object.kind, document.runs);
    assert_eq!(document.outcome, recorded.outcome, "{shown}");
    let expected = if document.object.kind == Kind::RayJob { recorded.runs } else { 1 };
    assert_eq!(document.runs.len(), expected, "{shown}");
    for run in &document.runs {
        let first = run.first_cause().map(|cause| (cause.code, cause.certainty));
        assert_eq!(first, recorded.cause, "{shown}");
        let sentence = run.sentence(&document.facts);
        assert!(sentence.ends_with('.') && sentence.chars().count() <= 1_000, "{sentence}");
        assert!(!sentence.contains(['{', '\u{1b}', '\n']), "{sentence}");
    }
}

#[test]
fn recorded_runs_have_the_right_first_cause() {
    for recorded in &ALL {
        let records = feed(&versions(recorded.name));
        for document in documents(&records) {
            let weight = records.weight_of(&document.object.uid).unwrap();
            let stored = document.to_bytes().unwrap().len();
            let kind = document.object.kind;
            println!("{} {kind}, {weight} bytes, {stored} stored: {}", recorded.name, document.sentence());
            assert_right(recorded, &document);
            assert!(weight <= USUAL_WEIGHT, "{}: {weight}", recorded.name);
        }
    }
}

#[test]
fn order_and_repeats_give_one_document() {
    let mut numbers = Numbers(7);
    for recorded in &ALL {
        let versions = versions(recorded.name);
        let expected = bytes(&feed(&versions));
        let reversed: Vec<Version> = versions.iter().rev().cloned().collect();
        assert_eq!(bytes(&feed(&reversed)), expected, "{} reversed", recorded.name);
        for _ in 0..5 {
            let mut shuffled = numbers.shuffled(&versions);
            let again: Vec<Version> = (0..20).map(|_| versions[numbers.next(versions.len())].clone()).collect();
            shuffled.extend(again);
            assert_eq!(bytes(&feed(&shuffled)), expected, "{} shuffled", recorded.name);
        }
    }
}

/// Two replicas see different halves, each writes, and each joins the other's document.
#[test]
fn parts_of_two_writers_give_one_document() {
    let mut numbers = Numbers(11);
    for recorded in &ALL {
        let versions = versions(recorded.name);
        let whole = documents(&feed(&versions));
        let (mut one, mut other) = (Records::default(), Records::default());
        for version in &versions {
            // Identity comes with each version of the object itself; a replica that never saw it writes nothing.
            let both = version.kind.starts_with("Ray") || version.kind == "Job";
            let side = numbers.next(2);
            if both || side == 0 {
                version.feed(&mut one);
            }
            if both || side == 1 {
                version.feed(&mut other);
            }
        }
        for ((one, other), whole) in documents(&one).into_iter().zip(documents(&other)).zip(whole) {
            let forward = one.clone().join(other.clone(), None);
            let backward = other.clone().join(one.clone(), None);
            assert_eq!(forward.to_bytes().unwrap(), backward.to_bytes().unwrap(), "{}", recorded.name);
            let again = forward.clone().join(one, None).join(other, None);
            assert_eq!(again, forward, "{}", recorded.name);
            assert_eq!(forward.runs, whole.runs, "{}", recorded.name);
            assert_eq!(Document::read(&forward.to_bytes().unwrap()).unwrap(), forward, "{}", recorded.name);
        }
    }
}

/// A gap of the watch from one version to another, closed by a listing of what is there then.
fn with_gap(versions: &[Version], from: usize, to: usize, told: bool) -> Records {
    let mut records = Records::default();
    for version in &versions[..from] {
        version.feed(&mut records);
    }
    let missed = &versions[from..to];
    let seen = missed.last().map(|version| version.at).unwrap_or_default();
    if told {
        records.unseen(None, "a gap, not watched");
    }
    // The listing has the newest version of each object that is there, also of those that the gap did not touch.
    let mut there = BTreeSet::new();
    for version in versions[..to].iter().rev() {
        if !there.insert(version.uid.clone()) {
            continue;
        }
        if version.deleted {
            records.vanished(&version.uid, seen);
        } else if version.kind != "Event" || told {
            // Where the gap is not told, Events are lost, too.
            records.apply(&version.object, seen);
        }
    }
    for version in &versions[to..] {
        version.feed(&mut records);
    }
    records
}

/// A first cause that is certain is the right one, whatever is missed.
#[test]
fn gaps_make_no_wrong_cause_certain() {
    let (mut all, mut right, mut certain) = (0, 0, 0);
    let mut wrong = Vec::new();
    for recorded in &ALL {
        let versions = versions(recorded.name);
        for length in [1, 4, 12, 30, 60, 100] {
            for from in (0..versions.len()).step_by(3) {
                let to = (from + length).min(versions.len());
                for told in [true, false] {
                    for document in documents(&with_gap(&versions, from, to, told)) {
                        let Some(run) = document.runs.last() else { continue };
                        let first = run.first_cause();
                        all += 1;
                        let good = first.map(|cause| cause.code) == recorded.cause.map(|(code, _)| code);
                        right += usize::from(good);
                        let sure = first.is_some_and(|cause| cause.certainty == Certainty::Certain);
                        certain += usize::from(sure);
                        let opposite = recorded.outcome == Outcome::Failed && run.outcome == Outcome::Succeeded;
                        if sure && !good || opposite {
                            let sentence = document.sentence();
                            let kind = document.object.kind;
                            wrong.push(format!("{} {kind} {from}..{to} {told}: {sentence}", recorded.name));
                        }
                    }
                }
            }
        }
    }
    println!(
        "{all} documents with gaps: first cause right in {right}, certain in {certain}, wrong and certain in {}",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(right * 10 >= all * 8, "{right} of {all} right");
}
