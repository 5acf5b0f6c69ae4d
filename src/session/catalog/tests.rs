use super::*;
use ray_history_core::base::name::{OwnerKind, SessionName};
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;
use std::time::Duration;

const OLD: &str = "session_2026-11-22_23-11-33_821800_9153";
const NEW: &str = "session_2026-11-23_07-07-14_513426_1";

fn catalog(keys: &[String], root: &str) -> (Catalog, Arc<Faulty>) {
    let store = Memory::default();
    for key in keys {
        store.put(key.clone(), "");
    }
    let store = Arc::new(Faulty::new(Arc::new(store)));
    (Catalog::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::new(root)]), store)
}

/// Creates the same as a bucket, where listing costs money.
fn bucket(keys: &[String]) -> (Arc<Catalog>, Arc<Faulty>, Arc<Memory>) {
    let memory = Arc::new(Memory::with_page_size(2));
    for key in keys {
        memory.put(key.clone(), "");
    }
    let store = Arc::new(Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>).with_paid_listings());
    (Arc::new(Catalog::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()])), store, memory)
}

fn cluster(namespace: &str, name: &str) -> ClusterId {
    ClusterId { namespace: namespace.into(), name: name.into() }
}

fn key(namespace: &str, name: &str, session: &str) -> SessionKey {
    SessionKey { cluster: cluster(namespace, name), session: SessionName::parse(session).unwrap() }
}

fn shown(listing: &Listing) -> Vec<String> {
    let owner = |entry: &Entry| entry.owner.as_ref().map(|o| format!(" of {}", o.name)).unwrap_or_default();
    listing.iter().map(|e| format!("{}{} {}", e.key, owner(&e), e.marked)).collect()
}

#[tokio::test]
async fn finds_sessions_of_every_layout() {
    let (catalog, _) = catalog(
        &[
            format!("log/metadir/rc_default/{OLD}"),
            format!("log/rc_default/{OLD}/node_events/n-2026-11-22-23"),
            format!("log/killed_default/{OLD}/logs/n/raylet.out"),
            format!("log/cluster-metadata/rayjob/ns_train_rc/{NEW}"),
            "log/cluster-metadata/rayjob/ns_train_rc/".into(),
            "log/cluster-metadata/rayjob/who-knows".into(),
            format!("log/cluster-history/raycluster/ns/rc/{NEW}/n/logs/raylet.out"),
            format!("log/cluster-history/rayservice/ns/svc/svc-x/{OLD}/n/logs/raylet.out"),
            "log/my_photos/cat.png".into(),
        ],
        "log",
    );
    let listing = catalog.refresh().await.unwrap();
    assert_eq!(
        shown(&listing),
        [
            format!("ns/rc/{NEW} of train true"),
            format!("default/killed/{OLD} false"),
            format!("default/rc/{OLD} true"),
            format!("ns/svc-x/{OLD} of svc false"),
        ]
    );
    assert_eq!(listing.unknown_keys.count, 1);
    assert!(listing.recognised);
    let owner = listing.iter().next().and_then(|entry| Some(entry.owner?.kind));
    assert_eq!(owner, Some(OwnerKind::RayJob));
}

#[tokio::test]
async fn outage_keeps_the_last_listing_as_stale() {
    let (catalog, store) = catalog(&[format!("metadir/rc_default/{OLD}")], "");
    catalog.refresh().await.unwrap();
    store.fail_next(100);
    assert!(catalog.refresh().await.is_err());
    let listing = catalog.listing();
    assert_eq!(listing.len(), 1);
    assert!(listing.stale.as_deref().unwrap().contains(&ErrorKind::Unavailable.to_string()));
}

#[tokio::test(start_paused = true)]
async fn marker_passes_run_one_at_a_time() {
    let memory = Memory::default();
    memory.put(format!("metadir/rc_default/{OLD}"), "");
    let store = Faulty::new(Arc::new(memory)).with_paid_listings().with_latency(Duration::from_millis(500));
    let store = Arc::new(store);
    let catalog = Catalog::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()]);
    let asked = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        catalog.refresh().await.unwrap().len()
    };
    tokio::select! {
        () = catalog.keep_fresh() => {}
        sessions = asked => assert_eq!((sessions, store.most_at_once()), (1, 1)),
    }
}

#[tokio::test]
async fn unrelated_folder_is_not_recognised() {
    let (catalog, _) = catalog(&["my_photos/2026/cat.png".into(), "notes.txt".into()], "");
    let listing = catalog.refresh().await.unwrap();
    assert!(listing.is_empty() && !listing.recognised);
}

