//! `make bench`: the cost of the list of 100,000 sessions: requests of a month with their price, memory, time per page.
//!
//! Three days are simulated in virtual time with the real rhythm, and stand for a month: the days are alike. Markers
//! come as in a bucket of 100,000 sessions, in a hundred pages a listing, but a page holds 10 keys and not 1,000, so that
//! it ends soon. The walk is done once at full size; how often it happens follows from its rule, one request a second.
//! Then outcomes are read ahead at full size, until the memory for them is nearly full, and sessions are found by why they
//! ended, and by what their manifests say, until all are read. The question of each morning is asked over HTTP
//! (`last_night`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

#[path = "catalog/last_night.rs"]
mod last_night;

use async_trait::async_trait;
use ray_history_core::base::name::{ClusterId, Owner, OwnerKind};
use ray_history_core::layout::Root;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_manifest::{AgentCounters, FORMAT, Identity, Manifest, Reason, Role, State as Wire};
use ray_history_metrics::Metrics;
use ray_history_obituary::cause::Code;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::Row;
use ray_history_obituary::time::Time;
use ray_history_session::Sessions;
use ray_history_session::catalog::{Catalog, Entry, Listing, Query, Sort};
use ray_history_session::liveness::{Cluster, Listed, StartBounds, State, Watched};
use ray_history_settings::Settings;
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Error, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SESSIONS: usize = 100_000;
const DAY: f64 = 86_400.0;
const DAYS: usize = 30;
const SIMULATED: usize = 3;
/// New sessions a day, all by day; as many old ones are deleted.
const NEW_A_DAY: usize = 1_000;
/// The price of a thousand LIST requests to S3, in USD.
const PRICE: f64 = 0.005;
/// The price of a thousand GET requests to S3, in USD.
const PRICE_OF_READS: f64 = 0.000_4;

/// A bucket that counts what is listed.
#[derive(Debug)]
struct Bucket {
    inner: Memory,
    markers: AtomicU64,
    data: AtomicU64,
    reads: AtomicU64,
}

impl Bucket {
    fn new(page: usize) -> Self {
        Self {
            inner: Memory::with_page_size(page),
            markers: AtomicU64::default(),
            data: AtomicU64::default(),
            reads: AtomicU64::default(),
        }
    }

    /// Two of three sessions belong to a `RayJob` of their own, the others to five clusters that are started anew.
    fn put(&self, at: usize, marker: bool) -> (ClusterId, Option<Owner>) {
        let [marker_key, data_key] = keys(at);
        if marker {
            self.inner.put(marker_key, "");
        }
        self.inner.put(data_key, "");
        let (_, cluster, owner) = names(at);
        (cluster, owner)
    }

    fn remove(&self, at: usize) {
        for key in keys(at) {
            self.inner.remove(&key);
        }
    }

    fn listed(&self) -> (u64, u64) {
        (self.markers.load(Ordering::Relaxed), self.data.load(Ordering::Relaxed))
    }
}

fn session(at: usize) -> String {
    let (day, second) = (at / 86_400, at % 86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("session_2026-11-{:02}_{hour:02}-{minute:02}-{second:02}_{:06}_1234", day % 28 + 1, at % 1_000_000)
}

fn names(at: usize) -> (String, ClusterId, Option<Owner>) {
    let namespace = format!("team-{}", at % 40);
    if at.is_multiple_of(3) {
        return ("raycluster".into(), ClusterId { namespace, name: format!("shared-cluster-{}", at % 5) }, None);
    }
    let owner = Owner { kind: OwnerKind::RayJob, name: format!("nightly-training-{at}") };
    ("rayjob".into(), ClusterId { namespace, name: format!("nightly-training-{at}-x7k2p") }, Some(owner))
}

/// Returns the keys of a session's marker and of one of its log files.
fn keys(at: usize) -> [String; 2] {
    let (tree, ClusterId { namespace, name }, owner) = names(at);
    let (owner, session) = (owner.map(|owner| owner.name), session(at));
    let below = |separator| owner.as_ref().map_or(String::new(), |owner| format!("{owner}{separator}"));
    [
        format!("cluster-metadata/{tree}/{namespace}_{}{name}/{session}", below("_")),
        format!("cluster-history/{tree}/{namespace}/{}{name}/{session}/n/logs/raylet.out", below("/")),
    ]
}

#[async_trait]
impl Storage for Bucket {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let marker = prefix.starts_with("cluster-metadata/") || prefix.starts_with("metadir/");
        if marker { &self.markers } else { &self.data }.fetch_add(1, Ordering::Relaxed);
        self.inner.list(prefix, delimiter, page).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.read_matching(key, range, if_match).await
    }
}

