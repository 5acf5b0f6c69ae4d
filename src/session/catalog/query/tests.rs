use super::super::table::{Builder, Sighting, Source};
use super::*;
use crate::liveness::{Judge, StateRule};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Namespace, cluster, owner, day of January, pid.
type Told<'a> = (&'a str, &'a str, Option<(OwnerKind, &'a str)>, u32, u32);

const TOLD: [Told<'static>; 6] = [
    ("prod", "train-abcde", Some((OwnerKind::RayJob, "train")), 5, 1),
    ("prod", "train-fghij", Some((OwnerKind::RayJob, "train")), 4, 1),
    ("prod", "serve-x", Some((OwnerKind::RayService, "serve")), 4, 2),
    ("dev", "bench", None, 3, 1),
    ("dev", "bench", None, 2, 1),
    ("dev", "Train", None, 1, 77),
];

fn listing(told: &[Told<'_>]) -> Listing {
    let mut table = Builder::default();
    for (namespace, cluster, owner, day, pid) in told {
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

#[derive(Debug)]
struct NewestLives;

impl Judge for NewestLives {
    fn state(&self, key: &SessionKey) -> State {
        if key.session.as_str().contains("01-05") { State::Live } else { State::Dead }
    }
}

#[test]
fn each_filter_lets_through_what_it_says() {
    let liveness = Liveness::default();
    liveness.set(Arc::new(NewestLives));
    let listing = listing(&TOLD);
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
        let page = listing.page(&query, &liveness);
        assert_eq!(days(&page), wanted, "{query:?}");
        assert_eq!((page.total, page.next), (wanted.len(), None), "{query:?}");
    }
}

/// The tenth of January.
const TENTH: i64 = 1_767_225_600_000_000 + 9 * 86_400_000_000;

/// Knows much of whole clusters, and nothing of `bench`; counts what it is asked.
#[derive(Debug, Default)]
struct ByCluster {
    clusters: AtomicUsize,
    sessions: AtomicUsize,
}

impl Judge for ByCluster {
    fn state(&self, key: &SessionKey) -> State {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        NewestLives.state(key)
    }

    fn rule(&self, cluster: &ClusterId) -> StateRule {
        self.clusters.fetch_add(1, Ordering::Relaxed);
        match cluster.name.as_str() {
            "bench" => StateRule::Each,
            "Train" => StateRule::DeadBefore(TENTH),
            _ => StateRule::All(State::Unknown),
        }
    }
}

#[test]
fn a_judge_is_asked_once_for_a_cluster_and_for_sessions_only_where_they_differ() {
    let mut told = TOLD.to_vec();
    told.extend((10..30).map(|day| ("dev", "Train", None, day, 1)));
    let (listing, judge) = (listing(&told), Arc::new(ByCluster::default()));
    let liveness = Liveness::default();
    liveness.set(Arc::clone(&judge) as Arc<dyn Judge>);
    for (state, total) in [(State::Live, 0), (State::Dead, 23), (State::Unknown, 3)] {
        let query = Query { state: Some(state), ..Query::default() };
        assert_eq!(listing.page(&query, &liveness).total, total, "{state:?}");
        let asked = [&judge.clusters, &judge.sessions].map(|count| count.swap(0, Ordering::Relaxed));
        assert_eq!(asked, [5, 2 + 20], "of bench both, of Train those from the tenth on");
    }
    let counts = listing.counts(Some(&*judge));
    assert_eq!((counts.live, counts.dead, counts.unknown), (0, 23, 3));
}

#[test]
fn pages_go_on_where_the_last_one_ended_though_sessions_come_and_go() {
    let before = listing(&TOLD);
    let first = before.page(&Query { limit: 3, ..Query::default() }, &Liveness::default());
    assert_eq!((days(&first).len(), first.total), (3, 6));
    // The session that ended the page is gone, and a newer one has come.
    let mut now: Vec<Told<'_>> = TOLD.into_iter().filter(|told| told.1 != "train-fghij").collect();
    now.push(("prod", "brand-new", None, 9, 1));
    let cursor: Cursor = first.next.unwrap().to_string().parse().unwrap();
    let query = Query { limit: 2, after: Some(cursor), ..Query::default() };
    let second = listing(&now).page(&query, &Liveness::default());
    assert_eq!(days(&second), ["bench 03", "bench 02"]);
    let last = listing(&now).page(&Query { after: second.next, ..query }, &Liveness::default());
    assert_eq!((days(&last), last.next, last.total), (vec!["Train 01".to_owned()], None, 6));
}

#[test]
fn what_is_no_cursor_is_refused_with_a_way_out() {
    let long = "a".repeat(5000);
    for text in ["", "x", "%%%", "YS9iL2M", "YS9i", "YS9iL2MvZA", &long] {
        let error = text.parse::<Cursor>().unwrap_err();
        assert!(error.to_string().contains("leave it out"), "{text}");
    }
}

proptest! {
    #[test]
    fn all_pages_together_are_the_whole_list(
        told in proptest::collection::vec((0..3_u8, 0..4_u8, 1..6_u32, 1..4_u32), 0..40),
        limit in 0..7_usize,
        filtered in any::<bool>(),
    ) {
        let names: Vec<(String, String, u32, u32)> =
            told.into_iter().map(|(ns, cluster, day, pid)| (format!("n{ns}"), format!("c{cluster}"), day, pid)).collect();
        let told: Vec<Told<'_>> = names.iter().map(|(n, c, day, pid)| (n.as_str(), c.as_str(), None, *day, *pid)).collect();
        let listing = listing(&told);
        let namespace = filtered.then(|| "n1".to_owned());
        let wanted: Vec<Entry> =
            listing.iter().filter(|entry| !filtered || entry.key.cluster.namespace == "n1").collect();
        let (mut got, mut query) = (Vec::new(), Query { namespace, limit, ..Query::default() });
        loop {
            let page = listing.page(&query, &Liveness::default());
            prop_assert_eq!(page.total, wanted.len());
            prop_assert!(page.entries.len() <= limit.max(1));
            got.extend(page.entries);
            let Some(next) = page.next else { break };
            query.after = Some(next);
        }
        prop_assert_eq!(got, wanted);
    }

    #[test]
    fn no_text_makes_reading_a_cursor_panic(text in ".*") {
        let _ = text.parse::<Cursor>();
        let _ = URL_SAFE_NO_PAD.encode(text).parse::<Cursor>();
    }
}

#[test]
fn pages_lead_back_as_they_lead_on() {
    let liveness = Liveness::default();
    let listing = listing(&TOLD);
    for query in
        [Query { limit: 2, ..Query::default() }, Query { limit: 2, text: Some("_".into()), ..Query::default() }]
    {
        let mut pages = vec![listing.page(&query, &liveness)];
        while let Some(next) = pages.last().unwrap().next.clone() {
            pages.push(listing.page(&Query { after: Some(next), ..query.clone() }, &liveness));
        }
        assert_eq!(pages.len(), 3);
        assert_eq!(pages[0].previous, None);
        for pair in pages.windows(2) {
            let back = Query { before: pair[1].previous.clone(), ..query.clone() };
            assert_eq!(listing.page(&back, &liveness), pair[0], "{query:?}");
        }
        // One that came since makes the first page longer by none: the page before ends where this one began.
        let third = Query { before: pages[2].previous.clone(), limit: 3, ..query.clone() };
        let page = listing.page(&third, &liveness);
        assert_eq!(
            (days(&page), page.previous.is_some()),
            (vec!["serve-x 04".into(), "train-fghij 04".into(), "bench 03".into()], true)
        );
    }
}

#[test]
fn the_first_marker_of_a_cluster_tells_an_end_if_it_is_written_well_after_the_start() {
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
    // The newest first. Names are in the head's zone: a marker of the start may be hours off, too.
    for (after, first) in [
        (None, false),
        (Some(5 * SECOND), false),
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
fn namespaces_are_told_in_order_where_there_are_not_too_many() {
    let listing = listing(&TOLD);
    assert_eq!(listing.namespaces(2), Some(vec!["dev", "prod"]));
    assert_eq!(listing.namespaces(1), None);
}