#[tokio::test]
async fn reports_the_root_that_was_meant() {
    let (catalog, _) = catalog(&[format!("log/metadir/rc_default/{OLD}"), "notes.txt".into()], "");
    let listing = catalog.refresh().await.unwrap();
    assert!(listing.is_empty() && !listing.recognised);
    assert_eq!(listing.roots_below, ["log/"]);
}

#[tokio::test]
async fn is_stale_before_the_first_listing() {
    let (catalog, store) = catalog(&[format!("metadir/rc_default/{OLD}")], "");
    assert!(catalog.listing().stale.is_some());
    store.fail_next(100);
    assert!(catalog.refresh().await.is_err());
    assert!(catalog.listing().stale.is_some() && catalog.listing().listed_at.is_none());
    store.heal();
    let listing = catalog.refresh().await.unwrap();
    assert!(listing.stale.is_none() && listing.listed_at.is_some());
}

#[tokio::test]
async fn forbidden_folder_is_reported_and_hides_no_other() {
    let (catalog, store) =
        catalog(&[format!("a_x/{OLD}/logs/n/raylet.out"), format!("b_x/{OLD}/logs/n/raylet.out")], "");
    store.arm("a_x/", Fault::Always(ErrorKind::PermissionDenied));
    let listing = catalog.refresh().await.unwrap();
    assert_eq!(shown(&listing), [format!("x/b/{OLD} false")]);
    assert_eq!(listing.skipped.count, 1);
    assert!(listing.skipped.examples[0].contains("a_x/"));
}

#[tokio::test]
async fn merges_markers_of_both_trees() {
    let old = format!("metadir/rc_ns/{OLD}");
    let new = format!("cluster-metadata/rayservice/ns_svc_rc/{OLD}");
    for (keys, known) in [(vec![old.clone()], false), (vec![old, new], true)] {
        let (catalog, _) = catalog(&keys, "");
        let listing = catalog.refresh().await.unwrap();
        assert_eq!(listing.len(), 1);
        let entry = listing.iter().next().unwrap();
        assert_eq!((entry.namespace_known, entry.owner.is_some(), entry.marked), (known, known, true));
    }
}

#[tokio::test]
async fn keeps_the_time_of_the_first_marker() {
    let data = format!("cluster-history/raycluster/ns/rc/{OLD}/n/logs/raylet.out");
    let (catalog, _, memory) = bucket(&[data]);
    for (tree, nanos) in [("metadir/rc_ns", 7_000_000), ("cluster-metadata/raycluster/ns_rc", 5_000_999)] {
        memory.put_modified(format!("{tree}/{OLD}"), "", nanos);
    }
    let written = |listing: &Listing| listing.find(&key("ns", "rc", OLD)).map(|entry| (entry.marked, entry.written));
    assert_eq!(written(&catalog.refresh().await.unwrap()), Some((true, Some(5_000))));
    // Probing the cluster lists no markers.
    catalog.refresh_cluster(&cluster("ns", "rc"), None).await.unwrap();
    assert_eq!(written(&catalog.listing()), Some((true, Some(5_000))));
    for tree in ["metadir/rc_ns", "cluster-metadata/raycluster/ns_rc"] {
        memory.remove(&format!("{tree}/{OLD}"));
    }
    assert_eq!(written(&catalog.refresh().await.unwrap()), Some((false, None)));
}

#[tokio::test]
async fn finds_entries_by_key_and_newest_by_cluster() {
    let pids = 1..40;
    let keys: Vec<_> = pids
        .clone()
        .map(|pid| format!("metadir/rc_ns/session_2026-01-{:02}_00-00-00_000001_{pid}", pid % 5 + 1))
        .collect();
    let (catalog, _) = catalog(&keys, "");
    let listing = catalog.refresh().await.unwrap();
    for (key, pid) in keys.iter().zip(pids) {
        let session = SessionName::parse(key.rsplit('/').next().unwrap()).unwrap();
        let key = SessionKey { cluster: cluster("ns", "rc"), session };
        assert_eq!(listing.find(&key).map(|entry| entry.key), Some(key), "{pid}");
    }
    let newest = listing.latest(&cluster("ns", "rc")).unwrap();
    assert!(newest.key.session.as_str().contains("2026-01-05"));
}

#[tokio::test]
async fn concurrent_refreshes_cost_two_listings_at_most() {
    let store = Arc::new(Faulty::new(Arc::new(Memory::default())).with_latency(std::time::Duration::from_millis(2)));
    let catalog = Catalog::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()]);
    catalog.refresh().await.unwrap();
    let one = store.counts().lists;
    let all = futures_util::future::join_all((0..50).map(|_| catalog.refresh())).await;
    assert!(all.iter().all(Result::is_ok));
    assert!(store.counts().lists <= 3 * one, "{} requests, {one} for one listing", store.counts().lists);
}

