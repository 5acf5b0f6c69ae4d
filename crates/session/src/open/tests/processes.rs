//! Logs of Ray's processes, for facts that events leave out.

use super::*;
use ray_history_core::base::id::NodeId;
use ray_history_core::snapshot::worker::Life;

const NODE: &str = "a9134fc067d02c71a6a2ab86b113aa6f34787dd9d04a872a4252e74f";
const WORKER: &str = "9ce886223f578ecaf6d041e299c9850149f3719ed9d6532accdd9bef";

fn log(name: &str) -> String {
    format!("cluster-history/raycluster/ns/rc/{}/{NODE}/logs/{name}", key(0).session)
}

fn own_log() -> String {
    log(&format!("python-core-worker-{WORKER}_7.log"))
}

/// Creates a session with a task, and the logs of a worker that was killed.
async fn scene() -> Scene {
    let scene = Scene::new(1, 1, Settings::default()).await;
    let put = |name: String, text: String| scene.bucket.put_modified(name, text, now());
    put(own_log(), "[2026-11-22 23:12:01,000 I 7 7] x.cc:1: Constructing CoreWorkerProcess. pid: 7\n".to_owned());
    let exit = "Reporting worker exit, worker id";
    put(
        log("gcs_server.out"),
        format!(
            "[2026-11-22 23:12:09,000 W 1 1] (gcs_server) x.cc:1: {exit} = {WORKER}, node id = {NODE}, address = 1, \
             exit_type = SYSTEM_ERROR, exit_detail = gone. Unintentional worker failures have been reported.\n"
        ),
    );
    put(
        log("raylet.out"),
        format!(
            "[2026-11-22 23:12:08,999 I 1 1] (raylet) x.cc:1: Disconnecting worker, graceful=false, disconnect_type=0, worker_id={WORKER} job_id=01000000\n"
        ),
    );
    scene
}

#[tokio::test(start_paused = true)]
async fn worker_without_events_is_known_from_logs() {
    let scene = scene().await;
    let open = scene.sessions.open(&key(0)).await.unwrap();
    let [worker] = &open.snapshot.workers[..] else { panic!("{:?}", open.snapshot.workers) };
    assert_eq!((worker.id.hex().as_str(), worker.pid, worker.life), (WORKER, 7, Life::Dead));
    assert_eq!((worker.end_ms, open.snapshot.text(worker.exit_detail).as_str()), (1_795_389_128_999, "gone"));
    assert_eq!(open.snapshot.id(worker.node), NodeId::from_hex(NODE).unwrap().0);
    assert_eq!(open.snapshot.facts.processes.weight(), 0, "dropped once its facts are in the tables");
}

#[tokio::test(start_paused = true)]
async fn unreadable_log_is_reported_and_retried() {
    let scene = scene().await;
    scene.store.arm(log("raylet.out"), Fault::Always(ErrorKind::Unavailable));
    let open = scene.sessions.open(&key(0)).await.unwrap();
    assert_eq!((open.unread_files, open.snapshot.workers[0].end_ms), (1, 1_795_389_129_000), "the GCS's line is left");
    let named = open.snapshot.completeness.unreadable_files.examples.iter().map(|example| example.file.clone());
    assert_eq!(named.collect::<Vec<_>>(), [log("raylet.out")]);
    scene.store.heal();
    tokio::time::advance(Duration::from_secs(3)).await;
    let open = scene.settled(0).await;
    assert_eq!((open.unread_files, open.snapshot.workers[0].end_ms), (0, 1_795_389_128_999));
}

#[tokio::test(start_paused = true)]
async fn changed_log_is_read_again() {
    let scene = scene().await;
    scene.sessions.open(&key(0)).await.unwrap();
    let text = format!(
        "[2026-11-22 23:12:07,000 I 1 1] (raylet) x.cc:1: Disconnecting worker, graceful=true, disconnect_type=1, worker_id={WORKER} job_id=01000000\n"
    );
    scene.bucket.put_modified(log("raylet.out"), text, now());
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(scene.settled(0).await.snapshot.workers[0].end_ms, 1_795_389_127_000);
}
