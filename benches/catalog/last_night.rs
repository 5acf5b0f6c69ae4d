//! "Which of last night's runs failed, and why": one page and one answer of the API, over HTTP, with all sessions in the
//! catalog and a row of the ledger for each.

use ray_history::http;
use ray_history_access::CurrentAccess;
use ray_history_health::Health;
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use ray_history_settings::server::Server;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The longest time that it may take.
const GOAL: Duration = Duration::from_millis(300);
const TIMES: usize = 21;

/// Measures both, and a page that asks for nothing, by which the price of the question is told from that of a page.
pub(crate) fn measure(sessions: &Arc<Sessions>, since: &str) {
    let address = serve(Arc::clone(sessions));
    let question = format!("outcome=failed&startedAfter={since}");
    let paths = [
        ("the newest, as a page", "/sessions/".to_owned()),
        ("what failed, as a page", format!("/sessions/?{question}")),
        ("what failed, by the API", format!("/api/history/v1/sessions?{question}&limit=100")),
    ];
    println!("\nlast night's runs that failed, and why, by HTTP: middle and slowest of {TIMES}");
    let mut middles = Vec::new();
    for (name, path) in &paths {
        let mut times: Vec<Duration> = (0..TIMES)
            .map(|_| {
                let started = Instant::now();
                let answer = get(&address, path);
                let took = started.elapsed();
                let causes = answer.matches("could not be pulled").count();
                assert!(answer.starts_with("HTTP/1.1 200") && causes > 0, "{path}: {causes}");
                took
            })
            .collect();
        times.sort();
        let (middle, slowest) = (times[TIMES / 2], times[TIMES - 1]);
        let ratio = middle.as_secs_f64() / middles.first().unwrap_or(&middle).as_secs_f64();
        println!(
            "{name:<40} {:>8.2} ms {:>8.2} ms of {}, {ratio:.1} times the first",
            middle.as_secs_f64() * 1e3,
            slowest.as_secs_f64() * 1e3,
            GOAL.as_millis()
        );
        middles.push(middle);
    }
    assert!(middles.iter().all(|middle| *middle <= GOAL), "{middles:?}");
}

/// Serves the sessions in this process until it ends, and returns the address.
fn serve(sessions: Arc<Sessions>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::default();
            let (health, metrics) = (Health::default(), Metrics::default());
            let heavy = http::Heavy::new(server.heavy_requests(), metrics.clone());
            let (access, audit) = (Arc::new(CurrentAccess::open()), Arc::default());
            let state = http::State { access, audit, sessions, dashboards: None, health, metrics, heavy };
            http::serve(state, listener, &server, CancellationToken::new()).await.unwrap();
        });
    });
    address
}

/// Returns an answer with its head.
fn get(address: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