/// Runs the passes for some paused time.
async fn keep(catalog: &Catalog, time: Duration) {
    let _ = tokio::time::timeout(time, catalog.keep_fresh()).await;
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn lists_markers_first_and_walks_later() {
    let (catalog, _, _) = bucket(&[
        format!("cluster-metadata/raycluster/ns_rc/{OLD}"),
        format!("cluster-history/rayjob/ns/train/train-x/{NEW}/n/logs/raylet.out"),
    ]);
    keep(&catalog, Duration::from_secs(1)).await;
    let first = catalog.listing();
    assert_eq!(shown(&first), [format!("ns/rc/{OLD} true")]);
    assert!(first.listed_at.is_some() && first.walked_at.is_none() && first.stale.is_none());
    keep(&catalog, MINUTE).await;
    let second = catalog.listing();
    assert_eq!(shown(&second), [format!("ns/train-x/{NEW} of train false"), format!("ns/rc/{OLD} true")]);
    assert!(second.walked_at.is_some() && second.version > first.version);
}

#[tokio::test(start_paused = true)]
async fn idle_bucket_costs_a_few_hundred_requests_a_day() {
    let (catalog, store, memory) = bucket(&[format!("cluster-metadata/raycluster/ns_rc/{OLD}")]);
    keep(&catalog, MINUTE).await;
    let (requests, version) = (store.counts().lists, catalog.listing().version);
    let running = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move { catalog.keep_fresh().await }
    });
    tokio::time::sleep(DAY).await;
    let day = store.counts().lists - requests;
    assert!((500..700).contains(&day), "{day} requests");
    assert_eq!(catalog.listing().version, version);
    // After hours without changes, a new marker is still found within five minutes.
    memory.put(format!("cluster-metadata/raycluster/ns_rc/{NEW}"), "");
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(catalog.listing().len(), 2);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn walk_results_stay_until_the_next_successful_walk() {
    let killed = format!("cluster-history/raycluster/ns/rc/{NEW}/n/logs/raylet.out");
    let marker = format!("cluster-metadata/raycluster/ns_rc/{OLD}");
    let (catalog, store, memory) = bucket(&[marker.clone(), killed.clone()]);
    let running = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move { catalog.keep_fresh().await }
    });
    tokio::time::sleep(MINUTE).await;
    assert_eq!(catalog.listing().len(), 2);
    memory.remove(&killed);
    memory.remove(&marker);
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(shown(&catalog.listing()), [format!("ns/rc/{NEW} false")], "only the markers were listed since");
    // The next walk fails: previous results stay, and the listing is marked as stale.
    store.arm("cluster-history/", Fault::Always(ErrorKind::Unavailable));
    tokio::time::sleep(DAY).await;
    assert_eq!((catalog.listing().len(), catalog.listing().stale.is_some()), (1, true));
    store.heal();
    let listing = catalog.retry_listing().await.unwrap();
    assert!(listing.stale.is_some(), "listing the markers does not renew the walk");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(catalog.listing().is_empty() && catalog.listing().stale.is_none(), "it was walked again at once");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn failed_marker_listing_does_not_hide_walk_results() {
    let (catalog, store, _) = bucket(&[format!("rc_ns/{OLD}/logs/n/raylet.out")]);
    store.arm("cluster-metadata/", Fault::Always(ErrorKind::PermissionDenied));
    keep(&catalog, MINUTE).await;
    let listing = catalog.listing();
    assert_eq!((listing.len(), listing.listed_at), (1, None));
    assert!(listing.stale.as_deref().unwrap().contains("cluster-metadata/"));
}

