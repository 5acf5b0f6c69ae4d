//! The rules of liveness, as sentences and as properties.

use super::*;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// 2026-11-22 12:00:00 UTC.
const NOON: i64 = 1_795_348_800 * SECOND;

fn id(name: &str) -> ClusterId {
    ClusterId { namespace: "team".to_owned(), name: name.to_owned() }
}

fn cluster(uid: &str, created: i64) -> Cluster {
    Cluster { uid: uid.to_owned(), created, suspended: false, owner: None, head: None }
}

/// The session of a head that started at this hour of the day, by its own clock.
fn key(name: &str, hour: u32) -> SessionKey {
    let session = SessionName::parse(&format!("session_2026-11-22_{hour:02}-00-00_000000_1")).unwrap();
    SessionKey { cluster: id(name), session }
}

fn listed(keys: &[SessionKey]) -> Vec<Listed> {
    let listed =
        |key: &SessionKey| Listed { key: key.clone(), began: Began::from_name(&key.session), namespace_known: true };
    keys.iter().map(listed).collect()
}

/// A watch of everything that has seen these clusters, each created at noon.
fn watching(names: &[&str]) -> Known {
    let mut known = Known::default();
    known.watch(&[], false);
    let found = names.iter().map(|name| (id(name), cluster(name, NOON))).collect();
    assert_eq!(known.relisted(None, found, NOON), Changes::default());
    known
}

#[test]
fn the_newest_session_of_a_cluster_that_is_there_is_live_and_older_ones_are_dead() {
    let mut known = watching(&["c"]);
    known.listed(listed(&[key("c", 12), key("c", 13)]), NOON + 2 * HOUR);
    assert_eq!(known.state(&key("c", 13)), State::Live);
    assert_eq!(known.state(&key("c", 12)), State::Dead);
    assert_eq!(known.state(&key("c", 14)), State::Live, "newer than the listing");
}

#[test]
fn a_head_restart_makes_the_older_session_die() {
    let mut known = watching(&["c"]);
    known.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    let changes = known.listed(listed(&[key("c", 12), key("c", 13)]), NOON + HOUR);
    assert_eq!(changes.died, [(key("c", 12), None)]);
}

#[test]
fn a_deletion_makes_the_session_die_once() {
    let mut known = watching(&["c"]);
    known.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    let changes = known.deleted(&id("c"), "c", NOON + HOUR);
    assert_eq!(changes, Changes { touched: vec![id("c")], died: vec![(key("c", 12), None)] });
    assert_eq!(known.state(&key("c", 12)), State::Dead);
    assert_eq!(known.deleted(&id("c"), "c", NOON + HOUR), Changes::default());
    assert_eq!(known.count(), 0);
}

#[test]
fn a_deletion_that_was_missed_is_found_by_the_next_full_list() {
    let mut known = watching(&["gone", "stays"]);
    known.listed(listed(&[key("gone", 12), key("stays", 12)]), NOON + 10 * SECOND);
    let found = HashMap::from([(id("stays"), cluster("stays", NOON))]);
    let changes = known.relisted(None, found, NOON + HOUR);
    assert_eq!(changes, Changes { touched: vec![id("gone")], died: vec![(key("gone", 12), None)] });
}

#[test]
fn a_cluster_recreated_during_an_outage_is_another_one() {
    let mut known = watching(&["c"]);
    known.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    let found = HashMap::from([(id("c"), cluster("second", NOON + HOUR))]);
    assert_eq!(known.relisted(None, found, NOON + 2 * HOUR).died, [(key("c", 12), None)]);
    known.listed(listed(&[key("c", 12), key("c", 13)]), NOON + 2 * HOUR);
    assert_eq!(known.state(&key("c", 12)), State::Dead);
    assert_eq!(known.state(&key("c", 13)), State::Live);
}

#[test]
fn the_late_word_of_a_predecessors_deletion_changes_nothing() {
    let mut known = watching(&["c"]);
    known.applied(id("c"), cluster("second", NOON + HOUR));
    assert_eq!(known.deleted(&id("c"), "c", NOON + HOUR), Changes::default());
    assert_eq!(known.state(&key("c", 14)), State::Live);
}

#[test]
fn a_cluster_recreated_at_once_has_no_session_until_its_own_is_listed() {
    let mut known = watching(&["c"]);
    known.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    known.deleted(&id("c"), "c", NOON + 20 * SECOND);
    known.applied(id("c"), cluster("second", NOON + 21 * SECOND));
    assert_eq!(known.state(&key("c", 12)), State::Dead);
    known.listed(listed(&[key("c", 12), key("c", 13)]), NOON + 60 * SECOND);
    assert_eq!(known.state(&key("c", 12)), State::Dead);
    assert_eq!(known.state(&key("c", 13)), State::Live);
}

