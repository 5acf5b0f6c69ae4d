use super::*;
use crate::session::name::{ClusterId, OwnerKind, SessionKey, SessionName};
use crate::storage::ErrorKind;
use crate::storage::faulty::{Fault, Faulty};
use crate::storage::memory::Memory;

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

fn shown(listing: &Listing) -> Vec<String> {
    let owner = |entry: &Entry| entry.owner.as_ref().map(|o| format!(" of {}", o.name)).unwrap_or_default();
    listing.entries.iter().map(|e| format!("{}{} {}", e.key, owner(e), e.marked)).collect()
}

#[tokio::test]
async fn sessions_of_every_layout_are_found_with_and_without_markers_newest_first() {
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
    let owner = listing.entries[0].owner.as_ref().map(|owner| owner.kind);
    assert_eq!(owner, Some(OwnerKind::RayJob));
}

#[tokio::test]
async fn an_outage_keeps_the_last_listing_and_says_that_it_is_stale() {
    let (catalog, store) = catalog(&[format!("metadir/rc_default/{OLD}")], "");
    catalog.refresh().await.unwrap();
    store.fail_next(100);
    assert!(catalog.refresh().await.is_err());
    let listing = catalog.listing();
    assert_eq!(listing.entries.len(), 1);
    assert!(listing.stale.as_deref().unwrap().contains(&ErrorKind::Unavailable.to_string()));
}

#[tokio::test]
async fn a_folder_that_is_no_bucket_is_not_recognised() {
    let (catalog, _) = catalog(&["my_photos/2026/cat.png".into(), "notes.txt".into()], "");
    let listing = catalog.refresh().await.unwrap();
    assert!(listing.entries.is_empty() && !listing.recognised);
}

#[tokio::test]
async fn a_root_that_was_meant_is_named() {
    let (catalog, _) = catalog(&[format!("log/metadir/rc_default/{OLD}"), "notes.txt".into()], "");
    let listing = catalog.refresh().await.unwrap();
    assert!(listing.entries.is_empty() && !listing.recognised);
    assert_eq!(listing.roots_below, ["log/"]);
}

#[tokio::test]
async fn before_the_first_listing_the_catalog_says_that_it_knows_nothing() {
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
async fn a_folder_that_may_not_be_listed_is_told_and_hides_no_other() {
    let (catalog, store) =
        catalog(&[format!("a_x/{OLD}/logs/n/raylet.out"), format!("b_x/{OLD}/logs/n/raylet.out")], "");
    store.arm("a_x/", Fault::Always(ErrorKind::PermissionDenied));
    let listing = catalog.refresh().await.unwrap();
    assert_eq!(shown(&listing), [format!("x/b/{OLD} false")]);
    assert_eq!(listing.skipped.count, 1);
    assert!(listing.skipped.examples[0].contains("a_x/"));
}

#[tokio::test]
async fn a_marker_in_both_trees_is_one_session_whose_namespace_is_known() {
    let old = format!("metadir/rc_ns/{OLD}");
    let new = format!("cluster-metadata/rayservice/ns_svc_rc/{OLD}");
    for (keys, known) in [(vec![old.clone()], false), (vec![old, new], true)] {
        let (catalog, _) = catalog(&keys, "");
        let listing = catalog.refresh().await.unwrap();
        assert_eq!(listing.entries.len(), 1);
        let entry = &listing.entries[0];
        assert_eq!((entry.namespace_known, entry.owner.is_some(), entry.marked), (known, known, true));
    }
}

#[tokio::test]
async fn every_entry_is_found_by_its_key_and_the_newest_by_its_cluster() {
    let pids = 1..40;
    let keys: Vec<_> = pids
        .clone()
        .map(|pid| format!("metadir/rc_ns/session_2026-01-{:02}_00-00-00_000001_{pid}", pid % 5 + 1))
        .collect();
    let (catalog, _) = catalog(&keys, "");
    let listing = catalog.refresh().await.unwrap();
    for (key, pid) in keys.iter().zip(pids) {
        let session = SessionName::parse(key.rsplit('/').next().unwrap()).unwrap();
        let key = SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "rc".into() }, session };
        assert_eq!(listing.find(&key).map(|entry| &entry.key), Some(&key), "{pid}");
    }
    let newest = listing.latest(&listing.entries[7].key.cluster).unwrap();
    assert!(newest.key.session.as_str().contains("2026-01-05"));
}

#[tokio::test]
async fn many_who_refresh_at_once_cost_two_listings_at_most() {
    let store = Arc::new(Faulty::new(Arc::new(Memory::default())).with_latency(std::time::Duration::from_millis(2)));
    let catalog = Catalog::new(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()]);
    catalog.refresh().await.unwrap();
    let one = store.counts().lists;
    let all = futures_util::future::join_all((0..50).map(|_| catalog.refresh())).await;
    assert!(all.iter().all(Result::is_ok));
    assert!(store.counts().lists <= 3 * one, "{} requests, {one} for one listing", store.counts().lists);
}
