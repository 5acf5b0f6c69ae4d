//! Tests of the liveness rules, by example and by property.

use super::super::left_out;
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
    Cluster { uid: uid.to_owned(), created, suspended: false, owner: None, head: None, keep: None }
}

/// Returns the session of a head that started at this hour of the day, by its own clock.
fn key(name: &str, hour: u32) -> SessionKey {
    let session = SessionName::parse(&format!("session_2026-11-22_{hour:02}-00-00_000000_1")).unwrap();
    SessionKey { cluster: id(name), session }
}

fn listed(keys: &[SessionKey]) -> Vec<Listed> {
    let listed = |key: &SessionKey| Listed {
        key: key.clone(),
        start: StartBounds::from_name(&key.session),
        namespace_known: true,
    };
    keys.iter().map(listed).collect()
}

/// Returns a watch of all namespaces that has seen these clusters, each created at noon, an hour ago.
fn watching(names: &[&str]) -> ClusterStates {
    let mut states = ClusterStates::default();
    states.watch(&[], false);
    let found = names.iter().map(|name| (id(name), cluster(name, NOON))).collect();
    assert_eq!(states.relisted(None, found, NOON + HOUR), Changes::default());
    states
}

#[test]
fn clusters_that_are_starting_at_the_first_list_may_store_files_later() {
    let mut states = ClusterStates::default();
    states.watch(&[], false);
    let found = [(id("new"), cluster("new", NOON - 60_000_000)), (id("old"), cluster("old", NOON - HOUR))];
    let changes = states.relisted(None, found.into(), NOON);
    assert_eq!((changes.touched, changes.starting), (vec![], vec![id("new")]));
}

#[test]
fn sessions_of_clusters_left_out_are_unknown_until_the_next_list() {
    let mut states = watching(&["c"]);
    let keys = ["c", "other", "gone"].map(|name| key(name, 12));
    states.listed(listed(&keys), NOON + HOUR);
    let shown = |states: &ClusterStates| keys.each_ref().map(|key| states.state(key));
    assert_eq!(shown(&states), [State::Live, State::Dead, State::Dead]);
    states.leave_out(id("other"));
    assert_eq!(shown(&states), [State::Live, State::Unknown, State::Dead], "no other history is in doubt");
    assert_eq!(states.rule(&id("other")), StateRule::All(State::Unknown));
    // The list of another namespace says nothing of it.
    states.relisted(Some("elsewhere"), HashMap::new(), NOON + 2 * HOUR);
    assert!(states.leaves_out());
    assert_eq!(shown(&states), [State::Live, State::Unknown, State::Dead]);
    states.deleted(&id("c"), "c", NOON + 2 * HOUR);
    states.leave_out(id("c"));
    assert_eq!(states.state(&keys[0]), State::Unknown, "recreated, and left out");
    states.relisted(None, [(id("c"), cluster("c", NOON))].into(), NOON + 2 * HOUR);
    assert!(!states.leaves_out());
    assert_eq!(shown(&states)[1], State::Dead);
}

#[test]
fn names_of_clusters_left_out_are_bounded() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("other", 12)]), NOON + HOUR);
    (0..left_out::MOST).for_each(|n| states.leave_out(id(&n.to_string())));
    assert_eq!(states.state(&key("other", 12)), State::Dead);
    states.leave_out(id("one-more"));
    assert_eq!(states.state(&key("other", 12)), State::Unknown, "it may be the one");
    states.relisted(None, HashMap::new(), NOON + 2 * HOUR);
    assert_eq!(states.state(&key("other", 12)), State::Dead);
}

#[test]
fn only_the_newest_session_of_a_cluster_is_live() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("c", 12), key("c", 13)]), NOON + 2 * HOUR);
    assert_eq!(states.state(&key("c", 13)), State::Live);
    assert_eq!(states.state(&key("c", 12)), State::Dead);
    assert_eq!(states.state(&key("c", 14)), State::Live, "newer than the listing");
}

