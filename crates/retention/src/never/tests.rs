use super::*;
use crate::candidate::Survey;
use crate::pins::Pin;
use crate::settings::{Match, Pattern};
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use ray_history_core::snapshot::run_facts::Outcome;

const NOW: Nanos = 1_000 * DAY;

fn survey(age: Option<Nanos>) -> Survey {
    Survey { newest: age.map(|age| NOW - age), objects: 3, ..Survey::default() }
}

/// A session that nothing keeps.
fn free() -> Candidate {
    let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
    let key = SessionKey { cluster: ClusterId { namespace: "ml".into(), name: "train".into() }, session };
    Candidate {
        namespace_known: true,
        state: State::Dead,
        proof: Some(Proof::WatchSaw),
        first_listed: Some(NOW - DAY),
        is_watched: true,
        survey: Some(survey(Some(DAY))),
        ..Candidate::new(key)
    }
}

fn reason(session: &Candidate) -> Option<Kept> {
    never(&Settings::default(), session, NOW)
}

/// Checks a line of the list: each of these sessions is kept for the reason, and the one before the change is not.
fn keeps(kept: Kept, changes: &[fn(&mut Candidate)], allowed: &[fn(&mut Candidate)]) {
    assert_eq!(reason(&free()), None);
    for (at, change) in changes.iter().enumerate() {
        let mut session = free();
        change(&mut session);
        assert_eq!(reason(&session), Some(kept), "change {at}");
    }
    for (at, change) in allowed.iter().enumerate() {
        let mut session = free();
        change(&mut session);
        assert_eq!(reason(&session), None, "allowed {at}");
    }
}

#[test]
fn live_sessions_stay() {
    keeps(Kept::Live, &[|it| it.state = State::Live], &[]);
}

#[test]
fn unknown_sessions_stay() {
    keeps(Kept::Unknown, &[|it| it.state = State::Unknown], &[]);
}

#[test]
fn pinned_sessions_stay() {
    keeps(
        Kept::Pinned,
        &[
            |it| it.pin = Some(Pin::Object),
            |it| it.pin = Some(Pin::Label { until: None }),
            |it| it.pin = Some(Pin::Label { until: Some(NOW + 1) }),
        ],
        &[|it| it.pin = Some(Pin::Label { until: Some(NOW) })],
    );
}

#[test]
fn protected_sessions_stay() {
    let owner = Some(Owner { kind: OwnerKind::RayJob, name: "golden-1".into() });
    let pattern = |text: &str| vec![Pattern::new(text)];
    for (protects, outcome, expected) in [
        (Match { namespaces: pattern("ml"), ..Match::default() }, None, Some(Kept::Protected)),
        (Match { namespaces: pattern("mlx"), ..Match::default() }, None, None),
        (Match { owners: pattern("golden-*"), ..Match::default() }, None, Some(Kept::Protected)),
        (Match { outcomes: vec![Outcome::Failed], ..Match::default() }, Some(Outcome::Failed), Some(Kept::Protected)),
        // It may have failed.
        (Match { outcomes: vec![Outcome::Failed], ..Match::default() }, None, Some(Kept::Protected)),
        (Match { outcomes: vec![Outcome::Failed], ..Match::default() }, Some(Outcome::Succeeded), None),
    ] {
        let settings = Settings { protect: vec![protects.clone()], ..Settings::default() };
        let session = Candidate { owner: owner.clone(), outcome, ..free() };
        assert_eq!(never(&settings, &session, NOW), expected, "{protects:?} {outcome:?}");
    }
}

#[test]
fn sessions_without_a_namespace_stay() {
    keeps(
        Kept::NamespaceUnknown,
        &[|it| it.namespace_known = false, |it| it.key.cluster.namespace.clear()],
        &[|it| it.key.cluster.name.clear()],
    );
}

#[test]
fn sessions_of_unwatched_namespaces_stay() {
    keeps(
        Kept::Unwatched,
        &[|it| it.is_watched = false],
        &[|it| (it.is_watched, it.proof) = (false, Some(Proof::DeadAfter))],
    );
}

#[test]
fn sessions_without_a_proof_of_death_stay() {
    keeps(
        Kept::Unproven,
        &[|it| it.proof = None],
        &[
            |it| it.proof = Some(Proof::FinalObituary),
            |it| it.proof = Some(Proof::ManifestClosed),
            |it| it.proof = Some(Proof::NoSuchObject),
        ],
    );
}

#[test]
fn sessions_of_a_partial_listing_stay() {
    keeps(Kept::Partial, &[|it| it.listing_is_partial = true], &[]);
}

#[test]
fn sessions_that_were_just_listed_stay() {
    keeps(
        Kept::JustListed,
        &[
            |it| it.first_listed = None,
            |it| it.first_listed = Some(NOW - DAY + 1),
            // The clock went back.
            |it| it.first_listed = Some(NOW + DAY),
        ],
        &[|it| (it.first_listed, it.proof) = (None, Some(Proof::DeadAfter))],
    );
}

#[test]
fn sessions_with_young_objects_stay() {
    keeps(
        Kept::Young,
        &[
            |it| it.survey = Some(survey(Some(DAY - 1))),
            |it| it.survey = Some(survey(Some(-DAY))),
            // The store tells no time.
            |it| it.survey = Some(survey(None)),
            |it| (it.survey, it.ended) = (Some(survey(Some(0))), Some(NOW - 900 * DAY)),
        ],
        &[|it| it.survey = None, |it| it.survey = Some(Survey::default())],
    );
}

#[test]
fn sessions_in_use_stay() {
    keeps(Kept::Busy, &[|it| it.is_busy = true], &[]);
}

#[test]
fn a_name_alone_allows_nothing() {
    let named = Candidate::new(free().key);
    assert!(reason(&named).is_some());
}