#[tokio::test(start_paused = true)]
async fn probing_a_cluster_costs_few_requests() {
    let (catalog, store, memory) = bucket(&[]);
    catalog.refresh().await.unwrap();
    memory.put(format!("cluster-history/rayjob/ns/train/train-x7k2p/{NEW}/n/logs/raylet.out"), "");
    let owner = Owner { kind: OwnerKind::RayJob, name: "train".into() };
    for (owner, most) in [(Some(&owner), 3), (None, 6)] {
        let before = store.counts().lists;
        catalog.refresh_cluster(&cluster("ns", "train-x7k2p"), owner).await.unwrap();
        assert_eq!(shown(&catalog.listing()), [format!("ns/train-x7k2p/{NEW} of train false")]);
        assert!(store.counts().lists - before <= most);
    }
    // Listing the markers again keeps the session.
    catalog.refresh().await.unwrap();
    assert_eq!(catalog.listing().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn session_found_during_a_walk_survives_it() {
    let memory = Arc::new(Memory::default());
    memory.put(format!("a_ns/{OLD}/logs/n/x"), "");
    let slow = Faulty::new(Arc::clone(&memory) as Arc<dyn Storage>).with_paid_listings().with_latency(MINUTE);
    let catalog = Arc::new(Catalog::new(Arc::new(slow), vec![Root::default()]));
    let running = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move { catalog.keep_fresh().await }
    });
    // The top level is listed after one minute, the folders below after two.
    tokio::time::sleep(Duration::from_secs(70)).await;
    memory.put(format!("b_ns/{NEW}/logs/n/x"), "");
    catalog.refresh_cluster(&cluster("ns", "b"), None).await.unwrap();
    tokio::time::sleep(10 * MINUTE).await;
    assert!(catalog.listing().walked_at.is_some());
    assert_eq!(shown(&catalog.listing()), [format!("ns/b/{NEW} false"), format!("ns/a/{OLD} false")]);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn probes_for_invented_names_are_bounded() {
    let (catalog, store, _) = bucket(&[format!("cluster-history/raycluster/ns/rc/{NEW}/n/logs/raylet.out")]);
    catalog.refresh().await.unwrap();
    assert!(catalog.find(&key("ns", "rc", NEW)).await.unwrap().is_some());
    let before = store.counts().lists;
    for name in 0..1_000 {
        // Only a probed cluster may be reported as absent.
        let found = catalog.find(&key("ns", &format!("c{name}"), OLD)).await;
        assert!(if name < 19 { found.unwrap().is_none() } else { found.is_err() }, "{name}");
    }
    assert!(store.counts().lists - before <= 20 * 6, "{} requests", store.counts().lists - before);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(catalog.find(&key("ns", "c999", OLD)).await.unwrap(), None, "its turn has come");
}

#[tokio::test(start_paused = true)]
async fn failed_probe_is_an_error_until_retried() {
    let (catalog, store, _) = bucket(&[format!("cluster-history/raycluster/ns/rc/{NEW}/n/logs/raylet.out")]);
    catalog.refresh().await.unwrap();
    store.fail_next(1_000);
    assert!(catalog.find(&key("ns", "rc", NEW)).await.is_err());
    store.heal();
    assert!(catalog.find(&key("ns", "rc", NEW)).await.is_err(), "still unknown, so it is no 404");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(catalog.find(&key("ns", "rc", NEW)).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn reports_no_absence_before_the_first_listing() {
    let (catalog, _, _) = bucket(&[]);
    assert!(catalog.find(&key("ns", "rc", NEW)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn hides_unserved_and_unconfirmed_namespaces() {
    let (catalog, store, _) = bucket(&[
        format!("cluster-metadata/raycluster/mine_rc/{OLD}"),
        format!("cluster-metadata/raycluster/theirs_rc/{OLD}"),
        format!("metadir/old_mine/{OLD}"),
        format!("flat_mine/{OLD}/logs/n/x"),
        format!("cluster-history/raycluster/mine/killed/{NEW}/n/logs/x"),
        format!("cluster-history/raycluster/theirs/killed/{NEW}/n/logs/x"),
    ]);
    let mine = [format!("mine/killed/{NEW} false"), format!("mine/rc/{OLD} true")];
    let running = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move { catalog.keep_fresh().await }
    });
    tokio::time::sleep(MINUTE).await;
    assert_eq!(catalog.listing().len(), 6);
    // Applies at once, even while the store is down.
    store.fail_next(1_000);
    catalog.limit_to(&["mine".to_owned()]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shown(&catalog.listing()), mine);
    assert_eq!(catalog.find(&key("theirs", "rc", OLD)).await.unwrap(), None);
    store.heal();
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(shown(&catalog.listing()), mine);
    catalog.limit_to(&[]);
    tokio::time::sleep(MINUTE).await;
    assert_eq!(catalog.listing().len(), 6);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn sessions_take_at_most_300_bytes_each() {
    let store = Memory::default();
    for at in 0..20_000 {
        let session = format!("session_2026-01-{:02}_00-00-00_{at:06}_{}", at % 28 + 1, at % 900 + 100);
        // Every session has its own cluster and owner.
        store.put(
            format!("cluster-metadata/rayjob/team-{}_training-run-{at}_training-run-{at}-x7k2p/{session}", at % 50),
            "",
        );
    }
    let catalog = Catalog::new(Arc::new(store), vec![Root::default()]);
    let listing = catalog.refresh().await.unwrap();
    assert_eq!(listing.len(), 20_000);
    assert!(listing.weight() <= 300 * listing.len(), "{} bytes", listing.weight() / listing.len());
}