#[test]
fn head_restart_kills_the_older_session() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    let changes = states.listed(listed(&[key("c", 12), key("c", 13)]), NOON + HOUR);
    assert_eq!(changes.died, [(key("c", 12), None)]);
}

#[test]
fn deletion_kills_the_session_once() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    let changes = states.deleted(&id("c"), "c", NOON + HOUR);
    assert_eq!(changes, Changes { touched: vec![id("c")], starting: vec![], died: vec![(key("c", 12), None)] });
    assert_eq!(states.state(&key("c", 12)), State::Dead);
    assert_eq!(states.deleted(&id("c"), "c", NOON + HOUR), Changes::default());
    assert_eq!(states.count(), 0);
}

#[test]
fn missed_deletion_is_found_by_the_next_full_list() {
    let mut states = watching(&["gone", "stays"]);
    states.listed(listed(&[key("gone", 12), key("stays", 12)]), NOON + 10 * SECOND);
    let found = HashMap::from([(id("stays"), cluster("stays", NOON))]);
    let changes = states.relisted(None, found, NOON + HOUR);
    assert_eq!(changes, Changes { touched: vec![id("gone")], starting: vec![], died: vec![(key("gone", 12), None)] });
}

#[test]
fn cluster_recreated_during_an_outage_is_another_one() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    let found = HashMap::from([(id("c"), cluster("second", NOON + HOUR))]);
    assert_eq!(states.relisted(None, found, NOON + 2 * HOUR).died, [(key("c", 12), None)]);
    states.listed(listed(&[key("c", 12), key("c", 13)]), NOON + 2 * HOUR);
    assert_eq!(states.state(&key("c", 12)), State::Dead);
    assert_eq!(states.state(&key("c", 13)), State::Live);
}

#[test]
fn late_deletion_of_a_predecessor_changes_nothing() {
    let mut states = watching(&["c"]);
    states.applied(id("c"), cluster("second", NOON + HOUR));
    assert_eq!(states.deleted(&id("c"), "c", NOON + HOUR), Changes::default());
    assert_eq!(states.state(&key("c", 14)), State::Live);
}

#[test]
fn recreated_cluster_has_no_session_until_its_own_is_listed() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    states.deleted(&id("c"), "c", NOON + 20 * SECOND);
    states.applied(id("c"), cluster("second", NOON + 21 * SECOND));
    assert_eq!(states.state(&key("c", 12)), State::Dead);
    states.listed(listed(&[key("c", 12), key("c", 13)]), NOON + 60 * SECOND);
    assert_eq!(states.state(&key("c", 12)), State::Dead);
    assert_eq!(states.state(&key("c", 13)), State::Live);
}

#[test]
fn session_is_dead_while_its_cluster_is_suspended() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    let changes = states.applied(id("c"), Cluster { suspended: true, ..cluster("c", NOON) });
    assert_eq!(changes.died, [(key("c", 12), None)]);
    assert_eq!(states.state(&key("c", 12)), State::Dead);
    states.applied(id("c"), cluster("c", NOON));
    assert_eq!(states.state(&key("c", 12)), State::Live);
}

/// A head that becomes ready or is replaced may have new files, but no session dies.
#[test]
fn head_change_touches_the_cluster_and_kills_nothing() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("c", 12)]), NOON + 10 * SECOND);
    for head in ["ready c-head-1", "ready c-head-2"] {
        let with_head = Cluster { head: Some(head.to_owned()), ..cluster("c", NOON) };
        let changes = states.applied(id("c"), with_head.clone());
        assert_eq!(changes, Changes { touched: vec![id("c")], starting: vec![], died: vec![] });
        assert_eq!(states.applied(id("c"), with_head), Changes::default());
    }
    assert_eq!(states.state(&key("c", 12)), State::Live);
}

