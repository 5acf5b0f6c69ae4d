//! Memory use and evictions.

use super::*;
use crate::testing::gzip;
use bytes::Bytes;

#[tokio::test(start_paused = true)]
async fn counts_evictions_by_reason() {
    let cache = settings::Cache { max_sessions: 2, ttl: Some(Duration::from_secs(60)), ..settings::Cache::default() };
    let scene = Scene::new(4, 2, Settings { cache, ..Settings::default() }).await;
    let evicted = |reason: &str| sample(&scene, &format!("ray_history_cache_evictions_total{{reason=\"{reason}\"}}"));
    for pid in 0..3 {
        scene.tasks(pid).await;
    }
    assert_eq!([evicted("Count"), evicted("Memory"), evicted("Expired")], [1, 0, 0]);
    tokio::time::advance(Duration::from_secs(50)).await;
    scene.tasks(2).await;
    tokio::time::advance(Duration::from_secs(50)).await;
    scene.sessions.tidy();
    assert_eq!([evicted("Count"), evicted("Memory"), evicted("Expired")], [1, 0, 1]);
    let max_memory = scene.sessions.usage().kept_bytes / 2;
    scene.sessions.apply(Arc::new(Settings { cache: settings::Cache { max_memory, ..cache }, ..Settings::default() }));
    assert_eq!([evicted("Count"), evicted("Memory"), evicted("Expired")], [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn two_loads_racing_for_memory_both_open() {
    // Each load reserves 4 MiB before it reads.
    let cache = settings::Cache { max_memory: 6 << 20, ..settings::Cache::default() };
    let scene = Scene::with_latency(2, 5, Settings { cache, ..Settings::default() }, Duration::from_secs(1)).await;
    let (first, second) = tokio::join!(scene.tasks(0), scene.tasks(1));
    assert_eq!((first, second), (5, 5));
    assert!(sample(&scene, "ray_history_load_queue_duration_seconds_sum") > 0, "one had to wait");
}

/// Runs in real time: paused time would advance while fetches wait for parsers, which are not tasks.
#[tokio::test]
async fn fetches_fewer_big_files_at_once() {
    let scene = Scene::new(1, 40, Settings::default()).await;
    for (size, at_once) in [(0, 40), (2 << 20, 15)] {
        for file in 0..40 {
            scene.bucket.put(event_file(0, file), task(0, file) + &"\n".repeat(size));
        }
        let store = Faulty::new(Arc::clone(&scene.bucket) as Arc<dyn Storage>);
        let store = Arc::new(store.with_latency(Duration::from_millis(100)));
        scene.sessions.replace_store(Arc::clone(&store) as Arc<dyn Storage>, vec![Root::default()]);
        scene.sessions.refresh().await.unwrap();
        assert_eq!(scene.tasks(0).await, 40);
        assert_eq!(store.most_at_once(), at_once, "files of {size} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn evicted_session_stays_usable() {
    let cache = settings::Cache { max_sessions: 1, ..settings::Cache::default() };
    let scene = Scene::new(2, 3, Settings { cache, ..Settings::default() }).await;
    let open = scene.sessions.open(&key(0)).await.unwrap();
    assert_eq!(scene.tasks(1).await, 3);
    let usage = scene.sessions.usage();
    assert_eq!((usage.sessions, scene.sessions.peek(&key(0)).is_none()), (1, true));
    assert!(usage.used_bytes > usage.kept_bytes, "it still counts");
    assert_eq!(open.snapshot.tasks.len(), 3);
    drop(open);
    assert_eq!(scene.sessions.usage().used_bytes, scene.sessions.usage().kept_bytes);
}

#[tokio::test(start_paused = true)]
async fn new_settings_drop_only_what_no_longer_fits() {
    let scene = Scene::new(5, 2, Settings::default()).await;
    for pid in 0..5 {
        scene.tasks(pid).await;
    }
    let apply = |max_sessions, max_memory| {
        let cache = settings::Cache { max_sessions, max_memory, ttl: None };
        scene.sessions.apply(Arc::new(Settings { cache, ..Settings::default() }));
        scene.sessions.usage().sessions
    };
    assert_eq!(apply(3, 2 << 30), 3);
    assert_eq!(apply(100, 2 << 30), 3);
    let one = scene.sessions.usage().kept_bytes / 3;
    // Less than a quarter of the budget is for answers and what is known of other sessions.
    assert_eq!(apply(100, one + one / 3), 1);
}

#[tokio::test]
async fn too_large_session_is_refused() {
    let cache = settings::Cache { max_memory: 6 << 20, ..settings::Cache::default() };
    let scene = Scene::new(1, 1, Settings { cache, ..Settings::default() }).await;
    assert_eq!(scene.tasks(0).await, 1);
    let many: String = (0..60_000).map(|file| task(0, file)).collect();
    scene.bucket.put(event_file(0, 0), many);
    scene.sessions.apply(Arc::new(Settings { cache, ..Settings::default() }));
    scene.sessions.replace_store(Arc::clone(&scene.store) as Arc<dyn Storage>, vec![Root::default()]);
    let error = scene.sessions.open(&key(0)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }) && error.to_string().contains("cache.maxMemory"), "{error}");
    scene.all_is_free().await;
}

/// Files of a few kilobytes can hold records of any length.
#[tokio::test]
async fn endless_records_stay_within_the_budget() {
    let cache = settings::Cache { max_memory: 16 << 20, ..settings::Cache::default() };
    let scene = Scene::new(2, 1, Settings { cache, ..Settings::default() }).await;
    let zeros = Bytes::from(gzip(&vec![b'0'; 60 << 20]));
    for file in 1..9 {
        scene.bucket.put(event_file(0, file), zeros.clone());
    }
    let error = scene.sessions.open(&key(0)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { needed, .. } if needed < 32 << 20), "{error}");
    assert_eq!(scene.tasks(1).await, 1);
}

#[tokio::test(start_paused = true)]
async fn rebuilds_with_memory_for_one_copy_only() {
    let cache = settings::Cache { max_memory: 9 << 20, ..settings::Cache::default() };
    let scene = Scene::new(1, 1, Settings { cache, ..Settings::default() }).await;
    for file in 0..10_000 {
        scene.bucket.put(format!("{}logs/worker-{file}.out", folder(0)), "");
    }
    assert_eq!(scene.tasks(0).await, 1);
    scene.put(0, 1);
    tokio::time::advance(Duration::from_secs(6)).await;
    let built = tokio::time::timeout(Duration::from_hours(1), scene.settled(0)).await.unwrap();
    assert_eq!(built.snapshot.tasks.len(), 2);
}
