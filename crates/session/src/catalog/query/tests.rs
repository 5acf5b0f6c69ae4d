mod runs;

use super::super::table::{Builder, Sighting, Source};
use super::*;
use crate::liveness::{Cluster, Listed, StartBounds};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ray_history_core::base::name::SessionName;
use std::sync::Arc;

/// No session has manifests.
const NONE: fn(&SessionKey) -> Option<Told> = |_| Some(Told { state: None, verdict: None });

/// Namespace, cluster, owner, day of January, pid.
type Sample<'a> = (&'a str, &'a str, Option<(OwnerKind, &'a str)>, u32, u32);

const SAMPLES: [Sample<'static>; 6] = [
    ("prod", "train-abcde", Some((OwnerKind::RayJob, "train")), 5, 1),
    ("prod", "train-fghij", Some((OwnerKind::RayJob, "train")), 4, 1),
    ("prod", "serve-x", Some((OwnerKind::RayService, "serve")), 4, 2),
    ("dev", "bench", None, 3, 1),
    ("dev", "bench", None, 2, 1),
    ("dev", "Train", None, 1, 77),
];

fn listing(samples: &[Sample<'_>]) -> Listing {
    let mut table = Builder::default();
    for (namespace, cluster, owner, day, pid) in samples {
        let session = format!("session_2026-01-{day:02}_00-00-00_000001_{pid}");
        table.add(
            Source::Marker,
            Sighting { namespace, cluster, session: &session, owner: *owner, namespace_known: true, written: None },
        );
    }
    Listing { table: Arc::new(table.finish(|_, _| true)), ..Listing::default() }
}

fn days(page: &Page) -> Vec<String> {
    let day = |entry: &Entry| format!("{} {}", entry.key.cluster.name, &entry.key.session.as_str()[16..18]);
    page.entries.iter().map(day).collect()
}

/// Returns a watch of all namespaces in which only the cluster of the newest session is left.
fn newest_lives(listing: &Listing) -> Watched {
    let watched = Watched::default();
    let newest = listing.iter().next().map(|entry| {
        let created = entry.key.session.local_micros().unwrap();
        let cluster = Cluster { uid: "newest".into(), created, suspended: false, owner: None, head: None, keep: None };
        (entry.key.cluster, cluster)
    });
    let listed = listing.iter().map(|entry| Listed {
        start: StartBounds::from_name(&entry.key.session),
        key: entry.key,
        namespace_known: true,
    });
    watched.update(|states| {
        states.relisted(None, newest.into_iter().collect(), 0);
        states.listed(listed, i64::MAX);
    });
    watched
}

#[test]
fn filters_by_each_field() {
    let listing = listing(&SAMPLES);
    let watched = newest_lives(&listing);
    let day = |day: i64| Some(1_767_225_600_000_000 + (day - 1) * 86_400_000_000);
    let all = Query::default;
    for (query, wanted) in [
        (all(), vec!["train-abcde 05", "serve-x 04", "train-fghij 04", "bench 03", "bench 02", "Train 01"]),
        (Query { namespace: Some("dev".into()), ..all() }, vec!["bench 03", "bench 02", "Train 01"]),
        (Query { namespace: Some("de".into()), ..all() }, vec![]),
        (Query { cluster: Some("bench".into()), ..all() }, vec!["bench 03", "bench 02"]),
        (Query { owner_kind: Some(OwnerKind::RayService), ..all() }, vec!["serve-x 04"]),
        (Query { owner: Some("train".into()), ..all() }, vec!["train-abcde 05", "train-fghij 04"]),
        (Query { owner: Some("train".into()), owner_kind: Some(OwnerKind::RayService), ..all() }, vec![]),
        (Query { state: Some(State::Live), ..all() }, vec!["train-abcde 05"]),
        (Query { state: Some(State::Unknown), ..all() }, vec![]),
        (Query { from: day(3), until: day(4), ..all() }, vec!["bench 03"]),
        (Query { from: day(4), ..all() }, vec!["train-abcde 05", "serve-x 04", "train-fghij 04"]),
        (Query { until: day(2), ..all() }, vec!["Train 01"]),
        (Query { from: day(4), until: day(4), ..all() }, vec![]),
        (Query { text: Some("train".into()), ..all() }, vec!["train-abcde 05", "train-fghij 04", "Train 01"]),
        (Query { text: Some("  DEV  01-03 ".into()), ..all() }, vec!["bench 03"]),
        (Query { text: Some("rayjob fghij".into()), ..all() }, vec!["train-fghij 04"]),
        (Query { text: Some("_77".into()), ..all() }, vec!["Train 01"]),
        (Query { text: Some("train nowhere".into()), ..all() }, vec![]),
        (
            Query {
                text: Some("   ".into()),
                namespace: Some("prod".into()),
                cluster: Some("serve-x".into()),
                ..all()
            },
            vec!["serve-x 04"],
        ),
    ] {
        let page = listing.page(&query, &watched, &NONE);
        assert_eq!(days(&page), wanted, "{query:?}");
        assert_eq!((page.total, page.next), (wanted.len(), None), "{query:?}");
    }
}

#[test]
fn pages_stay_aligned_when_sessions_change() {
    let before = listing(&SAMPLES);
    let first = before.page(&Query { limit: 3, ..Query::default() }, &Watched::default(), &NONE);
    assert_eq!((days(&first).len(), first.total), (3, 6));
    // The last session of the page is deleted, and a newer one is added.
    let mut now: Vec<Sample<'_>> = SAMPLES.into_iter().filter(|sample| sample.1 != "train-fghij").collect();
    now.push(("prod", "brand-new", None, 9, 1));
    let cursor: Cursor = first.next.unwrap().to_string().parse().unwrap();
    let query = Query { limit: 2, after: Some(cursor), ..Query::default() };
    let second = listing(&now).page(&query, &Watched::default(), &NONE);
    assert_eq!(days(&second), ["bench 03", "bench 02"]);
    let last = listing(&now).page(&Query { after: second.next, ..query }, &Watched::default(), &NONE);
    assert_eq!((days(&last), last.next, last.total), (vec!["Train 01".to_owned()], None, 6));
}

/// The error names a way out.
#[test]
fn rejects_invalid_cursors() {
    let long = "a".repeat(5000);
    for text in ["", "x", "%%%", "YS9iL2M", "YS9i", "YS9iL2MvZA", &long] {
        let error = text.parse::<Cursor>().unwrap_err();
        assert!(error.to_string().contains("leave it out"), "{text}");
    }
}

proptest! {
    #[test]
    fn all_pages_together_are_the_whole_list(
        samples in proptest::collection::vec((0..3_u8, 0..4_u8, 1..6_u32, 1..4_u32), 0..40),
        limit in 0..7_usize,
        filtered in any::<bool>(),
    ) {
        let names: Vec<(String, String, u32, u32)> =
            samples.into_iter().map(|(ns, c, day, pid)| (format!("n{ns}"), format!("c{c}"), day, pid)).collect();
        let mut samples: Vec<Sample<'_>> = Vec::new();
        samples.extend(names.iter().map(|(n, c, day, pid)| (n.as_str(), c.as_str(), None, *day, *pid)));
        let listing = listing(&samples);
        let namespace = filtered.then(|| "n1".to_owned());
        let wanted: Vec<Entry> =
            listing.iter().filter(|entry| !filtered || entry.key.cluster.namespace == "n1").collect();
        let (mut got, mut query) = (Vec::new(), Query { namespace, limit, ..Query::default() });
        loop {
            let page = listing.page(&query, &Watched::default(), &NONE);
            prop_assert_eq!(page.total, wanted.len());
            prop_assert!(page.entries.len() <= limit.max(1));
            got.extend(page.entries);
            let Some(next) = page.next else { break };
            query.after = Some(next);
        }
        prop_assert_eq!(got, wanted);
    }

    #[test]
    fn parsing_a_cursor_never_panics(text in ".*") {
        let _ = text.parse::<Cursor>();
        let _ = URL_SAFE_NO_PAD.encode(text).parse::<Cursor>();
    }
}

#[test]
fn previous_pages_mirror_next_pages() {
    let watched = Watched::default();
    let listing = listing(&SAMPLES);
    for query in
        [Query { limit: 2, ..Query::default() }, Query { limit: 2, text: Some("_".into()), ..Query::default() }]
    {
        let mut pages = vec![listing.page(&query, &watched, &NONE)];
        while let Some(next) = pages.last().unwrap().next.clone() {
            pages.push(listing.page(&Query { after: Some(next), ..query.clone() }, &watched, &NONE));
        }
        assert_eq!(pages.len(), 3);
        assert_eq!(pages[0].previous, None);
        for pair in pages.windows(2) {
            let back = Query { before: pair[1].previous.clone(), ..query.clone() };
            assert_eq!(listing.page(&back, &watched, &NONE), pair[0], "{query:?}");
        }
        // With a larger limit, the page before `before` still ends at the same session.
        let third = Query { before: pages[2].previous.clone(), limit: 3, ..query.clone() };
        let page = listing.page(&third, &watched, &NONE);
        assert_eq!(
            (days(&page), page.previous.is_some()),
            (vec!["serve-x 04".into(), "train-fghij 04".into(), "bench 03".into()], true)
        );
    }
}

/// The first marker of a cluster shows the end of its session if it is written well after the start.
#[test]
fn late_first_marker_shows_the_end() {
    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3600 * SECOND;
    let at_end = |after: Option<i64>| {
        let mut table = Builder::default();
        for day in [2, 3] {
            let session = format!("session_2026-01-{day:02}_00-00-00_000001_1");
            let began = SessionName::parse(&session).and_then(|name| name.local_micros());
            let written = began.and_then(|began| Some(began + after?));
            let (namespace, cluster) = ("dev", "bench");
            table.add(
                Source::Marker,
                Sighting { namespace, cluster, session: &session, owner: None, namespace_known: true, written },
            );
        }
        let listing = Listing { table: Arc::new(table.finish(|_, _| true)), ..Listing::default() };
        listing.iter().map(|entry| listing.is_marked_at_end(&entry.key)).collect::<Vec<_>>()
    };
    // Newest first. Names are in the head's time zone, so even a marker of the start may be hours off.
    for (after, first) in [
        (None, false),
        (Some(5 * SECOND), false),
        (Some(-SECOND), false),
        (Some(HOUR - SECOND), false),
        (Some(-8 * HOUR + 5 * SECOND), false),
        (Some(HOUR * 11 / 2 + 30 * SECOND), false),
        (Some(90 * SECOND), true),
        (Some(HOUR + 300 * SECOND), true),
        (Some(20 * HOUR + 5 * SECOND), true),
    ] {
        assert_eq!(at_end(after), [false, first], "{after:?}");
    }
}

#[test]
fn lists_namespaces_in_order_up_to_a_limit() {
    let listing = listing(&SAMPLES);
    assert_eq!(listing.namespaces(2, &Visible::All), Some(vec!["dev", "prod"]));
    assert_eq!(listing.namespaces(1, &Visible::All), None);
}

/// Pages, counts, cursors and choices know nothing of what may not be seen.
#[test]
fn what_may_not_be_seen_is_as_if_it_were_not_stored() {
    let (everything, watched) = (listing(&SAMPLES), Watched::default());
    for namespace in ["prod", "dev", "none"] {
        let visible = Visible::one(namespace);
        let own: Vec<Sample<'_>> = SAMPLES.into_iter().filter(|sample| sample.0 == namespace).collect();
        let alone = listing(&own);
        for query in [
            Query::default(),
            Query { limit: 1, ..Query::default() },
            Query { limit: 2, text: Some("train".into()), ..Query::default() },
            Query { namespace: Some("dev".into()), ..Query::default() },
            Query { owner_kind: Some(OwnerKind::RayJob), ..Query::default() },
            Query { state: Some(State::Unknown), ..Query::default() },
        ] {
            let seen = Query { visible: visible.clone(), ..query.clone() };
            let mut pages = (everything.page(&seen, &watched, &|_| None), alone.page(&query, &watched, &|_| None));
            assert_eq!(pages.0, pages.1, "{namespace} {query:?}");
            while let Some(next) = pages.0.next.clone() {
                let (seen, query) =
                    (Query { after: Some(next.clone()), ..seen.clone() }, Query { after: Some(next), ..query.clone() });
                pages = (everything.page(&seen, &watched, &|_| None), alone.page(&query, &watched, &|_| None));
                assert_eq!(pages.0, pages.1, "{namespace} {query:?}");
            }
        }
        assert_eq!(everything.count(&visible), alone.len());
        assert_eq!(everything.namespaces(9, &visible), alone.namespaces(9, &Visible::All));
        assert_eq!(everything.newest_of("dev", 1, &visible), alone.newest_of("dev", 1, &Visible::All));
    }
}

/// A v1.6 layout may call any namespace `default`.
#[test]
fn unconfirmed_namespaces_are_seen_by_those_who_see_all() {
    let mut table = Builder::default();
    for (pid, namespace_known) in [(1, false), (2, true)] {
        let session = format!("session_2026-01-01_00-00-00_000001_{pid}");
        let (namespace, cluster) = ("default", if namespace_known { "own" } else { "others" });
        table.add(
            Source::Marker,
            Sighting { namespace, cluster, session: &session, owner: None, namespace_known, written: None },
        );
    }
    let listing = Listing { table: Arc::new(table.finish(|_, _| true)), ..Listing::default() };
    let visible = Visible::one("default");
    let page = listing.page(&Query { visible: visible.clone(), ..Query::default() }, &Watched::default(), &|_| None);
    assert_eq!((days(&page), page.total, listing.count(&visible)), (vec!["own 01".to_owned()], 1, 1));
    assert_eq!((listing.len(), listing.count(&Visible::All)), (2, 2));
    assert_eq!(listing.newest_of("default", 9, &visible).1, 1);
    assert_eq!(listing.confirmed_namespaces().collect::<Vec<_>>(), ["default"]);
}

/// Manifests tell states that no watch tells; those that were not read are counted.
#[test]
fn manifests_tell_states_and_verdicts() {
    let listing = listing(&SAMPLES);
    let told = |key: &SessionKey| {
        let (state, verdict) = match key.cluster.name.as_str() {
            "bench" => (Some(State::Dead), Some(Verdict::Complete(1))),
            "serve-x" => (Some(State::Live), Some(Verdict::CompleteTo(1))),
            "Train" => return None,
            _ => (None, None),
        };
        Some(Told { state, verdict })
    };
    let page = |query: &Query, watched: &Watched| {
        let page = listing.page(query, watched, &told);
        (days(&page), page.total, page.unread)
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let nothing = Watched::default();
    let state = |state| Query { state: Some(state), ..Query::default() };
    assert_eq!(page(&state(State::Dead), &nothing), (owned(&["bench 03", "bench 02"]), 2, 1));
    assert_eq!(page(&state(State::Live), &nothing), (owned(&["serve-x 04"]), 1, 1));
    let unknown = page(&state(State::Unknown), &nothing);
    assert_eq!(
        unknown,
        (owned(&["train-abcde 05", "train-fghij 04", "Train 01"]), 3, 1),
        "nothing is known of the last"
    );
    // A watch that tells the state counts.
    let watched = newest_lives(&listing);
    assert_eq!(page(&state(State::Live), &watched).0, ["train-abcde 05"]);
    assert_eq!(page(&state(State::Dead), &watched), (page(&Query::default(), &nothing).0[1..].to_vec(), 5, 0));
    let verdict = |verdict| Query { verdict: Some(verdict), ..Query::default() };
    assert_eq!(page(&verdict("complete"), &nothing), (owned(&["bench 03", "bench 02"]), 2, 1));
    assert_eq!(page(&verdict("complete-to"), &watched), (owned(&["serve-x 04"]), 1, 1));
    assert_eq!(page(&verdict("gaps"), &nothing).1, 0);
    assert_eq!(page(&Query { limit: 1, ..verdict("complete") }, &nothing).0, ["bench 03"]);
    assert_eq!(page(&Query { state: Some(State::Live), ..verdict("complete") }, &nothing).1, 0);
}
