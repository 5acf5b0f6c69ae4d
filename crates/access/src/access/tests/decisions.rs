//! Tests of decisions: each is for one identity, right and namespace, and lives as long as it may.

use super::*;
use proptest::prelude::*;

#[tokio::test(start_paused = true)]
async fn a_permission_is_asked_for_everywhere_and_then_in_the_namespace() {
    let (access, reviewer) = access();
    reviewer.allow("ann", SESSIONS, "a");
    let ann = person("ann", &[]);
    for _ in 0..10 {
        assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
        assert_eq!(access.may(&ann, Right::Sessions, "b").await, Ok(false));
        assert_eq!(access.may(&ann, Right::Sessions, "").await, Ok(false));
    }
    let asked = reviewer.access_reviews();
    let namespaces: Vec<&str> = asked.iter().map(|(_, _, namespace)| namespace.as_str()).collect();
    assert_eq!(namespaces, ["", "a", "b"]);
    reviewer.allow("admins", SESSIONS, "");
    let root = person("root", &["admins"]);
    for namespace in ["a", "b", "", "No Namespace", "_"] {
        assert_eq!(access.may(&root, Right::Sessions, namespace).await, Ok(true), "{namespace}");
    }
    assert_eq!(reviewer.access_reviews().len(), 4, "one review for all namespaces");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_namespace_has_is_not_asked_for() {
    let (access, reviewer) = access();
    for name in ["A", "a_b", "-a", "a-", "ä", "a/b", &"a".repeat(64)] {
        assert_eq!(access.may(&person("ann", &[]), Right::Sessions, name).await, Ok(false), "{name}");
    }
    assert_eq!(reviewer.access_reviews().len(), 1);
    assert!(is_namespace(&"a".repeat(63)) && is_namespace("0-a"));
}

#[tokio::test(start_paused = true)]
async fn rights_are_decided_one_by_one() {
    let (access, reviewer) = access();
    reviewer.allow("ann", LOGS, "a");
    let ann = person("ann", &[]);
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(false));
    assert_eq!(access.may(&ann, Right::Logs, "a").await, Ok(true));
    assert_eq!(access.may(&ann, Right::Env, "a").await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn the_other_checks_ask_for_their_permissions() {
    let (access, reviewer) = with(AccessSettings { check: Check::RayClusters, ..AccessSettings::default() });
    let ann = person("ann", &[]);
    for (right, what) in [
        (Right::Sessions, "get rayclusters.ray.io"),
        (Right::Logs, "get pods/log"),
        (Right::Env, "update rayclusters.ray.io"),
    ] {
        reviewer.allow("ann", what, "a");
        assert_eq!(access.may(&ann, right, "a").await, Ok(true));
        assert_eq!(access.may(&ann, right, "b").await, Ok(false));
    }
    let (access, reviewer) = with(AccessSettings { check: Check::Everyone, ..AccessSettings::default() });
    for (right, allowed) in [(Right::Sessions, true), (Right::Logs, true), (Right::Env, false)] {
        assert_eq!(access.may(&ann, right, "a").await, Ok(allowed));
        assert_eq!(access.scope_now(&ann, right, "").await.map(Scope::is_given), Ok(allowed));
    }
    assert_eq!(access.visible(&ann, ["a"]).await, Ok(Visible::All));
    assert_eq!(reviewer.access_reviews().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_removed_permission_ends_within_its_time() {
    let (access, reviewer) = access();
    for at in 0..50 {
        reviewer.allow("ann", SESSIONS, &format!("n{at}"));
    }
    let ann = person("ann", &[]);
    for at in 0..50 {
        assert_eq!(access.may(&ann, Right::Sessions, &format!("n{at}")).await, Ok(true));
        reviewer.deny("ann", SESSIONS, &format!("n{at}"));
    }
    advance(seconds(47)).await;
    for at in 0..50 {
        assert_eq!(access.may(&ann, Right::Sessions, &format!("n{at}")).await, Ok(true), "still believed");
    }
    advance(seconds(13)).await;
    for at in 0..50 {
        assert_eq!(access.may(&ann, Right::Sessions, &format!("n{at}")).await, Ok(false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_denial_lives_five_minutes_but_not_for_those_who_open_a_link() {
    let (access, reviewer) = access();
    let ann = person("ann", &[]);
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(false));
    reviewer.allow("ann", SESSIONS, "a");
    advance(seconds(10)).await;
    assert_eq!(access.scope_now(&ann, Right::Sessions, "a").await.map(Scope::is_given), Ok(false), "ten seconds old");
    advance(seconds(1)).await;
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(false));
    assert_eq!(reviewer.access_reviews().len(), 2);
    assert_eq!(access.scope_now(&ann, Right::Sessions, "a").await.map(Scope::is_given), Ok(true));
    assert_eq!(reviewer.access_reviews().len(), 4, "everywhere, and in the namespace");
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true), "the new decision is for all");
    assert_eq!(access.may(&ann, Right::Sessions, "b").await, Ok(false));
    reviewer.allow("ann", SESSIONS, "b");
    advance(seconds(239)).await;
    assert_eq!(access.may(&ann, Right::Sessions, "b").await, Ok(false));
    advance(seconds(122)).await;
    assert_eq!(access.may(&ann, Right::Sessions, "b").await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn an_uncertain_decision_lives_five_seconds() {
    let (access, reviewer) = access();
    reviewer.set_uncertain(true);
    let ann = person("ann", &[]);
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(false));
    reviewer.allow("ann", SESSIONS, "a");
    advance(seconds(4)).await;
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(false));
    advance(seconds(1)).await;
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn times_of_many_decisions_end_apart() {
    let (access, reviewer) = access();
    let ann = person("ann", &[]);
    let names: Vec<String> = (0..200).map(|at| format!("n{at}")).collect();
    let list = || access.visible(&ann, names.iter().map(String::as_str));
    assert_eq!(list().await, Ok(Visible::Namespaces(HashSet::new())));
    assert_eq!(reviewer.access_reviews().len(), 201);
    let mut before = 201;
    for _ in 0..12 {
        advance(seconds(30)).await;
        list().await.unwrap();
        let now = reviewer.access_reviews().len();
        assert!(now - before < 120, "{} reviews at once", now - before);
        before = now;
    }
    assert!(before > 350, "all were asked for again");
}

#[tokio::test(start_paused = true)]
async fn a_list_sees_what_may_be_seen() {
    let (access, reviewer) = access();
    reviewer.set_delay(Duration::from_millis(10));
    let names: Vec<String> = (0..200).map(|at| format!("n{at}")).collect();
    let names = || names.iter().map(String::as_str).chain(["", "Odd"]);
    for name in ["n7", "n100"] {
        reviewer.allow("team", SESSIONS, name);
    }
    let expected = ["n7", "n100"].map(str::to_owned).into();
    let visible = access.visible(&person("ann", &["team"]), names()).await.unwrap();
    assert_eq!(visible, Visible::Namespaces(expected));
    assert!(visible.contains("n7") && !visible.contains("n8") && !visible.contains(""));
    assert!(reviewer.most_in_flight() <= 32, "{} at once", reviewer.most_in_flight());
    reviewer.allow("admins", SESSIONS, "");
    assert_eq!(access.visible(&person("root", &["admins"]), names()).await, Ok(Visible::All));
    assert!(Visible::All.contains(""));
}

#[tokio::test(start_paused = true)]
async fn two_identities_share_a_decision_only_if_all_fields_are_equal() {
    let (access, reviewer) = access();
    reviewer.allow("ann", SESSIONS, "a");
    let of = |uid: &str, groups: &[&str], extra: &[(&str, &[&str])]| {
        let list = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let extra = extra.iter().map(|(key, values)| ((*key).to_owned(), list(values))).collect();
        let identity = Arc::new(Identity::new("ann", uid, list(groups), extra));
        Person { identity, way: Way::Bearer, expires: None }
    };
    let count = async |person: Person| {
        let before = reviewer.access_reviews().len();
        access.may(&person, Right::Sessions, "a").await.unwrap();
        reviewer.access_reviews().len() - before
    };
    assert_eq!(count(of("1", &["x", "y"], &[("k", &["1", "2"])])).await, 2);
    assert_eq!(count(of("1", &["y", "x", "x"], &[("k", &["2", "1"])])).await, 0, "order means nothing");
    for other in [
        of("2", &["x", "y"], &[("k", &["1", "2"])]),
        of("1", &["x"], &[("k", &["1", "2"])]),
        of("1", &["xy"], &[("k", &["1", "2"])]),
        of("1", &["x", "y"], &[("k", &["1"])]),
        of("1", &["x", "y"], &[("k", &["12"])]),
        of("1", &["x", "y"], &[("l", &["1", "2"])]),
        of("1", &["x", "y"], &[("k", &["1"]), ("2", &[])]),
        of("1", &["x", "y", "k"], &[]),
        of("1", &["x", "y"], &[]),
    ] {
        assert_eq!(count(other).await, 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever was asked before, each answer is what the rules say about exactly this person, right and namespace.
    #[test]
    fn no_decision_serves_another(
        rules in proptest::collection::hash_set((0..4_usize, 0..3_usize, 0..4_usize), 0..12),
        asked in proptest::collection::vec((0..4_usize, 0..3_usize, 0..4_usize, any::<bool>()), 1..60),
    ) {
        const WHO: [&str; 4] = ["a", "b", "ab", "g"];
        const WHERE: [&str; 4] = ["ns1", "ns2", "ns", "ns1-"];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (access, reviewer) = access();
            for &(who, right, namespace) in &rules {
                let what = Check::Sessions.attributes(Right::ALL[right], "").unwrap();
                reviewer.allow(WHO[who], &format!("get {}", what.resource_name()), WHERE[namespace]);
            }
            for &(who, right, namespace, at_once) in &asked {
                let ann = person(WHO[who], &[]);
                let asked = (&ann, Right::ALL[right], WHERE[namespace]);
                let found = if at_once {
                    access.scope_now(asked.0, asked.1, asked.2).await.map(Scope::is_given)
                } else {
                    access.may(asked.0, asked.1, asked.2).await
                };
                let expected = rules.contains(&(who, right, namespace)) && WHERE[namespace] != "ns1-";
                assert_eq!(found, Ok(expected), "{} {:?} {}", WHO[who], Right::ALL[right], WHERE[namespace]);
            }
        });
    }

    /// The order in which groups are named, and repetitions, change nothing.
    #[test]
    fn the_order_of_groups_means_nothing(
        mut groups in proptest::collection::vec("[a-c]{1,2}", 0..6),
        seed in any::<prop::sample::Index>(),
    ) {
        let of = |groups: Vec<String>| Identity::new("ann", "1", groups, BTreeMap::new());
        let one = of(groups.clone());
        if !groups.is_empty() {
            let middle = seed.index(groups.len());
            groups.rotate_left(middle);
            groups.push(groups[0].clone());
        }
        prop_assert_eq!(one, of(groups));
    }
}
