//! Tests of the passes that keep the list fresh: markers often, walks rarely.

use super::*;

/// Runs the passes for some paused time.
async fn keep(catalog: &Catalog, time: Duration) {
    let _ = tokio::time::timeout(time, catalog.keep_fresh()).await;
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

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
