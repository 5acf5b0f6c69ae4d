use super::*;
use crate::candidate::{Digest, Proof, State, Survey};
use crate::pins::Pin;
use crate::settings::{Match, Pattern, Rule};
use crate::time::DAY;
use crate::tombstone::{Removed, SCHEMA};
use ray_history_core::base::name::{ClusterId, SessionName};
use std::time::Duration;

const NOW: Nanos = 20_000 * DAY;

fn key(namespace: &str, number: usize) -> SessionKey {
    let cluster = ClusterId { namespace: namespace.into(), name: "train".into() };
    let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_821800_{number}")).unwrap();
    SessionKey { cluster, session }
}

/// A session that nothing keeps, which ended so many days ago.
fn session(namespace: &str, number: usize, days: i64) -> Candidate {
    let newest = Some(NOW - days * DAY);
    let survey = Survey { newest, objects: 2, bytes: 100, digest: Digest(7) };
    Candidate {
        namespace_known: true,
        state: State::Dead,
        proof: Some(Proof::WatchSaw),
        first_listed: Some(NOW - 2 * DAY),
        is_watched: true,
        ended: newest,
        survey: Some(survey),
        ..Candidate::new(key(namespace, number))
    }
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

fn settings(rules: Vec<Rule>) -> Settings {
    Settings { rules, max_share: 100, ..Settings::default() }
}

fn age(count: u64) -> Rule {
    Rule { max_age: Some(days(count)), ..Rule::default() }
}

fn mark(settings: &Settings, phase: Phase, marked: Nanos) -> Tombstone {
    Tombstone {
        schema: SCHEMA.to_owned(),
        phase,
        at: marked,
        not_before: marked + 7 * DAY,
        rule: 0,
        reason: String::new(),
        rules_digest: settings.digest(),
        digest: Digest(7),
        objects: 2,
        bytes: 100,
        owner: None,
        changed: marked,
        checked: None,
        deleted: Removed::default(),
        empty: None,
        unknown: BTreeMap::new(),
    }
}

fn marks(all: Vec<(SessionKey, Tombstone)>) -> Tombstones {
    let mut tombstones = Tombstones::default();
    for (key, tombstone) in all {
        tombstones.insert(key, Stored { tombstone: Some(tombstone), etag: None, key: String::new() });
    }
    tombstones
}

fn planned(settings: &Settings, sessions: &[Candidate], tombstones: &Tombstones) -> Plan {
    plan(settings, sessions, tombstones, NOW, None, &BTreeMap::new())
}

fn decided(settings: &Settings, sessions: &[Candidate]) -> Vec<Decision> {
    planned(settings, sessions, &Tombstones::default()).decisions
}

fn goes(rule: usize, limit: Limit) -> Decision {
    Decision::Expire { rule, limit }
}

const WITHIN: Decision = Decision::Keep(Kept::WithinLimits);

#[test]
fn the_first_rule_that_matches_decides() {
    let matches = Match { namespaces: vec![Pattern::new("ml")], ..Match::default() };
    let settings = settings(vec![Rule { matches, ..age(60) }, Rule { matches: Match::default(), ..age(10) }]);
    let sessions = [session("ml", 1, 59), session("ml", 2, 60), session("ops", 3, 10), session("ops", 4, 9)];
    let expected = [WITHIN, goes(0, Limit::Age), goes(1, Limit::Age), WITHIN];
    assert_eq!(decided(&settings, &sessions), expected);
    let narrow = Settings { rules: settings.rules[..1].to_vec(), ..settings };
    assert_eq!(decided(&narrow, &sessions)[2], Decision::Keep(Kept::NoRule));
}

#[test]
fn age_counts_from_the_end_or_the_newest_object() {
    let settings = settings(vec![age(30)]);
    let ended = Candidate { survey: None, ..session("ml", 1, 40) };
    let written = Candidate { ended: None, ..session("ml", 2, 40) };
    let unknown = Candidate { ended: None, survey: None, ..session("ml", 3, 40) };
    let later = Candidate { ended: Some(NOW - DAY), ..session("ml", 4, 40) };
    let ahead = Candidate { ended: Some(NOW + 900 * DAY), ..session("ml", 5, 40) };
    let sessions = [ended, written, unknown, later, ahead];
    let plan = planned(&settings, &sessions, &Tombstones::default());
    let expected = [goes(0, Limit::Age), goes(0, Limit::Age), Decision::Survey, WITHIN, WITHIN];
    assert_eq!((&plan.decisions[..], &plan.surveys[..]), (&expected[..], &[2][..]));
    assert_eq!((plan.planned.sessions, plan.planned.bytes, plan.planned.oldest), (2, 100, Some(NOW - 40 * DAY)));
}

#[test]
fn the_newest_sessions_of_each_namespace_stay() {
    let settings = settings(vec![Rule { max_sessions: Some(2), ..Rule::default() }]);
    let mut sessions = vec![session("ml", 1, 30), session("ml", 2, 10), session("ops", 3, 90), session("ml", 4, 20)];
    let expected = [goes(0, Limit::Sessions), WITHIN, WITHIN, WITHIN];
    assert_eq!(decided(&settings, &sessions), expected);
    // A burst of sessions that stay anyway pushes nobody out.
    for number in 5..9 {
        sessions.push(Candidate { state: State::Live, ..session("ml", number, 0) });
        sessions.push(Candidate { pin: Some(Pin::Object), ..session("ml", number + 10, 3) });
    }
    assert_eq!(decided(&settings, &sessions)[..4], expected);
}

#[test]
fn sessions_of_unknown_age_push_nobody_out() {
    let settings = settings(vec![Rule { max_sessions: Some(2), ..Rule::default() }]);
    let unknown = |number| Candidate { ended: None, survey: None, ..session("ml", number, 0) };
    let mut sessions = vec![session("ml", 1, 30), session("ml", 2, 20), unknown(3), unknown(4), unknown(5)];
    assert_eq!(decided(&settings, &sessions), [Decision::Survey; 5]);
    // Three for certain, of which one is beyond the limit whatever the others are.
    sessions.push(session("ml", 6, 10));
    let expected = [goes(0, Limit::Sessions), Decision::Survey, Decision::Survey];
    assert_eq!(decided(&settings, &sessions)[..3], expected);
    // One that can never be listed keeps the rest open, and marks nothing that is within the limits.
    let sessions = [session("ml", 1, 30), session("ml", 2, 20), unknown(3)];
    assert_eq!(decided(&settings, &sessions), [Decision::Survey; 3]);
}

#[test]
fn the_bytes_of_the_newest_sessions_stay() {
    let settings = settings(vec![Rule { max_bytes: Some(250), ..Rule::default() }]);
    let mut sessions = [session("ml", 1, 30), session("ml", 2, 10), session("ml", 3, 40), session("ml", 4, 20)];
    let expected = [goes(0, Limit::Bytes), WITHIN, goes(0, Limit::Bytes), WITHIN];
    assert_eq!(decided(&settings, &sessions), expected);
    // What is not known does not count, and then nobody is within the limits for certain.
    sessions[1].survey = None;
    let plan = planned(&settings, &sessions, &Tombstones::default());
    assert_eq!(plan.decisions, [Decision::Survey, Decision::Survey, goes(0, Limit::Bytes), Decision::Survey]);
    assert_eq!(plan.surveys, [1]);
}

#[test]
fn a_day_marks_its_share_and_the_oldest_first() {
    let mut settings = settings(vec![age(30)]);
    let sessions: Vec<_> = (0..40).map(|number| session("ml", number, 40 + i64::try_from(number).unwrap())).collect();
    for (share, already, expected) in [(10, 0, 4), (10, 3, 1), (10, 9, 0), (1, 0, 1), (100, 0, 40)] {
        settings.max_share = share;
        let old = |number| (key("gone", number), mark(&settings, Phase::Unmarked, NOW - DAY + 1));
        let plan = planned(&settings, &sessions, &marks((0..already).map(old).collect()));
        let ends: Vec<usize> = plan.marks.iter().map(|mark| mark.at).collect();
        assert_eq!(ends, (40 - expected..40).rev().collect::<Vec<_>>(), "{share} {already}");
        assert_eq!(plan.kept.get(&Kept::Waits).copied().unwrap_or_default(), 40 - expected as u64);
        assert_eq!(plan.planned.sessions, 40);
    }
    let plan = planned(&settings, &sessions, &Tombstones::default());
    assert_eq!(plan.marks[0].reason, "rule 1: it ended 79 d ago, and maxAge is 30 d");
}

#[test]
fn marks_are_removed_for_a_reason() {
    let settings = settings(vec![age(30)]);
    let old = session("ml", 1, 40);
    let other = Settings { rules: vec![age(31)], ..settings.clone() };
    let survey = |digest| old.survey.map(|survey| Survey { digest: Digest(digest), ..survey });
    let fresh = mark(&settings, Phase::Marked, NOW - DAY);
    let overdue = mark(&settings, Phase::Marked, NOW - 14 * DAY);
    let waiting = mark(&settings, Phase::Marked, NOW - 14 * DAY + 1);
    let unproven = Candidate { proof: None, ..old.clone() };
    let unlisted = Candidate { ended: None, survey: None, ..old.clone() };
    for (sessions, mark, expected) in [
        (vec![old.clone()], &fresh, None),
        (vec![old.clone()], &mark(&other, Phase::Marked, NOW - DAY), Some(Why::RulesChanged)),
        (vec![], &fresh, Some(Why::NotListed)),
        (vec![Candidate { listing_is_partial: true, ..session("ml", 2, 40) }], &fresh, None),
        (vec![Candidate { survey: survey(8), ..old.clone() }], &fresh, Some(Why::ObjectsChanged)),
        (vec![Candidate { survey: None, ..old.clone() }], &fresh, None),
        (vec![Candidate { pin: Some(Pin::Object), ..old.clone() }], &fresh, Some(Why::Kept(Kept::Pinned))),
        (vec![Candidate { state: State::Live, ..old.clone() }], &fresh, Some(Why::Kept(Kept::Live))),
        (vec![Candidate { ended: Some(NOW), ..old.clone() }], &fresh, Some(Why::Kept(Kept::WithinLimits))),
        (vec![Candidate { is_watched: false, ..old.clone() }], &waiting, None),
        (vec![unproven.clone()], &waiting, None),
        (vec![unproven], &overdue, Some(Why::Overdue(Kept::Unproven))),
        (vec![unlisted.clone()], &waiting, None),
        (vec![unlisted], &overdue, Some(Why::Unlisted)),
        (vec![old.clone()], &Tombstone { rule: 1, ..fresh.clone() }, Some(Why::OtherRule)),
    ] {
        let plan = planned(&settings, &sessions, &marks(vec![(old.key.clone(), mark.clone())]));
        assert_eq!(plan.unmarks.first().map(|unmark| unmark.why), expected, "{sessions:?}");
        assert_eq!(plan.marked.sessions, 1);
        assert!(expected.is_none() || plan.due.is_empty());
    }
}

#[test]
fn marks_are_due_after_the_grace() {
    let settings = settings(vec![age(30)]);
    let old = session("ml", 1, 40);
    let due = |settings: &Settings, tombstone: Tombstone, rests_until| {
        let marks = marks(vec![(old.key.clone(), tombstone)]);
        plan(settings, std::slice::from_ref(&old), &marks, NOW, rests_until, &BTreeMap::new()).due.len()
    };
    let at = |marked| mark(&settings, Phase::Marked, marked);
    assert_eq!(due(&settings, at(NOW - 7 * DAY + 1), None), 0);
    assert_eq!(due(&settings, at(NOW - 7 * DAY), None), 1);
    assert_eq!(due(&settings, at(NOW - 7 * DAY), Some(NOW)), 1);
    assert_eq!(due(&settings, at(NOW - 7 * DAY), Some(NOW + 1)), 0);
    // The longer of both, whatever the document says.
    let longer = Settings { grace: days(8), ..settings.clone() };
    assert_eq!(due(&longer, at(NOW - 7 * DAY), None), 0);
    assert_eq!(due(&longer, at(NOW - 8 * DAY), None), 1);
    let shorter = Settings { grace: days(1), ..settings.clone() };
    assert_eq!(due(&shorter, at(NOW - 2 * DAY), None), 0);
    assert_eq!(due(&shorter, Tombstone { not_before: 0, ..at(NOW - DAY + 1) }, None), 0);
}

#[test]
fn each_phase_has_its_next_step() {
    let settings = settings(vec![age(30)]);
    let (listed, gone) = (session("ml", 1, 40), key("ml", 2));
    let step = |phase: Phase, days: i64, key: &SessionKey| {
        let marks = marks(vec![(key.clone(), mark(&settings, phase, NOW - days * DAY))]);
        let plan = planned(&settings, std::slice::from_ref(&listed), &marks);
        (plan.begun.len(), plan.late.len(), plan.stale.len(), plan.decisions[0])
    };
    let expires = goes(0, Limit::Age);
    assert_eq!(step(Phase::Deleting, 0, &listed.key), (1, 0, 0, Decision::Hidden));
    assert_eq!(step(Phase::Deleting, 90, &gone), (1, 0, 0, expires));
    assert_eq!(step(Phase::Deleted, 6, &listed.key), (0, 0, 0, Decision::Hidden));
    assert_eq!(step(Phase::Deleted, 7, &listed.key), (0, 1, 0, Decision::Hidden));
    assert_eq!(step(Phase::Deleted, 29, &gone), (0, 0, 0, expires));
    assert_eq!(step(Phase::Deleted, 30, &gone), (0, 0, 1, expires));
    assert_eq!(step(Phase::Deleted, 90, &listed.key), (0, 1, 0, Decision::Hidden));
    assert_eq!(step(Phase::Unmarked, 1, &listed.key), (0, 0, 1, expires));
    let later = Decision::Keep(Kept::NotUnderstood);
    assert_eq!(step(Phase::Other("raw-deleting".into()), 90, &listed.key), (0, 0, 0, later));
}

#[test]
fn a_mark_that_is_not_understood_keeps_its_session() {
    let settings = settings(vec![age(30)]);
    let old = session("ml", 1, 40);
    let mut tombstones = Tombstones::default();
    tombstones.insert(old.key.clone(), Stored { tombstone: None, etag: None, key: String::new() });
    let plan = planned(&settings, &[old], &tombstones);
    assert_eq!(plan.decisions, [Decision::Keep(Kept::NotUnderstood)]);
    assert!(plan.marks.is_empty() && plan.unmarks.is_empty() && plan.due.is_empty());
}
