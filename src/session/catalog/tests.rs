use super::*;
use crate::session::name::OwnerKind;
use crate::storage::ErrorKind;
use crate::storage::faulty::Faulty;
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
    assert_eq!(listing.unknown_keys, 1);
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
