//! Loading sessions before they are requested.

use super::*;

#[tokio::test(start_paused = true)]
async fn prewarming_opens_a_session() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    assert!(scene.sessions.prewarm(&key(0)).await);
    assert_eq!(scene.sessions.peek(&key(0)).unwrap().snapshot.tasks.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn request_continues_a_prewarm_that_gave_way() {
    let loading = settings::Loading { max_concurrent: 2, ..settings::Loading::default() };
    let settings = Settings { loading, ..Settings::default() };
    let scene = Scene::with_latency(2, 900, settings, Duration::from_secs(1)).await;
    let spawn = |pid: u32, prewarm: bool| {
        let sessions = Arc::clone(&scene.sessions);
        tokio::spawn(async move {
            if prewarm { sessions.prewarm(&key(pid)).await } else { sessions.open(&key(pid)).await.is_ok() }
        })
    };
    let other = spawn(0, false);
    while sample(&scene, "ray_history_loads_running") == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let prewarmed = spawn(1, true);
    tokio::task::yield_now().await;
    let asked = spawn(1, false);
    assert!(!prewarmed.await.unwrap(), "only one slot is left, and that stays free");
    assert!(asked.await.unwrap() && other.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn prewarming_evicts_nothing() {
    let cache = settings::Cache { max_sessions: 1, ..settings::Cache::default() };
    let scene = Scene::new(2, 1, Settings { cache, ..Settings::default() }).await;
    assert_eq!(scene.tasks(0).await, 1);
    assert!(!scene.sessions.prewarm(&key(1)).await);
    assert!(scene.sessions.peek(&key(0)).is_some() && scene.sessions.peek(&key(1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn stored_digest_changes_with_a_new_file() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    let before = scene.sessions.stored(&key(0)).await.unwrap();
    assert!(before.is_some());
    assert_eq!(scene.sessions.stored(&key(0)).await.unwrap(), before);
    scene.put(0, 2);
    assert_ne!(scene.sessions.stored(&key(0)).await.unwrap(), before);
    assert!(scene.sessions.peek(&key(0)).is_none(), "nothing was loaded");
}
