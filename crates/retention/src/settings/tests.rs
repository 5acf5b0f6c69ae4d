use super::*;
use crate::candidate::Candidate;
use proptest::prelude::*;
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};
use ray_history_core::snapshot::run_facts::Outcome;
use std::time::Instant;

const DAY: Duration = Duration::from_secs(86_400);

fn session(namespace: &str, cluster: &str, owner: Option<&str>, outcome: Option<Outcome>) -> Candidate {
    let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
    let cluster = ClusterId { namespace: namespace.into(), name: cluster.into() };
    let owner = owner.map(|name| Owner { kind: OwnerKind::RayJob, name: name.into() });
    Candidate { owner, outcome, ..Candidate::new(SessionKey { cluster, session }) }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(*text)).collect()
}

fn rule() -> Rule {
    Rule { max_age: Some(30 * DAY), ..Rule::default() }
}

#[test]
fn patterns_match_whole_names() {
    for (pattern, name, expected) in [
        ("nightly", "nightly", true),
        ("nightly", "nightly-1", false),
        ("nightly-*", "nightly-1", true),
        ("nightly-*", "nightly-", true),
        ("nightly-*", "nightly", false),
        ("*", "", true),
        ("", "", true),
        ("", "x", false),
        ("*-eval", "x-eval", true),
        ("*-eval", "x-eval-1", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "acb", false),
        ("a*a", "a", false),
        ("a**b", "ab", true),
        ("ü*", "über", true),
        ("[a]?", "[a]?", true),
        ("a.c", "abc", false),
    ] {
        assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
    }
}

