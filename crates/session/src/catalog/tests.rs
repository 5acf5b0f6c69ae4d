//! Tests of listings, and of what all tests of the catalog begin with.

mod passes;
mod probes;

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