#[test]
fn a_suspended_clusters_session_is_dead_and_lives_again_when_it_resumes() {
    let mut known = watching(&["c"]);
    known.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    let changes = known.applied(id("c"), Cluster { suspended: true, ..cluster("c", NOON) });
    assert_eq!(changes.died, [(key("c", 12), None)]);
    assert_eq!(known.state(&key("c", 12)), State::Dead);
    known.applied(id("c"), cluster("c", NOON));
    assert_eq!(known.state(&key("c", 12)), State::Live);
}

#[test]
fn a_head_that_becomes_ready_or_another_is_worth_a_look_and_ends_nothing() {
    let mut known = watching(&["c"]);
    known.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    for head in ["ready c-head-1", "ready c-head-2"] {
        let with_head = Cluster { head: Some(head.to_owned()), ..cluster("c", NOON) };
        let changes = known.applied(id("c"), with_head.clone());
        assert_eq!(changes, Changes { touched: vec![id("c")], died: vec![] });
        assert_eq!(known.applied(id("c"), with_head), Changes::default());
    }
    assert_eq!(known.state(&key("c", 12)), State::Live);
}

#[test]
fn without_a_watch_and_outside_of_it_a_session_is_unknown() {
    let mut known = Known::default();
    assert_eq!(known.state(&key("c", 12)), State::Unknown);
    known.watch(&["team".to_owned(), "other".to_owned()], false);
    assert_eq!(known.state(&key("c", 12)), State::Unknown, "not listed yet");
    known.relisted(Some("team"), HashMap::new(), NOON);
    assert_eq!(known.state(&key("c", 12)), State::Dead);
    let mut elsewhere = key("c", 12);
    elsewhere.cluster.namespace = "other".to_owned();
    assert_eq!(known.state(&elsewhere), State::Unknown);
}

#[test]
fn in_a_shared_bucket_a_name_never_seen_here_is_unknown() {
    let mut known = watching(&["c"]);
    known.watch(&[], true);
    assert_eq!(known.state(&key("theirs", 12)), State::Unknown);
    known.deleted(&id("c"), "c", NOON + HOUR);
    assert_eq!(known.state(&key("c", 12)), State::Dead);
    let mut days_later = key("c", 12);
    days_later.session = SessionName::parse("session_2026-11-24_12-00-00_000000_1").unwrap();
    assert_eq!(known.state(&days_later), State::Unknown, "another Kubernetes cluster's, under the same name");
}

#[test]
fn a_name_that_a_v1_6_collector_put_in_the_place_of_a_namespace_is_unknown() {
    let mut known = watching(&[]);
    let mut sessions = listed(&[key("old", 12)]);
    sessions[0].namespace_known = false;
    known.listed(sessions, NOON);
    assert_eq!(known.state(&key("old", 12)), State::Unknown);
}

#[test]
fn names_in_a_zone_eight_hours_off_change_nothing() {
    // Two lives of one cluster, the object created at noon UTC; the heads' clocks show 20:00 and 21:00.
    let mut known = watching(&["east", "west"]);
    let (east, west) = ([key("east", 20), key("east", 21)], [key("west", 4), key("west", 5)]);
    known.listed(listed(&[east.clone(), west.clone()].concat()), NOON + 2 * HOUR);
    for [older, newer] in [east, west] {
        assert_eq!(known.state(&older), State::Dead);
        assert_eq!(known.state(&newer), State::Live);
    }
}

#[test]
fn the_time_of_a_marker_tells_sessions_of_a_predecessor_apart() {
    // The head's clock shows 19:00; the server starts when the cluster has been created anew.
    let old = key("c", 19);
    for (marker, state) in [(NOON - HOUR, State::Dead), (NOON + HOUR / 2, State::Live), (i64::MAX, State::Live)] {
        let mut known = watching(&["c"]);
        let began = Began::from_name(&old.session).no_later_than(marker);
        known.listed([Listed { key: old.clone(), began, namespace_known: true }], NOON + HOUR);
        assert_eq!(known.state(&old), state);
    }
}

#[test]
fn what_goes_before_the_first_listing_has_died_and_what_was_suspended_all_along_has_not() {
    let mut known = watching(&["goes"]);
    known.applied(id("sleeps"), Cluster { suspended: true, ..cluster("s", NOON) });
    known.deleted(&id("goes"), "goes", NOON + SECOND);
    let sessions = [key("goes", 12), key("sleeps", 12)];
    assert_eq!(known.listed(listed(&sessions), NOON + 2 * SECOND).died, [(key("goes", 12), None)]);
    assert_eq!(known.listed(listed(&sessions), NOON + 60 * SECOND).died, []);
}

