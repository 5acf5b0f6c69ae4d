//! Changes of the store or the namespaces while sessions are open or being loaded.

use super::*;

#[tokio::test(start_paused = true)]
async fn replacing_the_store_drops_open_sessions() {
    let scene = Scene::new(1, 2, Settings::default()).await;
    assert_eq!(scene.tasks(0).await, 2);
    let other = Scene::new(1, 4, Settings::default()).await;
    scene.sessions.replace_store(Arc::clone(&other.store) as Arc<dyn Storage>, vec![Root::default()]);
    assert_eq!(scene.tasks(0).await, 4);
}

#[tokio::test(start_paused = true)]
async fn running_load_restarts_with_the_new_store() {
    let scene = Scene::with_latency(1, 2, Settings::default(), Duration::from_hours(1)).await;
    let opening = tokio::spawn({
        let sessions = Arc::clone(&scene.sessions);
        async move { sessions.open(&key(0)).await.map(|open| open.snapshot.tasks.len()) }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!opening.is_finished());
    let other = Scene::new(1, 4, Settings::default()).await;
    scene.sessions.replace_store(Arc::clone(&other.store) as Arc<dyn Storage>, vec![Root::default()]);
    let opened = tokio::time::timeout(Duration::from_secs(1), opening).await.unwrap();
    assert_eq!(opened.unwrap().unwrap(), 4);
    scene.sessions.idle().await;
    assert_eq!(scene.tasks(0).await, 4);
}

#[tokio::test(start_paused = true)]
async fn closes_sessions_of_unserved_namespaces() {
    let scene = Scene::with_latency(2, 2, Settings::default(), Duration::from_secs(5)).await;
    assert_eq!(scene.tasks(0).await, 2);
    let loading = tokio::spawn({
        let sessions = Arc::clone(&scene.sessions);
        async move { sessions.open(&key(1)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut settings = Settings::default();
    settings.clusters.namespaces = vec!["ns".into()];
    scene.sessions.apply(Arc::new(settings.clone()));
    assert!(scene.sessions.peek(&key(0)).is_some(), "its namespace is served still");
    settings.clusters.namespaces = vec!["other".into()];
    scene.sessions.apply(Arc::new(settings));
    assert!(scene.sessions.peek(&key(0)).is_none());
    assert!(matches!(scene.sessions.open(&key(0)).await, Err(Error::Unknown(_))));
    assert!(matches!(loading.await.unwrap(), Err(Error::Unknown(_))));
    assert!(scene.sessions.peek(&key(1)).is_none());
}
