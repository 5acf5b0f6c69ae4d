//! A large bucket: 100,000 sessions of 50 namespaces, 10,000 marks, twenty rules; and the greatest memory of this process.

use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use ray_history_retention::settings::{Match, Mode, Pattern, Rule, Settings};
use ray_history_retention::time::DAY;
use ray_history_retention::tombstone::{Removed, SCHEMA};
use ray_history_retention::tombstones::{Stored, Tombstones};
use ray_history_retention::{Candidate, Digest, Phase, Proof, State, Survey, Tombstone};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const SESSIONS: usize = 100_000;
const MARKS: usize = 10_000;
const NAMESPACES: usize = 50;
pub(crate) const NOW: i64 = 20_000 * DAY;

/// Returns the greatest resident memory of this process so far, in bytes.
pub(crate) fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

pub(crate) fn sessions() -> Vec<Candidate> {
    (0..SESSIONS).map(session).collect()
}

/// Returns the marks of some sessions.
pub(crate) fn tombstones(settings: &Settings, sessions: &[Candidate]) -> Tombstones {
    let mut marks = Tombstones::default();
    let digest = settings.digest();
    for session in sessions.iter().step_by(SESSIONS / MARKS) {
        let Survey { digest: of_objects, objects, bytes, .. } = session.survey.unwrap();
        let tombstone = Tombstone {
            schema: SCHEMA.to_owned(),
            phase: Phase::Marked,
            at: NOW - DAY,
            not_before: NOW + 6 * DAY,
            rule: 19,
            reason: "rule 20: its newest file was written 45 d ago, and maxAge is 30 d".to_owned(),
            rules_digest: digest.clone(),
            digest: of_objects,
            objects,
            bytes,
            owner: None,
            changed: NOW - DAY,
            checked: None,
            deleted: Removed::default(),
            empty: None,
            unknown: BTreeMap::new(),
        };
        let key = format!("ray-history/v1/tombstones/{}.json", session.key);
        let stored = Stored { tombstone: Some(tombstone), etag: Some("0123456789abcdef".to_owned()), key };
        marks.insert(session.key.clone(), stored);
    }
    marks
}

fn session(number: usize) -> Candidate {
    let cluster = ClusterId { namespace: format!("team-{}", number % NAMESPACES), name: format!("train-{number:05}") };
    let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_{number:06}_1")).unwrap();
    let age = i64::try_from(number % 200).unwrap_or_default() * DAY;
    let survey = Survey { newest: Some(NOW - age), objects: 500, bytes: 10 << 20, digest: Digest(number as u128) };
    Candidate {
        owner: number.is_multiple_of(3).then(|| Owner { kind: OwnerKind::RayJob, name: format!("nightly-{number}") }),
        namespace_known: true,
        state: if number.is_multiple_of(100) { State::Live } else { State::Dead },
        proof: Some(Proof::NoSuchObject),
        ended: number.is_multiple_of(2).then_some(NOW - age),
        first_listed: Some(NOW - 2 * DAY),
        is_watched: true,
        survey: Some(survey),
        ..Candidate::new(SessionKey { cluster, session })
    }
}

pub(crate) fn settings() -> Settings {
    let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(*text)).collect();
    let mut rules: Vec<Rule> = (0..18)
        .map(|number| Rule {
            matches: Match { owners: patterns(&[&format!("*{number}-nothing*")]), ..Match::default() },
            max_age: Some(Duration::from_secs(86_400)),
            ..Rule::default()
        })
        .collect();
    let nightly = Match { owners: patterns(&["nightly-*"]), ..Match::default() };
    rules.push(Rule { matches: nightly, max_age: Some(Duration::from_secs(30 * 86_400)), ..Rule::default() });
    rules.push(Rule { max_sessions: Some(500), max_bytes: Some(4 << 30), ..Rule::default() });
    let protect = vec![Match { namespaces: patterns(&["audit", "team-7"]), ..Match::default() }];
    Settings { mode: Mode::Delete, rules, protect, ..Settings::default() }
}
