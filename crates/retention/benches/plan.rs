//! `cargo bench -p ray-history-retention`: time and memory of the plan of 100,000 sessions.
//!
//! Memory is all that is allocated for the sessions and their plan, at its greatest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on must stop")]

use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use ray_history_retention::settings::{Match, Mode, Pattern, Rule, Settings};
use ray_history_retention::time::DAY;
use ray_history_retention::tombstones::Tombstones;
use ray_history_retention::{Candidate, Digest, Plan, Proof, State, Survey, plan};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SESSIONS: usize = 100_000;
const NAMESPACES: usize = 50;
const NOW: i64 = 20_000 * DAY;
const ROUNDS: usize = 10;

fn main() {
    let before = resident();
    let sessions: Vec<Candidate> = (0..SESSIONS).map(session).collect();
    let held = resident().saturating_sub(before);
    let settings = settings();
    let tombstones = Tombstones::default();
    let mut times = Vec::new();
    let mut last = Plan::default();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        last = plan(&settings, &sessions, &tombstones, NOW, None, &BTreeMap::new());
        times.push(begun.elapsed());
    }
    let all = resident().saturating_sub(before);
    times.sort_unstable();
    println!("{SESSIONS} sessions, {} rules: {} beyond a limit", settings.rules.len(), last.planned.sessions);
    println!("a plan        {:>7.1?} (least) {:>7.1?} (most)", times[0], times[ROUNDS - 1]);
    println!("sessions      {:>7.1} MiB", held as f64 / f64::from(1 << 20));
    println!("with the plan {:>7.1} MiB", all as f64 / f64::from(1 << 20));
}

/// Returns the resident memory of this process in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
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

fn settings() -> Settings {
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
