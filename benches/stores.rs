//! `make bench`: opening a session of 100,000 tasks from an S3 server on loopback, compared with local disk.
//!
//! Needs a recorded session of about 100,000 tasks (`RAY_HISTORY_SCALE`, as for `scale`; without it nothing is measured)
//! and versitygw, which `scripts/storage-servers .cache/servers` installs. Every figure is taken in a process of its
//! own, in turn, so that a busy moment meets all of them. What may be promised are the ratio to local disk (1.5) and the
//! seconds that 100 ms on every request add (3).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

#[path = "../tests/common/mod.rs"]
mod common;
mod recorded;

use async_trait::async_trait;
use aws_sdk_s3::config::{BehaviorVersion, Credentials as Signing, Region};
use common::stores::{free_port, versitygw};
use futures_util::{StreamExt, stream};
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use ray_history_storage::config::{AccessKey, Credentials, LocalConfig, Rotating, S3Config, Secret, StoreConfig};
use ray_history_storage::faulty::Faulty;
use ray_history_storage::guarded::{Guarded, Limits};
use ray_history_storage::{Delimiter, Error, ListPage, ObjectBody, PageToken, ReadRange, Storage, connect_unguarded};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 5;

/// The figures: a name, the mode of the process that measures it, and `true` if the store is the server.
const FIGURES: [(&str, &str, bool); 6] = [
    ("open from local disk", "open", false),
    ("open from S3 on loopback", "open", true),
    ("open from S3, 100 ms on every request", "slow", true),
    ("read all its files from S3", "read", true),
    ("the same, every 100th begins 3 s late", "straggling", true),
    ("the same, without a second request", "unhedged", true),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [mode, place] = &args[..] {
        return measure(mode, place);
    }
    let Some((work, folder)) = recorded::unpacked() else {
        return;
    };
    let data = work.path().join("data");
    std::fs::create_dir_all(data.join("ray")).unwrap();
    let port = free_port();
    let _server = versitygw(&data, port, "testkey", "testsecret");
    let endpoint = format!("http://127.0.0.1:{port}");
    run(fill(&folder, &endpoint));
    let mut seconds = [const { Vec::new() }; FIGURES.len()];
    for _ in 0..ROUNDS {
        for ((_, mode, served), seconds) in FIGURES.iter().zip(&mut seconds) {
            seconds.push(run_child(mode, if *served { &endpoint } else { folder.to_str().unwrap() }));
        }
    }
    let best: Vec<f64> = seconds.iter().map(|all| all.iter().copied().fold(f64::MAX, f64::min)).collect();
    println!("{:<44} {:>9} {:>10} {:>10}", "", "seconds", "of local", "more");
    for (at, (name, ..)) in FIGURES.iter().enumerate() {
        println!("{name:<44} {:>9.3} {:>10.2} {:>+10.3}", best[at], best[at] / best[0], best[at] - best[1]);
    }
}

fn run_child(mode: &str, place: &str) -> f64 {
    let child = Command::new(std::env::current_exe().unwrap()).arg(mode).arg(place).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    String::from_utf8(child.stdout).unwrap().trim().parse().unwrap()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work)
}

/// Opens the only session of a store, and prints how long that took from the very start.
fn measure(mode: &str, place: &str) {
    let started = Instant::now();
    run(async {
        let config = config(place);
        let bare = connect_unguarded(&config).await.unwrap();
        let bare: Arc<dyn Storage> = match mode {
            "slow" => Arc::new(Faulty::new(bare).with_latency(Duration::from_millis(100))),
            "straggling" | "unhedged" => Arc::new(Straggling { inner: bare, reads: AtomicU64::new(0) }),
            _ => bare,
        };
        let metrics = Metrics::default().storage;
        let hedge = if mode == "unhedged" { Duration::from_secs(3600) } else { Limits::default().hedge };
        let limits = Limits { hedge, ..Limits::default() };
        let store = Arc::new(Guarded::new(bare, config.name(), limits, metrics));
        if ["read", "straggling", "unhedged"].contains(&mode) {
            read_all(&*store).await;
            return println!("{}", started.elapsed().as_secs_f64());
        }
        let sessions = Arc::new(Sessions::new(store, vec![Root::new("")]).with_low_priority_loads().unwrap());
        let listing = sessions.refresh().await.unwrap();
        let session = sessions.open(&listing.iter().next().unwrap().key).await.unwrap();
        println!("{}", started.elapsed().as_secs_f64());
        assert!(session.snapshot.tasks.len() > 100_000 && session.snapshot.gaps.is_empty());
    });
}

/// Reads every object, as many at once as a load does.
async fn read_all(store: &dyn Storage) {
    let objects = store.list_all("", Delimiter::None).await.unwrap().objects;
    let reads = stream::iter(objects).for_each_concurrent(96, |object| async move {
        assert_eq!(store.read_all(&object.key, u64::MAX).await.unwrap().len() as u64, object.size);
    });
    reads.await;
}

fn config(place: &str) -> StoreConfig {
    if !place.starts_with("http") {
        return StoreConfig::Local(LocalConfig { path: place.into() });
    }
    StoreConfig::S3(S3Config {
        bucket: "ray".into(),
        region: Some("us-east-1".into()),
        endpoint: Some(place.into()),
        force_path_style: true,
        requester_pays: false,
        ca: None,
        profile: None,
        credentials: Credentials::Static(Rotating::new(AccessKey {
            id: "testkey".into(),
            secret: Secret::new("testsecret"),
            session_token: None,
        })),
    })
}

/// Puts a folder's files into the bucket.
async fn fill(folder: &Path, endpoint: &str) {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .credentials_provider(Signing::new("testkey", "testsecret", None, None, "bench"));
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let local = connect_unguarded(&StoreConfig::Local(LocalConfig { path: folder.into() })).await.unwrap();
    let objects = local.list_all("", Delimiter::None).await.unwrap().objects;
    let puts = stream::iter(objects).for_each_concurrent(8, |object| {
        let (client, local) = (&client, &local);
        async move {
            let bytes = local.read_all(&object.key, u64::MAX).await.unwrap();
            client.put_object().bucket("ray").key(object.key).body(bytes.into()).send().await.unwrap();
        }
    });
    puts.await;
}

/// A store in which some reads take very long to begin.
#[derive(Debug)]
struct Straggling {
    inner: Arc<dyn Storage>,
    reads: AtomicU64,
}

#[async_trait]
impl Storage for Straggling {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        self.inner.list(prefix, delimiter, page).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        if self.reads.fetch_add(1, Ordering::Relaxed) % 100 == 50 {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        self.inner.read_matching(key, range, if_match).await
    }
}