#[test]
fn session_outside_the_watch_is_unknown() {
    let mut states = ClusterStates::default();
    assert_eq!(states.state(&key("c", 12)), State::Unknown);
    states.watch(&["team".to_owned(), "other".to_owned()], false);
    assert_eq!(states.state(&key("c", 12)), State::Unknown, "not listed yet");
    states.relisted(Some("team"), HashMap::new(), NOON);
    assert_eq!(states.state(&key("c", 12)), State::Dead);
    let mut elsewhere = key("c", 12);
    elsewhere.cluster.namespace = "other".to_owned();
    assert_eq!(states.state(&elsewhere), State::Unknown);
}

#[test]
fn unseen_cluster_in_a_shared_bucket_is_unknown() {
    let mut states = watching(&["c"]);
    states.watch(&[], true);
    assert_eq!(states.state(&key("theirs", 12)), State::Unknown);
    states.deleted(&id("c"), "c", NOON + HOUR);
    assert_eq!(states.state(&key("c", 12)), State::Dead);
    let mut days_later = key("c", 12);
    days_later.session = SessionName::parse("session_2026-11-24_12-00-00_000000_1").unwrap();
    assert_eq!(states.state(&days_later), State::Unknown, "another Kubernetes cluster's, under the same name");
}

#[test]
fn arbitrary_id_of_v1_6_in_place_of_a_namespace_is_unknown() {
    let mut states = watching(&[]);
    let mut sessions = listed(&[key("old", 12)]);
    sessions[0].namespace_known = false;
    states.listed(sessions, NOON);
    assert_eq!(states.state(&key("old", 12)), State::Unknown);
}

#[test]
fn names_in_distant_time_zones_change_nothing() {
    // Two sessions of each cluster, created at noon UTC; the heads' clocks are eight hours ahead and behind.
    let mut states = watching(&["east", "west"]);
    let (east, west) = ([key("east", 20), key("east", 21)], [key("west", 4), key("west", 5)]);
    states.listed(listed(&[east.clone(), west.clone()].concat()), NOON + 2 * HOUR);
    for [older, newer] in [east, west] {
        assert_eq!(states.state(&older), State::Dead);
        assert_eq!(states.state(&newer), State::Live);
    }
}

#[test]
fn marker_time_separates_sessions_of_a_predecessor() {
    // The head's clock shows 19:00; the server starts after the cluster was recreated.
    let old = key("c", 19);
    for (marker, state) in [(NOON - HOUR, State::Dead), (NOON + HOUR / 2, State::Live), (i64::MAX, State::Live)] {
        let mut states = watching(&["c"]);
        let start = StartBounds::from_name(&old.session).no_later_than(marker);
        states.listed([Listed { key: old.clone(), start, namespace_known: true }], NOON + HOUR);
        assert_eq!(states.state(&old), state);
    }
}

/// A cluster that was suspended all along may have been so for days, so its session does not die.
#[test]
fn only_what_ran_dies_before_the_first_listing() {
    let mut states = watching(&["goes", "stops"]);
    states.applied(id("sleeps"), Cluster { suspended: true, ..cluster("s", NOON) });
    states.deleted(&id("goes"), "goes", NOON + SECOND);
    states.applied(id("stops"), Cluster { suspended: true, ..cluster("stops", NOON) });
    let sessions = ["goes", "stops", "sleeps"].map(|name| key(name, 12));
    let mut died = states.listed(listed(&sessions), NOON + 2 * SECOND).died;
    died.sort_by(|(a, _), (b, _)| a.cluster.name.cmp(&b.cluster.name));
    assert_eq!(died, ["goes", "stops"].map(|name| (key(name, 12), None)));
    assert_eq!(states.listed(listed(&sessions), NOON + 60 * SECOND).died, []);
}

