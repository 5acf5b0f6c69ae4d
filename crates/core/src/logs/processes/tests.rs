//! Tests on lines that Ray 2.57 and 2.60 wrote.

use super::*;
use crate::base::id::RayId;
use proptest::prelude::*;

const W: &str = "9ce886223f578ecaf6d041e299c9850149f3719ed9d6532accdd9bef";
const N: &str = "a9134fc067d02c71a6a2ab86b113aa6f34787dd9d04a872a4252e74f";
/// 2026-11-29 08:31:00,000 as if it were UTC.
const MINUTE: i64 = 1_795_941_060_000;

fn node() -> NodeId {
    NodeId::from_hex(N).unwrap()
}

fn worker() -> WorkerId {
    WorkerId::from_hex(W).unwrap()
}

fn scan(path: &str, text: &str) -> ProcessLogs {
    let mut scan = LogScan::new(Source::of(path).unwrap(), node());
    scan.push(text.as_bytes());
    scan.finish(true)
}

fn gcs() -> String {
    format!(
        "[2026-11-29 08:31:27,404 I 6 6] (gcs_server) gcs_server_main.cc:98: Ray cluster metadata ray_version=2.60.0 \
         ray_commit=b7f4259e\n\
         [2026-11-29 08:31:40,110 W 12225 12225] (gcs_server) gcs_worker_manager.cc:67: Reporting worker exit, worker id = {W}, \
         node id = {N}, address = 127.0.0.1, exit_type = SYSTEM_ERROR, exit_detail = The leased worker has unrecoverable, \
         failure.\nTraceback: x, y. Unintentional worker failures have been reported. If there are lots of this logs, that \
         might indicate there are unexpected failures in the cluster.\n\
         [2026-11-29 08:31:41,000 I 1 1] (gcs_server) gcs_actor_manager.cc:1: Registering actor job_id=03000000 \
         actor_id=fdb13cc2ca895ad05e7edc6203000000\n\
         [2026-11-29 08:31:41,000 I 1 1] (gcs_server) gcs_job_manager.cc:115: Registering job. job_id=03000000 driver_pid=1\n\
         [2026-11-29 08:31:41,001 I 1 1] (gcs_server) gcs_node_manager.cc:1: Registering new node. node_id={N} node_name=x\n"
    )
}

fn raylet() -> String {
    format!(
        "[2026-11-29 08:31:27,853 I 1 1] (raylet) main.cc:1136: Setting temp dir to: /tmp/rh\n\
         [2026-11-29 08:31:27,857 I 1 1] (raylet) node_manager.cc:349: Raylet of id, {N} started. Raylet consists of \
         node_manager and object_manager. node_manager address: 127.0.0.1:1 object_manager address: 127.0.0.1:2 hostname: vm\n\
         [2026-11-29 08:31:30,731 I 1 1] (raylet) worker_pool.cc:531: Started worker process with pid 12738 worker_id={W}\n\
         [2026-11-29 08:31:40,108 I 1 1] (raylet) node_manager.cc:1492: Disconnecting worker, graceful=false, \
         disconnect_type=0, has_creation_task_exception=false worker_id={W} job_id=03000000\n\
         [2026-11-29 08:31:40,110 I 1 1] (raylet) node_manager.cc:124: DisconnectClient: sending SIGTERM to pgid=12738\n"
    )
}

fn own() -> String {
    format!(
        "[2026-11-29 08:31:31,130 I 12738 12738] core_worker_process.cc:830: Constructing CoreWorkerProcess. pid: 12738\n\
         [2026-11-29 08:31:31,135 I 12738 12738] core_worker_process.cc:290: Initializing worker at address: 127.0.0.1:10004 \
         worker_id={W} node_id={N}\n\
         [2026-11-29 08:31:31,136 I 12738 12738] task_event_buffer.cc:569: Reporting task events to GCS every 1000ms.\n\
         [2026-11-29 08:31:31,138 I 12738 12785] core_worker.cc:488: Event stats:\n\nGlobal stats: 13 total\n\
         [2026-11-29 08:31:40,104 I 12738 1] raylet_ipc_client.cc:133: RayletIpcClient::Disconnect, \
         exit_type=INTENDED_USER_EXIT, exit_detail=Worker exits, by an user request., has creation_task_exception_pb_bytes=0\n\
         [2026-11-29 08:31:40,105 W 12738 1] core_worker_shutdown_executor.cc:379: Quick exit\n"
    )
}

fn exit(local_ms: i64, exit_type: &str, detail: &str) -> Exit {
    Exit { local_ms, clock: node(), exit_type: exit_type.into(), detail: detail.into() }
}

