//! Any bytes may be stored: a session opens or reports why not, and every answer is JSON as RFC 8259 has it.
//!
//! Small recorded and odd sessions are damaged at random: bytes, tokens and whole stretches of their files. A run of the
//! tests tries a few hundred; `make mutations` tries 100,000. A failure names the seed that repeats it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

use common::fixture;
use flate2::read::MultiGzDecoder;
use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
use ray_history_core::layout::Root;
use ray_history_core::snapshot::Snapshot;
use ray_history_ray_api::{Answer, Query, RayError, dashboard, jobs, libraries, logs, state};
use ray_history_session::{Error, Sessions};
use ray_history_storage::memory::Memory;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

mod common;

/// Damaged sessions in a run of the tests.
const FEW: u64 = 300;
/// Bytes of a stored file that are taken: enough of every kind of record, and quick to read.
const PREFIX: usize = 24 << 10;
/// Texts that damage a file: numbers, escapes and brackets as odd writers have them.
const TOKENS: [&str; 30] = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "1e-400",
    "12345678901234567890123",
    "-0",
    "null",
    "true",
    "\"\"",
    "\"\\ud800\"",
    "\\u0000",
    "\\/",
    "\\",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\n",
    "\r",
    "\u{feff}",
    "\u{7f}",
    "\u{1}",
    "[[[[[[[[[[",
    "{\"a\":{\"a\":",
    "9999-12-31T23:59:59Z",
];

/// A small random sequence that a seed repeats (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

/// A session's files by key.
type Files = Vec<(String, Vec<u8>)>;

/// The sessions that are damaged, each with its key.
fn sessions() -> Vec<(SessionKey, Files)> {
    let mut sessions = Vec::new();
    for name in ["cases", "service", "hard-2.60"] {
        let folder = fixture::unpacked(name);
        sessions.extend(find(folder.path(), "storage").iter().filter_map(|store| session(store)));
    }
    sessions
}

/// Folders of this name, not looked into.
fn find(folder: &Path, name: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut entries: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.ends_with(name) { vec![path] } else { find(&path, name) }).collect()
}

fn session(store: &Path) -> Option<(SessionKey, Files)> {
    let mut files = Vec::new();
    collect(store, store, &mut files);
    let marker = files.iter().find_map(|(key, _)| key.strip_prefix("cluster-metadata/raycluster/"))?;
    let (cluster, session) = marker.split_once('/')?;
    let (namespace, name) = cluster.split_once('_')?;
    let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
    Some((SessionKey { cluster, session: SessionName::parse(session)? }, files))
}

fn collect(store: &Path, folder: &Path, files: &mut Files) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(store, &path, files);
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let packed = std::mem::take(&mut bytes);
            MultiGzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
        }
        bytes.truncate(PREFIX);
        files.push((path.strip_prefix(store).unwrap().to_str().unwrap().to_owned(), bytes));
    }
}

/// Damages a file in one place.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let len = random.below(40).min(bytes.len() - at);
    match random.below(8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 => drop(bytes.drain(at..at + len)),
        2 => {
            let copied = bytes[at..at + len].to_vec();
            let to = random.below(bytes.len() + 1);
            drop(bytes.splice(to..to, copied));
        }
        3 => bytes.truncate(at),
        4 => {
            // A value becomes another kind of value.
            let colon = bytes[at..].iter().position(|&byte| byte == b':').map_or(at, |found| at + found + 1);
            let rest = &bytes[colon..];
            let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(0);
            let token = TOKENS[random.below(TOKENS.len())].as_bytes().to_vec();
            drop(bytes.splice(colon..colon + end, token));
        }
        _ => {
            let token = TOKENS[random.below(TOKENS.len())].as_bytes().to_vec();
            drop(bytes.splice(at..at + if random.below(2) == 0 { len } else { 0 }, token));
        }
    }
}

type Ask = fn(&Arc<Snapshot>, &Query) -> Result<Answer, RayError>;

const JOB: &str = "01000000";