#[test]
fn a_session_first_listed_after_its_cluster_went_has_died_too() {
    let mut known = watching(&[]);
    known.listed(listed(&[key("before", 1)]), NOON);
    let owner = Some(Owner { kind: crate::base::name::OwnerKind::RayJob, name: "nightly".to_owned() });
    known.applied(id("short"), Cluster { owner: owner.clone(), ..cluster("u", NOON) });
    known.deleted(&id("short"), "u", NOON + 30 * SECOND);
    let sessions = [key("before", 1), key("short", 12)];
    assert_eq!(known.listed(listed(&sessions), NOON + 60 * SECOND).died, [(key("short", 12), owner)]);
    assert_eq!(known.listed(listed(&sessions), NOON + 120 * SECOND).died, []);
}

#[test]
fn namespaces_that_are_no_longer_watched_are_forgotten_and_nothing_in_them_dies() {
    let mut known = watching(&["c"]);
    known.listed(listed(&[key("c", 12)]), NOON + SECOND);
    known.watch(&["other".to_owned()], false);
    assert_eq!(known.state(&key("c", 12)), State::Unknown);
    assert_eq!(known.relisted(Some("other"), HashMap::new(), NOON), Changes::default());
    assert_eq!(known.count(), 0);
}

#[test]
fn only_so_many_clusters_that_are_gone_are_remembered() {
    let mut known = watching(&[]);
    for n in (0..).take(REMEMBERED + 10) {
        let name = format!("c{n}");
        known.applied(id(&name), cluster(&name, NOON));
        known.deleted(&id(&name), &name, NOON + n);
    }
    assert!(known.clusters.len() <= REMEMBERED, "{}", known.clusters.len());
    assert_eq!(known.count(), 0);
}

/// Something that happens to one of three clusters.
#[derive(Clone, Debug)]
enum Step {
    Apply { name: u8, uid: u8, suspended: bool },
    Delete { name: u8, uid: u8 },
    Relist(Vec<(u8, u8)>),
    List(Vec<(u8, u32)>),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..3u8;
    let uid = 0..3u8;
    prop_oneof![
        (name.clone(), uid.clone(), any::<bool>()).prop_map(|(name, uid, suspended)| Step::Apply {
            name,
            uid,
            suspended
        }),
        (name.clone(), uid.clone()).prop_map(|(name, uid)| Step::Delete { name, uid }),
        prop::collection::vec((name.clone(), uid), 0..4).prop_map(Step::Relist),
        prop::collection::vec((name, 0..24u32), 0..6).prop_map(Step::List),
    ]
}

proptest! {
    #[test]
    fn at_most_one_session_of_a_cluster_lives_and_only_live_ones_die(steps in prop::collection::vec(step(), 0..30)) {
        let mut known = watching(&[]);
        let mut stored: Vec<SessionKey> = Vec::new();
        for (n, step) in (0..).zip(steps) {
            let now = NOON + n * HOUR;
            let object = |uid: u8| cluster(&uid.to_string(), NOON + i64::from(uid) * HOUR);
            let live: Vec<SessionKey> = stored.iter().filter(|key| known.state(key) == State::Live).cloned().collect();
            let listing = matches!(step, Step::List(_));
            let changes = match step {
                Step::Apply { name, uid, suspended } => {
                    known.applied(id(&name.to_string()), Cluster { suspended, ..object(uid) })
                }
                Step::Delete { name, uid } => known.deleted(&id(&name.to_string()), &uid.to_string(), now),
                Step::Relist(found) => {
                    known.relisted(None, found.iter().map(|(n, uid)| (id(&n.to_string()), object(*uid))).collect(), now)
                }
                Step::List(found) => {
                    stored = found.iter().map(|(name, hour)| key(&name.to_string(), *hour)).collect();
                    known.listed(listed(&stored), now)
                }
            };
            for (key, _) in &changes.died {
                prop_assert_ne!(known.state(key), State::Live);
                prop_assert!(listing || live.contains(key), "{} was not live", key);
            }
            // Whoever tells of a cluster that is new tells what is listed of it.
            known.listed(listed(&stored), now);
            for name in ["0", "1", "2"] {
                // What is said of all together is true of each, stored or not.
                for hour in 0..24 {
                    let key = key(name, hour);
                    match known.verdict(&key.cluster) {
                        Verdict::All(state) => prop_assert_eq!(known.state(&key), state),
                        Verdict::DeadBefore(micros) if key.session.local_micros() < Some(micros) => {
                            prop_assert_eq!(known.state(&key), State::Dead);
                        }
                        Verdict::DeadBefore(_) | Verdict::Each => {}
                    }
                }
                let lives = stored.iter().filter(|key| key.cluster.name == name && known.state(key) == State::Live);
                let lives: HashSet<&SessionKey> = lives.collect();
                prop_assert!(lives.len() <= 1, "{:?}", lives);
                let there = known.cluster(&id(name)).is_some_and(|cluster| !cluster.suspended);
                prop_assert!(there || lives.is_empty());
            }
            prop_assert_eq!(known.gone, known.clusters.values().filter(|seen| seen.gone.is_some()).count());
        }
    }
}