/// The number of newest sessions whose clusters the watch has seen; all others are gone.
const WATCHED: usize = 5_000;

fn watch(listing: &Listing) -> Watched {
    let clusters = listing.iter().take(WATCHED).map(|entry| {
        let (created, suspended) = (entry.key.session.local_micros().unwrap(), false);
        (
            entry.key.cluster,
            Cluster { uid: created.to_string(), created, suspended, head: None, owner: entry.owner, keep: None },
        )
    });
    let watched = Watched::default();
    watched.update(|states| {
        states.watch(&[], false);
        states.relisted(None, clusters.collect(), 0);
        let listed = listing.iter().map(|entry| Listed {
            start: StartBounds::from_name(&entry.key.session),
            key: entry.key,
            namespace_known: true,
        });
        states.listed(listed, i64::MAX);
    });
    watched
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // One part alone: `cargo bench --bench catalog -- last-night`.
    if std::env::args().any(|argument| argument == "last-night") {
        return runtime.block_on(last_night());
    }
    let (listing, walk) = runtime.block_on(full_size());
    println!("{SESSIONS} sessions, {} bytes each (at most 300)", listing.weight() / listing.len());
    pages(&listing);
    let (markers, clusters) = runtime.block_on(month());
    let walks = (DAYS as f64 * DAY / DAY.max(walk as f64)).ceil();
    println!("\nLIST requests of {DAYS} days with {NEW_A_DAY} new sessions a day");
    let dollars = |requests: f64| requests / 1_000.0 * PRICE;
    let mut total = 0.0;
    for (name, requests) in [
        ("markers".to_owned(), markers as f64),
        ("single clusters".to_owned(), clusters as f64),
        (format!("{walks} walks of {walk}"), walks * walk as f64),
    ] {
        total += dollars(requests);
        println!("{name:<24} {requests:>12.0} {:>9.2} USD", dollars(requests));
    }
    println!("{:<24} {:>12} {total:>9.2} USD", "together", "");
    let naive = DAYS as f64 * 1_440.0 * SESSIONS as f64;
    println!("{:<24} {naive:>12.0} {:>9.2} USD", "every prefix a minute", dollars(naive));
    assert!(total < 50.0, "the list of sessions costs too much");
    runtime.block_on(last_night());
    runtime.block_on(outcomes());
    runtime.block_on(verdicts());
}

/// Looks for sessions by verdict until the manifests of all have been read. Every second one has a manifest.
async fn verdicts() {
    let bucket = Arc::new(Bucket::new(1_000));
    let manifest = Manifest {
        format: FORMAT.into(),
        state: Wire::Closed,
        reason: Some(Reason::PodEnded),
        identity: Identity { role: Role::Head, ..Identity::default() },
        ray: vec![AgentCounters { pid: 7, quiet: true, ..AgentCounters::default() }],
        ..Manifest::default()
    };
    for at in 0..SESSIONS {
        bucket.put(at, true);
        if at.is_multiple_of(2) {
            let [_, log] = keys(at);
            let node = log.trim_end_matches("logs/raylet.out");
            bucket.inner.put(format!("{node}ray-history/spool/manifest.json"), manifest.to_bytes());
        }
    }
    let (store, roots) = (Arc::clone(&bucket) as Arc<dyn Storage>, vec![Root::default()]);
    let settings = Arc::new(Settings::default());
    let sessions = Arc::new(Sessions::with(store, roots, settings, Watched::default(), Metrics::default()));
    sessions.refresh().await.unwrap();
    let counts = || (bucket.listed().1 as f64, bucket.reads.load(Ordering::Relaxed) as f64);
    let (before, empty) = (counts(), sessions.usage().manifests_bytes);
    let query = Query { verdict: Some("complete"), ..Query::default() };
    let (mut looks, mut slowest) = (0, Duration::ZERO);
    let total = loop {
        let started = Instant::now();
        let page = sessions.page(&query);
        slowest = slowest.max(started.elapsed());
        sessions.idle().await;
        if page.unread == 0 {
            break page.total;
        }
        looks += 1;
    };
    let ((lists, reads), bytes) = (counts(), sessions.usage().manifests_bytes);
    let (lists, reads) = (lists - before.0, reads - before.1);
    println!(
        "\nmanifests of {SESSIONS} sessions: {looks} looks, {lists} lists and {reads} reads, {:.2} USD; {} kB, {} before",
        lists / 1_000.0 * PRICE + reads / 1_000.0 * PRICE_OF_READS,
        bytes / 1_000,
        empty / 1_000
    );
    println!("page of sessions {:<22} {:>8.2} ms of 100, {total} match", "complete", slowest.as_secs_f64() * 1e3);
    assert_eq!(total, SESSIONS / 2);
}