#[test]
fn gcs_log_has_unintended_exits_with_multiline_details() {
    let found = scan("gcs_server.out", &gcs());
    let log = &found.workers[&worker()];
    let detail = "The leased worker has unrecoverable, failure.\nTraceback: x, y";
    assert_eq!((log.node, &log.reported), (Some(node()), &Some(exit(MINUTE + 40_110, "SYSTEM_ERROR", detail))));
    assert_eq!((found.gcs.jobs.len(), found.gcs.actors.len(), found.gcs.nodes.len()), (1, 1, 1));
    assert!(found.gcs.read && !found.gcs.stopped);
    assert_eq!(found.gcs.ray, ("2.60.0".into(), "b7f4259e".into()));
}

#[test]
fn gcs_log_has_ends_of_jobs_and_last_lives_of_actors() {
    let line =
        |second: u32, rest: &str| format!("[2026-11-29 08:31:{second:02},000 I 1 1] (gcs_server) x.cc:1: {rest}\n");
    let actor = "fdb13cc2ca895ad05e7edc6203000000";
    let text = [
        line(1, &format!("Registering actor job_id=03000000 actor_id={actor}")),
        line(2, &format!("Actor created successfully job_id=03000000 actor_id={actor}")),
        line(
            3,
            &format!("Actor is failed on worker {W} at node {N}, need_reschedule = 1 job_id=03000000 actor_id={actor}"),
        ),
        line(4, &format!("Actor created successfully job_id=03000000 actor_id={actor}")),
        line(
            5,
            &format!("Actor is failed on worker {W} at node {N}, need_reschedule = 0 job_id=03000000 actor_id={actor}"),
        ),
        line(6, &format!("Destroying actor, force_kill=1, timeout_ms=-1 job_id=03000000 actor_id={actor}")),
        line(7, "Marking job as finished. job_id=03000000"),
    ];
    let found = scan("gcs_server.out", &text.concat()).gcs;
    assert_eq!(found.actors.values().map(ActorLog::ended).collect::<Vec<_>>(), [Some(MINUTE + 5_000)]);
    assert_eq!(found.jobs.into_values().collect::<Vec<_>>(), [Some(MINUTE + 7_000)]);
    assert_eq!(found.clock, Some(node()));
}

#[test]
fn raylet_log_has_starts_ends_and_session_folder() {
    let found = scan("raylet.1.out", &raylet());
    let log = &found.workers[&worker()];
    assert_eq!((log.pid, log.launched, log.disconnected), (12738, Some(MINUTE + 30_731), Some(MINUTE + 40_108)));
    assert_eq!((log.disconnect_type, log.job), (Some(0), Some(RayId([3, 0, 0, 0]))));
    let log = &found.nodes[&node()];
    assert_eq!((log.started, log.temp_dir.as_deref(), log.stopped), (Some(MINUTE + 27_857), Some("/tmp/rh"), false));
    assert_eq!(log.hostname.as_deref(), Some("vm"));
}

/// Ray before 2.55 does not log the folder itself.
#[test]
fn session_folder_follows_from_where_objects_fall_back_to() {
    for (fallback, expected) in [
        ("/tmp/ray/session_2026-11-30_00-12-48_346678_30446", Some("/tmp/ray")),
        ("/mnt/spill", None),
        ("session_2026-11-30_00-12-48_346678_30446", None),
    ] {
        let line = format!(
            "[2026-11-29 08:31:27,853 I 1 1] (raylet) store_runner.cc:66: Starting object store with directory \
             /dev/shm, fallback {fallback}, and huge page support disabled\n"
        );
        let found = scan("raylet.out", &line);
        assert_eq!(found.nodes[&node()].temp_dir.as_deref(), expected, "{fallback}");
    }
}

#[test]
fn outputs_of_workers_have_their_tasks_unless_rotated() {
    let path = format!("worker-{W}-01000000-12738.err");
    let source = Source::tasks_of(&path).unwrap();
    assert_eq!(source, Source::Tasks(worker(), Output::Err));
    for other in [format!("old/{path}"), format!("{path}.1"), format!("worker-{W}-01000000-12738.1.err")] {
        assert_eq!(Source::tasks_of(&other), None, "{other}");
    }
    assert_eq!(Source::of(&path), None, "an output that grows is no reason to build a session again");
    let mut scan = LogScan::new(source, node());
    scan.push(b":task_name:f\n");
    let log = &scan.finish(true).workers[&worker()];
    assert_eq!(log.tokens[0], None);
    assert_eq!(log.tokens[1].as_ref().unwrap().ranges(&[name_hash(b"f")]), [Some((13, Some(13)))]);
}

