use super::*;
use crate::http::Heavy;
use futures_util::TryStreamExt;
use ray_history_core::layout::Root;
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use ray_history_session::load::LogObject;
use ray_history_session::logs::blocks::{BLOCK, READS};
use ray_history_storage::faulty::Faulty;
use ray_history_storage::memory::Memory;
use serde_json::Value;

/// Searches this many files of as many bytes for `hit`, which is in each, in a store with a latency. Returns the hits and
/// the summary, and the number of requests.
async fn searched(files: usize, size: u64, latency: Duration, bounds: Bounds) -> (usize, Value, u64) {
    let store = Memory::default();
    let text = "hit\n".to_owned() + &"-".repeat(size as usize - 4);
    let files: Arc<[LogFile]> = (0..files)
        .map(|at| {
            let key = format!("{at:03}");
            store.put(key.as_str(), text.clone());
            LogFile { node: "ab".into(), path: format!("{key}.log"), object: LogObject::new(key, size) }
        })
        .collect();
    let store = Arc::new(Faulty::new(Arc::new(store)).with_latency(latency));
    let sessions = Sessions::new(Arc::clone(&store) as _, vec![Root::default()]);
    let ((), long_answer) = Heavy::new(1, Metrics::default()).begin(&sessions, 1, || ()).await.unwrap();
    let scanner = Scanner::new(Pattern::new("hit", false, false).unwrap(), 0, 1_000, scan::Bounds::default());
    let work = Work::new(scanner, Form::Json, Arc::clone(&files), bounds);
    let turn = Turn { long_answer, _log_read: None };
    let search = Search::new(sessions.read_logs(files), work, turn);
    let pieces: Vec<Bytes> = search.stream().try_collect().await.unwrap();
    let text = String::from_utf8(pieces.concat()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, hits) = lines.split_last().unwrap();
    // Nothing goes on that nobody waits for.
    tokio::time::sleep(Duration::from_hours(1)).await;
    (hits.len(), summary["summary"].clone(), store.counts().reads)
}

#[tokio::test(start_paused = true)]
async fn a_search_ends_in_time_with_what_it_has() {
    let began = Instant::now();
    let bounds = Bounds { time: Duration::from_millis(3_500), ..Bounds::default() };
    let (hits, summary, reads) = searched(100, 8, Duration::from_secs(1), bounds).await;
    assert_eq!((&summary["truncated"], &summary["endedBy"]), (&true.into(), &"time".into()), "{summary}");
    assert!((READS..100).contains(&hits) && reads < 100, "{hits} {reads}");
    assert_eq!((&summary["hits"], &summary["filesRead"]), (&hits.into(), &hits.into()));
    assert!(summary["advice"].as_str().unwrap().contains("at most 3 s: narrow it"), "{summary}");
    assert_eq!(began.elapsed().as_millis(), 3_600_000 + 3_500);
}

/// The bound holds within one request, too: a store that does not answer delays no summary.
#[tokio::test(start_paused = true)]
async fn a_silent_store_ends_a_search() {
    let began = Instant::now();
    let (hits, summary, _) = searched(1, 8, Duration::from_secs(300), Bounds::default()).await;
    assert_eq!((hits, &summary["endedBy"], &summary["filesRead"]), (0, &"time".into(), &0.into()), "{summary}");
    assert_eq!(began.elapsed().as_secs(), 3_600 + 50);
}

#[tokio::test(start_paused = true)]
async fn a_search_ends_at_its_bytes() {
    let bounds = Bounds { bytes: 2 * BLOCK, ..Bounds::default() };
    let (hits, summary, reads) = searched(50, BLOCK, Duration::from_millis(1), bounds).await;
    assert_eq!((hits, &summary["bytes"], &summary["endedBy"]), (2, &(2 * BLOCK).into(), &"bytes".into()), "{summary}");
    assert!(reads < 20, "{reads}");
    let bounds = Bounds { bytes: 4 * BLOCK, ..Bounds::default() };
    let (hits, summary, _) = searched(3, BLOCK, Duration::from_millis(1), bounds).await;
    assert_eq!((hits, &summary["truncated"]), (3, &false.into()), "{summary}");
}

#[test]
fn parses_every_parameter() {
    let request = SearchRequest::parse("q=CUDA+error&regex=true&ignoreCase=1&context=3&limit=7&kind=worker").unwrap();
    assert_eq!((request.context, request.limit, request.filter.kinds.len()), (3, 7, 1));
    let request = SearchRequest::parse("q=a").unwrap();
    assert_eq!((request.context, request.limit), (0, 100));
}

#[test]
fn errors_name_the_parameter() {
    let long = format!("q={}", "a".repeat(1_001));
    for (query, name) in [
        ("", "q"),
        ("q=", "q"),
        (&long, "q"),
        ("q=a(&regex=true", "q"),
        ("q=a&regex=yes", "regex"),
        ("q=a&context=11", "context"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=10001", "limit"),
        ("q=a&node=x", "node"),
    ] {
        let error = SearchRequest::parse(query).unwrap_err().to_string();
        assert!(error.starts_with(name), "{query}: {error}");
    }
}
