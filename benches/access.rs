//! `make bench`: the cost of access for a person who is known and let in already.
//!
//! The warm check is what a request costs more, by CPU time: who has the token, and what that person may
//! see (goal: 3 µs). The rate of `304 Not Modified` is compared between a server without and one with access, in turns,
//! over the same number of connections (goal: 0.9).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

#[path = "../tests/common/fixture.rs"]
mod fixture;

use ray_history::http;
use ray_history_access::CurrentAccess;
use ray_history_access::observer::Ignore;
use ray_history_access::testing::FakeReviewer;
use ray_history_access::{Access, AccessSettings, Credentials, Reviewer, Right, Scope, Token};
use ray_history_core::layout::Root;
use ray_history_health::Health;
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use ray_history_session::liveness::Watched;
use ray_history_settings::Settings;
use ray_history_settings::server::Server;
use ray_history_storage::local::Local;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const NAMESPACE: &str = "ml-serving";
const SESSION: &str = "/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513";
/// A token as long as a ServiceAccount's.
const TOKEN: &str = concat!(
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IkFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIn0.",
    "eyJhdWQiOlsiaHR0cHM6Ly9rdWJlcm5ldGVzLmRlZmF1bHQuc3ZjLmNsdXN0ZXIubG9jYWwiXSwia3ViZXJuZXRlcy5pbyI6eyJuYW1lc3Bh",
    "Y2UiOiJtbC1zZXJ2aW5nIiwic2VydmljZWFjY291bnQiOnsibmFtZSI6ImFuYSIsInVpZCI6IjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAw",
    "MDAwMDAwMDAwMCJ9fSwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50Om1sLXNlcnZpbmc6YW5hIn0.",
    "c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl"
);
const CHECKS: u32 = 200_000;
const CONNECTIONS: usize = 4;
/// Requests that a connection sends before it reads the answers: one, as browsers do, and many, which leave little but
/// the server's own work.
const PIPELINED: [usize; 2] = [1, 16];
/// Many short turns, because other work on the machine changes the rate from one second to the next.
const TURNS: usize = 100;
const TURN: Duration = Duration::from_millis(100);

fn main() {
    let reviewer = FakeReviewer::new();
    reviewer.add_token(TOKEN, "system:serviceaccount:ml-serving:ana", &[]);
    reviewer.allow("system:serviceaccount:ml-serving:ana", "get sessions.history.ray.io", NAMESPACE);
    let reviewer: Arc<dyn Reviewer> = Arc::new(reviewer);
    warm_check(&reviewer);
    let folder = fixture::unpacked("service");
    let on = CurrentAccess::closed(Arc::new(Ignore));
    on.apply(Some(AccessSettings::default()), &reviewer, || ());
    let servers = [CurrentAccess::open(), on].map(|access| start(folder.path(), access));
    for pipelined in PIPELINED {
        let requests = servers.each_ref().map(|address| request_of_known(address).repeat(pipelined));
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            for ((address, requests), rates) in servers.iter().zip(&requests).zip(&mut rates) {
                rates.push(rate(address, requests, pipelined));
            }
        }
        let [off, on] = rates.map(|mut rates| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        });
        println!(
            "304s a second, {pipelined:>2} at a time: without access {off:.0}, with {on:.0}: {:.2} (goal 0.9)",
            on / off
        );
    }
}

/// Measures the check of a request about one namespace: the person, and the rights that the guard asks about.
fn warm_check(reviewer: &Arc<dyn Reviewer>) {
    let access = Access::new(AccessSettings::default(), Arc::clone(reviewer), Arc::new(Ignore));
    let credentials = Credentials {
        tokens: vec![Token::new(TOKEN).unwrap()],
        malformed: false,
        cookie: None,
        proxy: None,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        forwarded: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let started = runtime.block_on(async {
        let mut started = (Instant::now(), cpu());
        for check in 0..=CHECKS {
            let person = access.person(&credentials).await.unwrap();
            let scope = access.scope_now(&person, Right::Sessions, NAMESPACE).await.unwrap();
            assert_eq!(scope, Scope::Namespace);
            if check == 0 {
                started = (Instant::now(), cpu());
            }
        }
        started
    });
    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / f64::from(CHECKS);
    let (wall, cpu) = (started.0.elapsed(), cpu().saturating_sub(started.1));
    println!("a warm check {:.2} \u{b5}s of CPU, {:.2} \u{b5}s in all (goal 3)", each(cpu), each(wall));
}

/// Returns the CPU time of the main thread so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// Starts a server in this process, which ends with it, and returns its address.
fn start(folder: &Path, access: CurrentAccess) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let store = Arc::new(Local::open(folder.join("storage")).unwrap());
    let (listed, is_listed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (settings, watched) = (Arc::new(Settings::default()), Watched::default());
            let sessions = Sessions::with(store, vec![Root::new("")], settings, watched, Metrics::default());
            sessions.refresh().await.unwrap();
            listed.send(()).unwrap();
            let server = Server::default();
            let (health, metrics) = (Health::default(), Metrics::default());
            let heavy = http::Heavy::new(server.heavy_requests(), metrics.clone());
            let (access, sessions) = (Arc::new(access), Arc::new(sessions));
            let audit = Arc::default();
            let state = http::State { access, audit, sessions, dashboards: None, health, metrics, heavy };
            http::serve(state, listener, &server, CancellationToken::new()).await.unwrap();
        });
    });
    is_listed.recv().unwrap();
    address
}

/// Returns a request for an answer that the client has.
fn request_of_known(address: &str) -> String {
    let path = format!("{SESSION}/nodes?view=summary");
    request(address, &path, &format!("If-None-Match: {}\r\n", tag(address, &path)))
}

/// Returns the answers `304 Not Modified` in a second.
fn rate(address: &str, requests: &str, pipelined: usize) -> f64 {
    let started = Instant::now();
    let answers: usize = std::thread::scope(|scope| {
        let clients =
            (0..CONNECTIONS).map(|_| scope.spawn(|| client(address, requests.as_bytes(), pipelined, started)));
        clients.collect::<Vec<_>>().into_iter().map(|client| client.join().unwrap()).sum()
    });
    f64::from(u32::try_from(answers).unwrap()) / started.elapsed().as_secs_f64()
}

/// Sends requests over one connection until the turn is over, and returns the number of answers.
fn client(address: &str, requests: &[u8], pipelined: usize, started: Instant) -> usize {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_nodelay(true).unwrap();
    let (mut answers, mut buffer) = (0, vec![0; 64 << 10]);
    while started.elapsed() < TURN {
        connection.write_all(requests).unwrap();
        let mut heads = Vec::new();
        while memchr::memmem::find_iter(&heads, "\r\n\r\n").count() < pipelined {
            let read = connection.read(&mut buffer).unwrap();
            assert_ne!(read, 0, "{}", String::from_utf8_lossy(&heads));
            heads.extend_from_slice(&buffer[..read]);
        }
        let unchanged = memchr::memmem::find_iter(&heads, "HTTP/1.1 304").count();
        assert_eq!(unchanged, pipelined, "{}", String::from_utf8_lossy(&heads));
        answers += unchanged;
    }
    answers
}

/// Returns the entity tag of an answer; the session is open then.
fn tag(address: &str, path: &str) -> String {
    for _ in 0..100 {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(request(address, path, "Connection: close\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).to_lowercase();
        if let Some((_, rest)) = answer.split_once("\r\netag: ") {
            return rest.lines().next().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{path} is not answered");
}

fn request(address: &str, path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n")
}
