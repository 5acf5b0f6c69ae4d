//! The collector as a process of its own.

use super::bucket::{BUCKET, Folder, Store};
use super::feeder::SESSIONS;
use super::random::Random;
use ray_history_collect::receive::Receiver;
use ray_history_collect::spool::{FailPoint, Fsync, Hook, Limits, Sealing, Spool};
use ray_history_collect::upload::{Sink, Uploader};
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::layout::{NodeKeys, SessionKeys};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Set for the collector's process: its folder, its store, its last instant and how often that comes before.
const ASKED: &str = "COLLECTOR_TO_KILL";

/// A running collector.
pub(crate) struct Child(std::process::Child);

impl Child {
    pub(crate) fn start(dir: &Path, store: Store, last: Option<(&str, u64)>) -> Self {
        let (instant, count) = last.unwrap_or_default();
        let asked = format!("{}|{store:?}|{instant}|{count}", dir.display());
        let _ = std::fs::remove_file(dir.join("port"));
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["collector_process", "--exact", "--nocapture"])
            .env(ASKED, asked)
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// Returns the time until its port is open, or it has ended, or longer than that takes anywhere.
    pub(crate) fn start_time(&mut self, dir: &Path) -> Duration {
        let begun = Instant::now();
        while !dir.join("port").exists() && begun.elapsed() < Duration::from_secs(1) {
            if self.0.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        begun.elapsed()
    }

    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert_eq!(status.code(), None, "it failed before it was killed");
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// With SIGKILL.
    pub(crate) fn kill(mut self) {
        if let Some(status) = self.0.try_wait().unwrap() {
            assert_eq!(status.code(), None, "it failed before it was killed");
        }
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits until everything is stored, and the end.
    pub(crate) fn finish(mut self, dir: &Path) {
        std::fs::write(dir.join("finish"), "").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

/// Ends this process as a kill from outside would.
pub(crate) fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}

pub(crate) fn run_if_asked() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let parts: Vec<&str> = asked.split('|').collect();
    let store = match parts[1] {
        "Failing" => Store::Failing,
        "Slow" => Store::Slow,
        "Cut" => Store::Cut,
        _ => Store::Good,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build();
    runtime.unwrap().block_on(run(Path::new(parts[0]), store, parts[2].to_owned(), parts[3].parse().unwrap()));
}

async fn run(dir: &Path, store: Store, instant: String, count: u64) {
    let half_put = AtomicU64::new(if instant == "HalfPut" { count } else { 0 });
    let left = AtomicU64::new(count);
    let hook: Hook = Arc::new(move |point: FailPoint| {
        if format!("{point:?}") == instant && left.fetch_sub(1, Ordering::Relaxed) == 1 {
            die();
        }
    });
    let limits = Limits { bytes: 64 << 20, fsync: Fsync::Flush };
    let spool = Arc::new(Spool::try_open(&dir.join("spool"), limits, hook).unwrap().expect("nobody else has it"));
    assert_eq!(spool.lost(), 0);
    let receiver = Receiver::bind(0).await.unwrap();
    std::fs::write(dir.join("port.next"), receiver.addresses()[0].port().to_string()).unwrap();
    std::fs::rename(dir.join("port.next"), dir.join("port")).unwrap();
    let folder = Folder { dir: dir.join(BUCKET), store, half_put, random: Mutex::new(Random::new()) };
    let sink = Sink::new(Arc::new(folder));
    // Ray's and the collector's times are shortened alike; files are sealed every few flushes.
    let sealing = Sealing { compressed: 6_000, age: Duration::from_millis(400), ..Sealing::default() };
    let every = Duration::from_millis(20);
    let uploader = Arc::new(Uploader::new(
        Arc::clone(&spool),
        sink,
        Arc::new(|session: &SessionName| Some(node(session))),
        every,
        sealing,
    ));
    tokio::select! {
        () = uploader.run() => {}
        () = receiver.serve(Arc::clone(&spool)) => {}
        () = finished(dir, &spool, &uploader) => {}
    }
}

async fn finished(dir: &Path, spool: &Spool, uploader: &Uploader) {
    while !dir.join("finish").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    uploader.flush_now().await;
    for session in SESSIONS {
        let session = SessionName::parse(session).unwrap();
        let events = spool.manifest_part(&session, &node(&session));
        std::fs::write(dir.join(session.as_str()), serde_json::to_vec(&events).unwrap()).unwrap();
    }
}

fn node(session: &SessionName) -> NodeKeys {
    let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
    SessionKeys::new("", &cluster, None, session).node("ab")
}