/// Every URL that is answered from a snapshot.
const URLS: [(&str, Ask); 24] = [
    ("tasks", state::tasks::list),
    ("tasks/summarize", state::task_summary::summarize),
    ("tasks/timeline", state::timeline::timeline),
    ("nodes", dashboard::nodes::list),
    ("nodes/{id}", |snapshot, query| {
        let id = snapshot.nodes.first().map(|node| node.id.hex()).unwrap_or_default();
        dashboard::node_detail::detail(snapshot, query, &id)
    }),
    ("logical/actors", dashboard::actors::list),
    ("logical/actors/{id}", |snapshot, query| {
        let id = snapshot.actors.first().map(|actor| actor.id.hex()).unwrap_or_default();
        dashboard::actors::detail(snapshot, query, &id)
    }),
    ("workers", state::workers::list),
    ("placement_groups", state::placement_groups::list),
    ("runtime_envs", state::runtime_envs::list),
    ("cluster_metadata", |snapshot, _| dashboard::metadata::cluster_metadata(snapshot)),
    ("version", |snapshot, _| dashboard::metadata::version(snapshot)),
    ("timezone", |snapshot, _| dashboard::metadata::timezone(snapshot)),
    ("cluster_events", state::cluster_events::list),
    ("platform_events", |snapshot, _| dashboard::fixed::platform_events(snapshot)),
    ("actors", state::actors::list),
    ("actors/summarize", state::actor_summary::summarize),
    ("state nodes", state::nodes::list),
    ("state jobs", state::jobs::list),
    ("jobs", jobs::list),
    ("cluster_status", dashboard::cluster_status::cluster_status),
    ("serve", libraries::serve::applications),
    ("train", libraries::train::runs),
    ("events", dashboard::events::events),
];

fn ask(snapshot: &Arc<Snapshot>, query: &[(&str, &str)], redact: bool) {
    let parameters = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let query = Query { parameters, redact, over: redact };
    let datasets = libraries::data::datasets(snapshot, JOB);
    let one = jobs::one(snapshot, &query, JOB);
    let old = libraries::train::old_runs(snapshot, &query);
    let others = [("datasets", datasets), ("job", one), ("old train runs", old)];
    let answers = URLS.iter().map(|(url, ask)| (*url, ask(snapshot, &query)));
    for (url, answer) in answers.chain(others) {
        let Ok(answer) = answer else { continue };
        if answer.content_type.starts_with("application/json") {
            let body = answer.into_bytes();
            let mut reader = serde_json::Deserializer::from_slice(&body);
            reader.disable_recursion_limit();
            let read = IgnoredAny::deserialize(&mut reader).and_then(|_| reader.end());
            assert!(read.is_ok() && std::str::from_utf8(&body).is_ok(), "{url}: {read:?}");
        }
    }
    let _ = logs::job::of(snapshot, JOB);
}

/// Damages a session and opens it; returns `true` if it opened.
async fn one(originals: &[(SessionKey, Files)], seed: u64) -> bool {
    let mut random = Random(seed);
    let (key, files) = &originals[random.below(originals.len())];
    let mut files = files.clone();
    for _ in 0..=random.below(6) {
        let at = random.below(files.len());
        damage(&mut files[at].1, &mut random);
    }
    let store = Memory::default();
    for (key, bytes) in files {
        store.put(key, bytes);
    }
    let sessions = Arc::new(Sessions::new(Arc::new(store), vec![Root::default()]));
    let opened = tokio::time::timeout(Duration::from_secs(60), sessions.open(key)).await.expect("it hangs");
    let session = match opened {
        Ok(session) => session,
        Err(Error::Broken) => panic!("a bug ended the load"),
        Err(_) => return false,
    };
    for (query, redact) in [
        (&[("detail", "1"), ("limit", "10000"), ("view", "summary")][..], true),
        (&[("summary_by", "lineage"), ("view", "hostNameList"), ("format", "1")], false),
    ] {
        ask(&session.snapshot, query, redact);
    }
    true
}

#[test]
fn damaged_sessions_give_json_or_a_reason() {
    let originals = sessions();
    assert!(originals.len() > 20, "{}", originals.len());
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("RAY_HISTORY_MUTATION").unwrap_or(0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (many, mut opened) = (number("RAY_HISTORY_MUTATIONS").unwrap_or(FEW), 0);
    for seed in first..first + many {
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(one(&originals, seed))));
        assert!(tried.is_ok(), "seed {seed}: RAY_HISTORY_MUTATION={seed} RAY_HISTORY_MUTATIONS=1 repeats it");
        opened += u64::from(tried.is_ok_and(|opened| opened));
    }
    // A few seeds, as they repeat a failure, may be of sessions that cannot be opened.
    assert!(many < FEW || opened >= many / 2, "only {opened} of {many} sessions opened: little was asked");
}
