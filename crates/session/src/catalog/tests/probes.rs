//! Tests of probes for sessions that are in no list yet.

use super::*;

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
