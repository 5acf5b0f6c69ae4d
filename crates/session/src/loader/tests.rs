use super::*;
use ray_history_core::base::name::{ClusterId, SessionName};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Id;
use tokio::sync::Semaphore;

fn key(pid: u32) -> SessionKey {
    let session = SessionName::parse(&format!("session_2026-11-22_23-11-33_821800_{pid}")).unwrap();
    SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "rc".into() }, session }
}

fn loader() -> (Loader<u32>, CancellationToken) {
    let stop = CancellationToken::new();
    (Loader::new(stop.clone()), stop)
}

fn waiting(joined: Loaded<Joined<u32>>) -> Waiting<u32> {
    match joined.unwrap() {
        Joined::Waiting(waiting) => waiting,
        Joined::Ready(value) => panic!("{value} was there already"),
    }
}

/// A thousand clients ask, and nine hundred of them leave.
#[tokio::test(start_paused = true)]
async fn one_load_serves_all_waiters() {
    let (loader, _) = loader();
    let (loads, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let mut clients = Vec::new();
    for _ in 0..1000 {
        let (loads, go) = (Arc::clone(&loads), Arc::clone(&go));
        let joined = loader.join(
            &key(1),
            || None,
            |_| async move {
                loads.fetch_add(1, Ordering::SeqCst);
                go.acquire().await.unwrap().forget();
                Ok(7)
            },
        );
        clients.push(tokio::spawn(waiting(joined).wait()));
    }
    tokio::task::yield_now().await;
    for leaver in clients.drain(..900) {
        leaver.abort();
    }
    go.add_permits(1);
    for client in clients {
        assert_eq!(client.await.unwrap().unwrap(), 7);
    }
    assert_eq!((loads.load(Ordering::SeqCst), loader.running()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn load_continues_without_waiters() {
    let (loader, _) = loader();
    let done = Arc::new(AtomicUsize::new(0));
    let mark = Arc::clone(&done);
    drop(loader.join(
        &key(1),
        || None,
        |_| async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            mark.fetch_add(1, Ordering::SeqCst);
            Ok(7)
        },
    ));
    loader.idle().await;
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[test]
fn load_outlives_the_runtime_of_its_first_caller() {
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (loader, _) = home.block_on(async { loader() });
    let go = Arc::new(Semaphore::new(0));
    let ask = || {
        let go = Arc::clone(&go);
        waiting(loader.join(
            &key(1),
            || None,
            |_| async move {
                go.acquire().await.unwrap().forget();
                Ok(7)
            },
        ))
    };
    let first = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    first.block_on(async {
        drop(ask());
        tokio::task::yield_now().await;
    });
    let second = home.block_on(async { ask() });
    drop(first);
    go.add_permits(1);
    assert_eq!(home.block_on(second.wait()).unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn errors_are_shared_cached_and_retried_with_backoff() {
    let (loader, _) = loader();
    let loads = Arc::new(AtomicUsize::new(0));
    let fail = || {
        let loads = Arc::clone(&loads);
        loader.join(
            &key(1),
            || None,
            |_| async move {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(Error::NothingStored(key(1)))
            },
        )
    };
    let (first, second) = (waiting(fail()), waiting(fail()));
    assert!(first.wait().await.is_err() && second.wait().await.is_err());
    assert_eq!(loads.load(Ordering::SeqCst), 1, "both share one error");
    assert!(matches!(fail(), Err(Error::NothingStored(_))) && loader.cached_error(&key(1)).is_some());
    assert_eq!(loads.load(Ordering::SeqCst), 1, "the error is cached");
    for (failures, delay) in [(1, retry_delay(1)), (2, retry_delay(2)), (3, retry_delay(3))] {
        tokio::time::advance(delay.saturating_sub(Duration::from_millis(1))).await;
        assert!(fail().is_err(), "still cached after {failures}");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(waiting(fail()).wait().await.is_err());
    }
    assert_eq!(loads.load(Ordering::SeqCst), 4);
    tokio::time::advance(retry_delay(4)).await;
    let well = loader.join(&key(1), || None, |_| async { Ok(7) });
    assert_eq!(waiting(well).wait().await.unwrap(), 7);
    assert!(loader.cached_error(&key(1)).is_none(), "success clears the error");
}

#[tokio::test(start_paused = true)]
async fn panic_fails_only_its_own_load() {
    let (loader, _) = loader();
    let bad = loader.join(&key(1), || None, |_| async { panic!("on purpose") });
    let good = loader.join(
        &key(2),
        || None,
        |_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(7)
        },
    );
    assert!(matches!(waiting(bad).wait().await, Err(Error::Broken)));
    assert_eq!(waiting(good).wait().await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_every_load_and_starts_none() {
    let (loader, stop) = loader();
    let endless = waiting(loader.join(&key(1), || None, |_| std::future::pending()));
    stop.cancel();
    assert!(matches!(endless.wait().await, Err(Error::Stopping)));
    loader.idle().await;
    assert!(matches!(loader.join(&key(1), || None, |_| async { Ok(7) }), Err(Error::Stopping)));
    assert!(loader.cached_error(&key(1)).is_none(), "stopping is no fault of the session");
}

#[tokio::test(start_paused = true)]
async fn finished_load_is_not_started_again() {
    let (loader, _) = loader();
    match loader.join(&key(1), || Some(9), |_| async { Ok(7) }).unwrap() {
        Joined::Ready(value) => assert_eq!(value, 9),
        Joined::Waiting(_) => panic!("it was loaded again"),
    }
}

#[tokio::test]
async fn only_loads_run_on_low_priority_threads() {
    let mut loader = Loader::<Id>::new(CancellationToken::new());
    let here = async || Ok::<_, Error>(Handle::current().id());
    loader.load_on(LowPriorityRuntime::start().unwrap());
    let Joined::Waiting(load) = loader.join(&key(1), || None, |_| here()).unwrap() else { panic!("nothing is there") };
    let (load, background) = (load.wait().await.unwrap(), loader.run_detached(here()).await.unwrap());
    assert_ne!(load, Handle::current().id());
    assert_eq!(background, Handle::current().id());
}
