use super::*;
use ray_history_core::base::name::{ClusterId, OwnerKind, SessionName};
use ray_history_storage::ErrorKind;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::memory::Memory;
use std::sync::Arc;

const S: &str = "session_2026-11-22_23-11-33_821800_1";

fn key(namespace: &str, name: &str) -> SessionKey {
    let cluster = ClusterId { namespace: namespace.into(), name: name.into() };
    SessionKey { cluster, session: SessionName::parse(S).unwrap() }
}

async fn keys(store: &dyn Storage, roots: &[Root], key: &SessionKey, owner: Option<&Owner>) -> Vec<String> {
    let places = Places::find(store, roots, key, owner).await.unwrap();
    let mut found = Vec::new();
    for part in [Part::Markers, Part::Data] {
        let mut pages = places.pages(store, part);
        while let Some(page) = pages.next().await {
            found.extend(page.unwrap().into_iter().map(|object| object.key));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn every_place_of_a_session_is_found_and_no_other() {
    let own = [
        format!("metadir/train-x7k2p_ml/{S}"),
        format!("cluster-metadata/raycluster/ml_train-x7k2p/{S}"),
        format!("cluster-metadata/rayjob/ml_train_train-x7k2p/{S}"),
        format!("cluster-metadata/rayservice/ml_odd_train-x7k2p/{S}"),
        format!("train-x7k2p_ml/{S}/"),
        format!("train-x7k2p_ml/{S}/logs/n/a.out"),
        format!("train-x7k2p_ml/{S}/unknown"),
        format!("cluster-history/raycluster/ml/train-x7k2p/{S}/n/logs/a.out"),
        format!("cluster-history/rayjob/ml/train/train-x7k2p/{S}/n/ray-history/s/manifest.json"),
        format!("cluster-history/rayservice/ml/odd/train-x7k2p/{S}/n/node_events/x"),
    ];
    let others = [
        // Another session whose name begins so, and a folder of the marker's name.
        format!("metadir/train-x7k2p_ml/{S}2"),
        format!("metadir/train-x7k2p_ml/{S}/x"),
        format!("train-x7k2p_ml/{S}2/logs/n/a.out"),
        format!("cluster-history/raycluster/ml/train-x7k2p/{S}2/n/logs/a.out"),
        // Clusters and namespaces whose names begin so.
        format!("cluster-metadata/raycluster/ml_train-x7k2pq/{S}"),
        format!("cluster-history/raycluster/ml/train-x7k2pq/{S}/n/logs/a.out"),
        format!("cluster-history/raycluster/mlx/train-x7k2p/{S}/n/logs/a.out"),
        format!("train-x7k2p_mlx/{S}/logs/n/a.out"),
        format!("train-x7k2p_ml_b/{S}/logs/n/a.out"),
        // An owner of another name.
        format!("cluster-history/rayjob/ml/eval/train-x7k2p/{S}/n/logs/a.out"),
        // Ours.
        format!("ray-history/v1/tombstones/ml/train-x7k2p/{S}.json"),
        format!("ray-history/v1/pins/ml/train-x7k2p/{S}"),
    ];
    let owner = Owner { kind: OwnerKind::RayService, name: "odd".into() };
    for (roots, spelled) in [(vec![Root::new("")], ""), (vec![Root::new("x"), Root::new("/log")], "/log/")] {
        let store = Memory::with_page_size(2);
        for key in own.iter().chain(&others) {
            store.put(format!("{spelled}{key}"), "");
        }
        let mut expected: Vec<String> = own.iter().map(|key| format!("{spelled}{key}")).collect();
        expected.sort();
        assert_eq!(keys(&store, &roots, &key("ml", "train-x7k2p"), Some(&owner)).await, expected);
    }
}

#[tokio::test]
async fn odd_names_own_nothing_of_others() {
    let store = Memory::default();
    for key in [
        format!("a_b_c/{S}/x"),
        format!("cluster-history/raycluster/a/b/c/{S}/x"),
        format!("cluster-history/raycluster/a//{S}/x"),
        format!("cluster-history/raycluster//c/{S}/x"),
        format!("_ml/{S}/x"),
    ] {
        store.put(key, "");
    }
    let roots = [Root::new("")];
    for odd in [key("c", "a_b"), key("a/b", "c"), key("a", "b/c"), key("", "c"), key("..", "."), key("a", "")] {
        assert_eq!(keys(&store, &roots, &odd, None).await, [""; 0], "{odd}");
    }
    // The first `_` ends the name of a cluster, and v1.6 wrote empty ones.
    assert_eq!(keys(&store, &roots, &key("b_c", "a"), None).await, [format!("a_b_c/{S}/x")]);
    assert_eq!(keys(&store, &roots, &key("ml", ""), None).await, [format!("_ml/{S}/x")]);
}

#[tokio::test]
async fn a_root_within_a_session_is_an_error() {
    let store = Memory::default();
    let inner = Root::new(&format!("train_ml/{S}/logs"));
    let error = Places::find(&store, &[Root::new(""), inner], &key("ml", "train"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
}

#[tokio::test]
async fn a_part_that_cannot_be_listed_is_an_error() {
    let memory = Memory::default();
    let data = format!("cluster-history/raycluster/ml/train/{S}/n/logs/");
    memory.put(format!("{data}a.out"), "");
    let store = Faulty::new(Arc::new(memory));
    let places = Places::find(&store, &[Root::new("")], &key("ml", "train"), None).await.unwrap();
    assert_eq!(places.survey(&store).await.unwrap().objects, 1);
    store.arm(data, Fault::Closed);
    assert_eq!(places.survey(&store).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_survey_counts_every_object_in_any_order() {
    let store = Memory::default();
    let folder = format!("cluster-history/raycluster/ml/train/{S}/");
    store.put_modified(format!("{folder}n/logs/a.out"), "four", 40);
    store.put_modified(format!("metadir/train_ml/{S}"), "", 20);
    let places = Places::find(&store, &[Root::new("")], &key("ml", "train"), None).await.unwrap();
    let survey = places.survey(&store).await.unwrap();
    assert_eq!((survey.objects, survey.bytes, survey.newest), (2, 4, Some(40)));
    assert_eq!(places.survey(&store).await.unwrap(), survey);
    store.put_modified(format!("{folder}n/logs/a.out"), "FOUR", 40);
    assert_ne!(places.survey(&store).await.unwrap().digest, survey.digest);
}