#[test]
fn hostile_patterns_take_no_time() {
    let (pattern, name) = (Pattern::new("a*".repeat(120) + "b"), "a".repeat(100_000));
    let begun = Instant::now();
    assert!(!pattern.matches(&name));
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[test]
fn all_conditions_must_hold() {
    let all = Match {
        namespaces: patterns(&["team-*"]),
        owner_kinds: vec![Creator::RayJob],
        owners: patterns(&["nightly-*", "weekly"]),
        outcomes: vec![Outcome::Succeeded],
    };
    let good = session("team-a", "c", Some("weekly"), Some(Outcome::Succeeded));
    assert!(all.covers(&good) && Match::default().covers(&good));
    for other in [
        session("ops", "c", Some("weekly"), Some(Outcome::Succeeded)),
        session("team-a", "weekly", None, Some(Outcome::Succeeded)),
        session("team-a", "c", Some("daily"), Some(Outcome::Succeeded)),
        session("team-a", "c", Some("weekly"), Some(Outcome::Failed)),
        session("team-a", "c", Some("weekly"), None),
    ] {
        assert!(!all.covers(&other), "{other:?}");
    }
    // A cluster without an owner is found by its own name.
    let named = Match { owners: patterns(&["golden"]), ..Match::default() };
    assert!(named.covers(&session("ml", "golden", None, None)));
    assert!(!named.covers(&session("ml", "golden", Some("other"), None)));
}

/// Rules take an owner that is not known for none, and protection takes it for any.
#[test]
fn an_unknown_owner_may_be_any() {
    let (unknown, known) = (session("ml", "nightly-7-x", None, None), session("ml", "x", Some("nightly-7"), None));
    for (owners, kinds, covers, may) in [
        (&[][..], &[Creator::RayJob][..], false, true),
        (&[], &[Creator::RayCluster], true, true),
        (&["nightly-7"], &[], false, true),
        (&["nightly-*"], &[Creator::RayService], false, true),
        (&["*-7"], &[], false, true),
        (&["nightly-7-x"], &[], true, true),
        (&["nightly-8"], &[], false, false),
        (&["x"], &[Creator::RayJob], false, false),
    ] {
        let matches = Match { owners: patterns(owners), owner_kinds: kinds.to_vec(), ..Match::default() };
        assert_eq!((matches.covers(&unknown), matches.may_cover(&unknown)), (covers, may), "{owners:?} {kinds:?}");
    }
    let services = Match { owner_kinds: vec![Creator::RayService, Creator::RayCluster], ..Match::default() };
    assert!(!services.may_cover(&known), "an owner that is known");
}

#[test]
fn all_problems_are_told_at_once() {
    let odd = Match { namespaces: patterns(&[""]), outcomes: vec![Outcome::Failed], ..Match::default() };
    let settings = Settings {
        mode: Mode::Delete,
        rules: vec![
            Rule::default(),
            Rule {
                matches: odd,
                max_age: Some(DAY.saturating_sub(Duration::from_secs(1))),
                max_sessions: Some(0),
                max_bytes: Some(0),
            },
        ],
        protect: vec![Match::default()],
        grace: DAY / 2,
        max_share: 0,
        objects_per_second: 0,
    };
    let fields: Vec<String> = settings.problems(false).into_iter().map(|problem| problem.field).collect();
    let expected = [
        "rules[0]",
        "rules[1].maxAge",
        "rules[1].maxSessions",
        "rules[1].maxBytes",
        "rules[1].match.namespaces",
        "rules[1].match.outcomes",
        "protect[0]",
        "grace",
        "maxShare",
        "rate.objectsPerSecond",
    ];
    assert_eq!(fields, expected);
    assert!(!settings.problems(true).iter().any(|problem| problem.field.ends_with("outcomes")));
}

#[test]
fn good_settings_have_no_problems() {
    let good = Settings { mode: Mode::Delete, rules: vec![rule()], ..Settings::default() };
    assert_eq!(good.problems(false), []);
    assert_eq!(Settings::default().problems(false), []);
    let many = vec![rule(); MAX_RULES + 1];
    assert_eq!(Settings { rules: many, ..good.clone() }.problems(false)[0].field, "rules");
    let many = Match { owners: patterns(&["a"; MAX_PATTERNS + 1]), ..Match::default() };
    assert_eq!(Settings { protect: vec![many], ..good.clone() }.problems(false)[0].field, "protect[0].owners");
    let without_rules = Settings { rules: Vec::new(), ..good.clone() };
    assert_eq!(without_rules.problems(false)[0].field, "rules");
    for grace in [LONGEST_GRACE + DAY, DAY.saturating_sub(Duration::from_nanos(1))] {
        assert_eq!(Settings { grace, ..good.clone() }.problems(false)[0].field, "grace");
    }
}

#[test]
fn digests_change_with_what_matches() {
    let settings = Settings { mode: Mode::Delete, rules: vec![rule()], ..Settings::default() };
    let digest = settings.digest();
    // These change when something happens, and not what matches.
    let same = Settings { grace: DAY, max_share: 1, objects_per_second: 1, mode: Mode::DryRun, ..settings.clone() };
    assert_eq!(same.digest(), digest);
    let with = |change: fn(&mut Settings)| {
        let mut changed = settings.clone();
        change(&mut changed);
        changed.digest()
    };
    let digests = [
        digest.clone(),
        with(|it| it.rules[0].max_age = Some(31 * DAY)),
        with(|it| it.rules[0].max_sessions = Some(1)),
        with(|it| it.rules[0].max_bytes = Some(1)),
        with(|it| it.rules[0].matches.namespaces = patterns(&["a"])),
        with(|it| it.rules[0].matches.owners = patterns(&["a"])),
        with(|it| it.rules[0].matches.owner_kinds = vec![Creator::RayCluster]),
        with(|it| it.rules[0].matches.outcomes = vec![Outcome::Failed]),
        with(|it| it.rules.push(rule())),
        with(|it| it.protect.push(Match { namespaces: patterns(&["a"]), ..Match::default() })),
    ];
    let different: std::collections::BTreeSet<&String> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
    assert_eq!(digest.len(), 32);
}

#[test]
fn revisions_change_with_every_field() {
    let settings = Settings { mode: Mode::Delete, rules: vec![rule()], ..Settings::default() };
    let changes: [fn(&mut Settings); 6] = [
        |it| it.mode = Mode::DryRun,
        |it| it.rules.push(rule()),
        |it| it.protect.push(Match { namespaces: patterns(&["a"]), ..Match::default() }),
        |it| it.grace += DAY,
        |it| it.max_share += 1,
        |it| it.objects_per_second += 1,
    ];
    let mut revisions = std::collections::BTreeSet::from([settings.revision()]);
    for change in changes {
        let mut other = settings.clone();
        change(&mut other);
        assert!(revisions.insert(other.revision()), "{other:?}");
    }
    assert_eq!(settings.clone().revision(), settings.revision());
}

proptest! {
    /// The same as trying every way to split the name.
    #[test]
    fn patterns_match_as_the_naive_way(pattern in "[ab*]{0,8}", name in "[ab]{0,10}") {
        fn naive(pattern: &[u8], name: &[u8]) -> bool {
            match pattern.split_first() {
                None => name.is_empty(),
                Some((b'*', rest)) => (0..=name.len()).any(|at| naive(rest, &name[at..])),
                Some((byte, rest)) => name.first() == Some(byte) && naive(rest, &name[1..]),
            }
        }
        prop_assert_eq!(Pattern::new(pattern.clone()).matches(&name), naive(pattern.as_bytes(), name.as_bytes()));
    }
}