#[test]
fn worker_log_has_registration_and_exit() {
    let found = scan(&format!("python-core-worker-{W}_12738.log"), &own());
    let log = &found.workers[&worker()];
    assert_eq!((log.pid, log.port, log.has_log), (12738, 10004, true));
    assert_eq!((log.constructed, log.registered), (Some(MINUTE + 31_130), Some(MINUTE + 31_137)));
    assert_eq!(log.own_exit, Some(exit(MINUTE + 40_104, "INTENDED_USER_EXIT", "Worker exits, by an user request.")));
}

#[test]
fn only_the_recipient_of_sigterm_is_stopped() {
    for (path, line, gcs, raylet) in [
        ("gcs_server.out", "gcs_server_main.cc:1: GCS server received SIGTERM, shutting down...", true, false),
        ("gcs_server.out", "gcs_server.cc:669: GCS server stopped.", true, false),
        (
            "gcs_server.out",
            &format!(
                "x.cc:1: HandleDrainNode, reason: Node received SIGTERM; draining before shutdown., deadline: 1 node_id={N}"
            ),
            false,
            true,
        ),
        ("raylet.out", "main.cc:1: received SIGTERM. Existing local drain request = None", false, true),
        ("raylet.out", "node_manager.cc:124: DisconnectClient: sending SIGTERM to pgid=1", false, false),
        (
            "raylet.out",
            "node_manager.cc:1: Drain raylet RPC has received. Drain reason message: Node received SIGTERM; draining",
            false,
            true,
        ),
    ] {
        let found = scan(path, &format!("[2026-11-29 08:31:31,130 I 1 1] (x) {line}\n"));
        let stopped = found.nodes.get(&node()).is_some_and(|log| log.stopped);
        assert_eq!((found.gcs.stopped, stopped), (gcs, raylet), "{line}");
    }
}

#[test]
fn file_names_have_worker_job_process_and_output() {
    let mut found = ProcessLogs::default();
    for path in [format!("python-core-worker-{W}_7.log"), format!("worker-{W}-03000000-7.out"), "raylet.out".to_owned()]
    {
        found.read_name(N, &path);
    }
    let log = &found.workers[&worker()];
    assert_eq!((log.pid, log.has_log, log.job), (7, true, Some(RayId([3, 0, 0, 0]))));
    assert_eq!(log.output.as_deref(), Some(&*format!("worker-{W}-03000000-7")));
    assert_eq!(found.workers.len(), 1);
}

#[test]
fn recognizes_process_logs_rotated_or_not() {
    let own = format!("python-core-worker-{W}_7.1.log");
    for (path, expected) in [
        ("gcs_server.out", Some(Source::Gcs)),
        ("gcs_server.out.3", Some(Source::Gcs)),
        ("raylet.out", Some(Source::Raylet)),
        ("raylet.rotated.7-12.out", Some(Source::Raylet)),
        ("raylet.err", None),
        ("old/raylet.out", None),
        (&own, Some(Source::Worker(worker()))),
        ("python-core-worker-x_7.log", None),
        ("monitor.out", None),
    ] {
        assert_eq!(Source::of(path), expected, "{path}");
    }
}

#[test]
fn order_of_files_does_not_matter() {
    let own_path = format!("python-core-worker-{W}_12738.log");
    let texts = [("gcs_server.out", gcs()), ("raylet.out", raylet()), (&*own_path, own())];
    let merged = |order: [usize; 3]| {
        let mut all = ProcessLogs::default();
        for at in order {
            all.merge(scan(texts[at].0, &texts[at].1));
        }
        all
    };
    for order in [[2, 1, 0], [1, 0, 2], [0, 2, 1]] {
        assert_eq!(merged([0, 1, 2]), merged(order));
    }
}

proptest! {
    #[test]
    fn scanning_never_panics_and_any_split_reads_alike(cut in 0usize..2000, junk in "[\\[\\]a-z =,é\n]{0,60}") {
        let text = format!("{junk}{}{junk}{}{junk}{}", gcs(), raylet(), own());
        for path in ["gcs_server.out".to_owned(), "raylet.out".to_owned(), format!("python-core-driver-{W}_1.log")] {
            let (a, b) = text.as_bytes().split_at(cut.min(text.len()));
            let mut split = LogScan::new(Source::of(&path).unwrap(), node());
            split.push(a);
            split.push(b);
            prop_assert_eq!(split.finish(true), scan(&path, &text));
        }
    }
}