#[test]
fn session_first_listed_after_deletion_has_died() {
    let mut states = watching(&[]);
    states.listed(listed(&[key("before", 1)]), NOON);
    let owner = Some(Owner { kind: ray_history_core::base::name::OwnerKind::RayJob, name: "nightly".to_owned() });
    states.applied(id("short"), Cluster { owner: owner.clone(), ..cluster("u", NOON) });
    states.deleted(&id("short"), "u", NOON + 30 * SECOND);
    let sessions = [key("before", 1), key("short", 12)];
    assert_eq!(states.listed(listed(&sessions), NOON + 60 * SECOND).died, [(key("short", 12), owner)]);
    assert_eq!(states.listed(listed(&sessions), NOON + 120 * SECOND).died, []);
}

#[test]
fn unwatched_namespaces_are_forgotten_without_deaths() {
    let mut states = watching(&["c"]);
    states.listed(listed(&[key("c", 12)]), NOON + SECOND);
    states.watch(&["other".to_owned()], false);
    assert_eq!(states.state(&key("c", 12)), State::Unknown);
    assert_eq!(states.relisted(Some("other"), HashMap::new(), NOON), Changes::default());
    assert_eq!(states.count(), 0);
}

#[test]
fn deleted_clusters_are_remembered_up_to_a_limit() {
    let mut states = watching(&[]);
    for n in (0..).take(REMEMBERED + 10) {
        let name = format!("c{n}");
        states.applied(id(&name), cluster(&name, NOON));
        states.deleted(&id(&name), &name, NOON + n);
    }
    assert!(states.clusters.len() <= REMEMBERED, "{}", states.clusters.len());
    assert_eq!(states.count(), 0);
}

/// An event of one of three clusters.
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
    fn at_most_one_session_lives_and_only_live_ones_die(steps in prop::collection::vec(step(), 0..30)) {
        let mut states = watching(&[]);
        let mut stored: Vec<SessionKey> = Vec::new();
        for (n, step) in (0..).zip(steps) {
            let now = NOON + n * HOUR;
            let object = |uid: u8| cluster(&uid.to_string(), NOON + i64::from(uid) * HOUR);
            let live: Vec<SessionKey> = stored.iter().filter(|key| states.state(key) == State::Live).cloned().collect();
            let listing = matches!(step, Step::List(_));
            let changes = match step {
                Step::Apply { name, uid, suspended } => {
                    states.applied(id(&name.to_string()), Cluster { suspended, ..object(uid) })
                }
                Step::Delete { name, uid } => states.deleted(&id(&name.to_string()), &uid.to_string(), now),
                Step::Relist(found) => {
                    let found = found.iter().map(|(name, uid)| (id(&name.to_string()), object(*uid))).collect();
                    states.relisted(None, found, now)
                }
                Step::List(found) => {
                    stored = found.iter().map(|(name, hour)| key(&name.to_string(), *hour)).collect();
                    states.listed(listed(&stored), now)
                }
            };
            for (key, _) in &changes.died {
                prop_assert_ne!(states.state(key), State::Live);
                prop_assert!(listing || live.contains(key), "{} was not live", key);
            }
            // After a cluster appears, the listing is passed in again.
            states.listed(listed(&stored), now);
            for name in ["0", "1", "2"] {
                // The rule for all sessions holds for each, stored or not.
                for hour in 0..24 {
                    let key = key(name, hour);
                    match states.rule(&key.cluster) {
                        StateRule::All(state) => prop_assert_eq!(states.state(&key), state),
                        StateRule::DeadBefore(micros) if key.session.local_micros() < Some(micros) => {
                            prop_assert_eq!(states.state(&key), State::Dead);
                        }
                        StateRule::DeadBefore(_) | StateRule::Each => {}
                    }
                }
                let lives = stored.iter().filter(|key| key.cluster.name == name && states.state(key) == State::Live);
                let lives: HashSet<&SessionKey> = lives.collect();
                prop_assert!(lives.len() <= 1, "{:?}", lives);
                let there = states.cluster(&id(name)).is_some_and(|cluster| !cluster.suspended);
                prop_assert!(there || lives.is_empty());
            }
            prop_assert_eq!(states.gone_count, states.clusters.values().filter(|record| record.gone.is_some()).count());
        }
    }
}