/// Reads outcomes ahead, and finds sessions by them.
async fn outcomes() {
    let bucket = Arc::new(Bucket::new(1_000));
    for at in 0..SESSIONS {
        let [marker, data] = keys(at);
        bucket.inner.put(marker, "");
        let (logs, id) = (data.trim_end_matches("raylet.out"), format!("nightly-training-{at}-abcde"));
        let status = if at.is_multiple_of(4) { "FAILED" } else { "SUCCEEDED" };
        let event = |message: &str| {
            format!(
                r#"{{"message": "{message}", "timestamp": "1795943029", "custom_fields": {{"submission_id": "{id}"}}}}"#
            )
        };
        let events = [format!("Started a ray job {id}."), format!("Completed a ray job {id} with a status {status}.")];
        bucket.inner.put(format!("{logs}events/event_JOBS.log"), events.map(|message| event(&message)).join("\n"));
        let words = "ValueError: could not convert string to float in column price";
        let log = format!("Running entrypoint for job {id}: python /home/ray/samples/train.py --epochs 10\n{words}\n");
        bucket.inner.put(format!("{logs}job-driver-{id}.log"), log);
    }
    let (store, roots) = (Arc::clone(&bucket) as Arc<dyn Storage>, vec![Root::default()]);
    let settings = Arc::new(Settings::default());
    let sessions = Arc::new(Sessions::with(store, roots, settings, Watched::default(), Metrics::default()));
    let listing = sessions.refresh().await.unwrap();
    all_are_gone(&sessions, &listing);
    let shutdown = tokio_util::sync::CancellationToken::new();
    let started = Instant::now();
    let sweep = tokio::spawn(Arc::clone(&sessions).keep_facts_read(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(6 * 86_400)).await;
    shutdown.cancel();
    sweep.await.unwrap();
    let known = listing.iter().filter(|entry| sessions.known_facts(&entry.key).is_some()).count();
    println!(
        "\noutcomes read ahead in six days: {known} sessions, {} bytes each, {:.1} s of our time",
        sessions.usage().facts_bytes / known as u64,
        started.elapsed().as_secs_f64()
    );
    for (name, query) in [
        ("that failed", Query { outcome: Some(Outcome::Failed), ..Query::default() }),
        ("that are unknown", Query { outcome: Some(Outcome::Unknown), ..Query::default() }),
    ] {
        let mut slowest = Duration::ZERO;
        let mut page = sessions.page(&query);
        for _ in 0..10 {
            let started = Instant::now();
            page = sessions.page(&query);
            slowest = slowest.max(started.elapsed());
        }
        let (total, unread) = (page.total, page.unread);
        println!(
            "page of sessions {name:<22} {:>8.2} ms of 50, {total} match, {unread} unread",
            slowest.as_secs_f64() * 1e3
        );
    }
    let page = sessions.page(&Query::default());
    let started = Instant::now();
    let shown = page.entries.iter().filter(|entry| sessions.run(&entry.key).outcome().is_some()).count();
    println!(
        "outcomes of a page of {:<17} {:>8.2} ms, {shown} known",
        page.entries.len(),
        started.elapsed().as_secs_f64() * 1e3
    );
    causes(&sessions, &listing);
}

/// Has the watch say that no cluster is there any more.
fn all_are_gone(sessions: &Sessions, listing: &Listing) {
    sessions.watched().update(|states| {
        states.watch(&[], false);
        states.relisted(None, [].into(), i64::MAX);
        let listed = listing.iter().map(|entry| Listed {
            start: StartBounds::from_name(&entry.key.session),
            key: entry.key,
            namespace_known: true,
        });
        states.listed(listed, i64::MAX);
    });
}

/// Asks which of the newest runs failed, and why.
async fn last_night() {
    let bucket = Arc::new(Bucket::new(1_000));
    for at in 0..SESSIONS {
        bucket.put(at, true);
    }
    let (store, roots) = (Arc::clone(&bucket) as Arc<dyn Storage>, vec![Root::default()]);
    let settings = Arc::new(Settings::default());
    let sessions = Arc::new(Sessions::with(store, roots, settings, Watched::default(), Metrics::default()));
    let listing = sessions.refresh().await.unwrap();
    all_are_gone(&sessions, &listing);
    let rows = listing.iter().enumerate().map(|(at, entry)| row(at, Some(&entry)));
    sessions.obituaries().apply(rows.chain((0..1_000).map(|at| row(SESSIONS + at, None))));
    // The newest began at 03:46 of the second day, the others a second apart: these are of eight hours.
    last_night::measure(&sessions, "2026-11-01T19:46:40Z");
}

/// Returns a row of the ledger for a session, or for a run without one; every fourth run failed.
fn row(at: usize, entry: Option<&Entry>) -> Row {
    let (outcome, code) = if at.is_multiple_of(4) {
        (Outcome::Failed, Some(Code::ALL[at / 4 % Code::ALL.len()]))
    } else {
        (Outcome::Succeeded, None)
    };
    let from = entry.and_then(|entry| entry.key.session.local_micros()).unwrap_or(1_795_943_029_000_000);
    let cluster = entry.map_or_else(|| format!("lost-{at}"), |entry| entry.key.cluster.name.clone());
    let namespace = entry.map_or_else(|| "team-7".to_owned(), |entry| entry.key.cluster.namespace.clone());
    let uid = format!("5f0c3f6e-0000-4000-8000-{at:012}");
    let kind = Kind::RayCluster;
    Row {
        object: ObjectId { kind, namespace, name: cluster.clone(), uid: uid.clone() },
        run: uid,
        cluster,
        sessions: entry.map(|entry| entry.key.session.as_str().to_owned()).into_iter().collect(),
        from: Some(Time(from * 1_000)),
        to: Some(Time(from * 1_000).plus(3_600)),
        outcome,
        code,
        values: [("message".to_owned(), "the image could not be pulled from the registry".to_owned())].into(),
        revision: 3,
        bytes: 12_345,
        ..Row::default()
    }
}

/// Joins a row of the ledger for each session, and runs without one, and finds sessions by them.
fn causes(sessions: &Arc<Sessions>, listing: &Listing) {
    let of_sessions = listing.iter().enumerate().map(|(at, entry)| row(at, Some(&entry)));
    let rows: Vec<Row> = of_sessions.chain((0..1_000).map(|at| row(SESSIONS + at, None))).collect();
    let count = rows.len();
    let started = Instant::now();
    sessions.obituaries().apply(rows);
    let (joined, counts) = (started.elapsed(), sessions.obituaries().counts());
    println!(
        "\nrows of {} of {count} runs: {} bytes each, joined in {:.2} s",
        counts.rows,
        counts.bytes / counts.rows as u64,
        joined.as_secs_f64()
    );
    let started = Instant::now();
    sessions.obituaries().apply([row(SESSIONS + 1_000, None)]);
    println!("one more row joined in {:.2} ms", started.elapsed().as_secs_f64() * 1e3);
    let all = || Query { runs: true, ..Query::default() };
    let sorted = |word: &str| Query { sort: Sort::parse(word).unwrap(), ..all() };
    for (name, query) in [
        ("after a change", all()),
        ("the newest, and runs", all()),
        ("that failed, and why", Query { outcome: Some(Outcome::Failed), ..all() }),
        ("with a cause", Query { cause: Some(Code::HeadOOM), ..all() }),
        ("longest first", sorted("duration")),
        ("failed first", sorted("outcome")),
        ("with metadata", Query { metadata: vec![("team".into(), "nlp".into())], ..all() }),
    ] {
        let times = if name == "after a change" { 1 } else { 10 };
        let (mut slowest, mut total) = (Duration::ZERO, 0);
        for _ in 0..times {
            let started = Instant::now();
            let page = sessions.page(&query);
            let told = page.entries.iter().filter(|entry| sessions.why(&entry.key).is_some()).count();
            total = page.total;
            assert!(told > 0 || page.entries.is_empty());
            slowest = slowest.max(started.elapsed());
        }
        println!("page of sessions {name:<22} {:>8.2} ms of 300, {total} match", slowest.as_secs_f64() * 1e3);
    }
}

/// Lists and walks everything once.
async fn full_size() -> (Arc<Listing>, u64) {
    let bucket = Arc::new(Bucket::new(1_000));
    for at in 0..SESSIONS {
        bucket.put(at, true);
    }
    let catalog = Catalog::new(Arc::clone(&bucket) as Arc<dyn Storage>, vec![Root::default()]);
    let started = Instant::now();
    let _ = tokio::time::timeout(Duration::from_secs(60), catalog.keep_fresh()).await;
    let (markers, walk) = bucket.listed();
    println!(
        "one listing: {markers} pages; one walk: {walk} pages; {:.1} s of our time",
        started.elapsed().as_secs_f64()
    );
    let listing = catalog.listing();
    assert_eq!((listing.len(), listing.walked_at.is_some()), (SESSIONS, true));
    (listing, walk)
}

/// The slowest of ten pages of each kind, as `/api/history/v1/sessions` and `/sessions/` ask for them.
fn pages(listing: &Listing) {
    let watched = watch(listing);
    let all = Query::default();
    let text = |text: &str| Query { text: Some(text.into()), ..Query::default() };
    let middle = listing.page(&Query { limit: SESSIONS / 2, ..all.clone() }, &watched, &|_| None).next;
    let began = listing.iter().nth(SESSIONS / 2).and_then(|entry| entry.key.session.local_micros());
    for (name, query) in [
        ("the newest", all.clone()),
        ("in the middle", Query { after: middle.clone(), ..all.clone() }),
        ("of a namespace", Query { namespace: Some("team-7".into()), ..all.clone() }),
        ("of a cluster", Query { cluster: Some("shared-cluster-3".into()), ..all.clone() }),
        ("of an owner", Query { owner: Some("nightly-training-50000".into()), ..all.clone() }),
        ("of a kind of owner", Query { owner_kind: Some(OwnerKind::RayJob), ..all.clone() }),
        ("begun before", Query { until: began, ..all.clone() }),
        ("with two words", text("TRAINING 77")),
        ("with a session's word", text("2026-11-17 _1234")),
        ("with no such word", text("nowhere")),
        ("that live", Query { state: Some(State::Live), ..all.clone() }),
        ("that are dead", Query { state: Some(State::Dead), ..all }),
        ("words, dead, middle", Query { state: Some(State::Dead), after: middle, ..text("training") }),
    ] {
        let mut slowest = Duration::ZERO;
        let mut total = 0;
        for _ in 0..10 {
            let started = Instant::now();
            total = listing.page(&query, &watched, &|_| None).total;
            slowest = slowest.max(started.elapsed());
        }
        println!("page of sessions {name:<22} {:>8.2} ms of 50, {total} match", slowest.as_secs_f64() * 1e3);
    }
}

/// A month: sessions come by day, each cluster appears, changes and dies.
async fn month() -> (u64, u64) {
    let (bucket, stored) = (Arc::new(Bucket::new(10)), SESSIONS / 100);
    for at in 0..stored {
        bucket.put(at, true);
    }
    let catalog = Arc::new(Catalog::new(Arc::clone(&bucket) as Arc<dyn Storage>, vec![Root::default()]));
    let keeper = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move { catalog.keep_fresh().await }
    });
    let (half_a_day, mut clusters) = (Duration::from_secs(43_200), 0);
    for day in 0..SIMULATED {
        for new in 0..NEW_A_DAY {
            let at = stored + day * NEW_A_DAY + new;
            let (cluster, owner) = bucket.put(at, false);
            for _ in ["appears", "changes", "dies"] {
                let before = bucket.listed().1;
                catalog.refresh_cluster(&cluster, owner.as_ref()).await.unwrap();
                clusters += bucket.listed().1 - before;
            }
            bucket.put(at, true);
            bucket.remove(at - stored);
            tokio::time::sleep(half_a_day / NEW_A_DAY as u32).await;
        }
        tokio::time::sleep(half_a_day).await;
    }
    keeper.abort();
    let times = (DAYS / SIMULATED) as u64;
    (bucket.listed().0 * times, clusters * times)
}
