mod bad;

use super::*;
use crate::spool::{Fsync, Limits, Spool};
use std::io::{Read, Write};
use std::net::TcpStream as Client;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

struct Running {
    address: SocketAddr,
    addresses: Vec<SocketAddr>,
    spool: Arc<Spool>,
    dir: TempDir,
}

async fn start(bytes: u64) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes, fsync: Fsync::Batch };
    let spool = Arc::new(Spool::open(dir.path(), limits).await.unwrap());
    let receiver = Receiver::bind(0).await.unwrap();
    let addresses = receiver.addresses();
    tokio::spawn(receiver.serve(Arc::clone(&spool)));
    Running { address: addresses[0], addresses, spool, dir }
}

/// Sends a request as it is, and returns the status and body of the answer.
async fn send(address: SocketAddr, request: Vec<u8>) -> (u16, String) {
    spawn_blocking(move || {
        let mut client = Client::connect(address).unwrap();
        // A server that refuses a body may close before it has all of it.
        let _ = client.write_all(&request);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    })
    .await
    .unwrap()
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn event(n: u64) -> String {
    format!(r#"{{"sessionName":"{SESSION}","eventType":"NODE_LIFECYCLE_EVENT","n":{n},"pad":"{}"}}"#, "x".repeat(900))
}

#[tokio::test]
async fn every_post_is_a_batch_and_gets_200() {
    let running = start(1 << 30).await;
    let bodies = [
        format!("[{}]", event(1)).into_bytes(),
        b"{\"no\":\"session\"}".to_vec(),
        b"\xff\xfe not JSON".to_vec(),
        Vec::new(),
        b"[".to_vec(),
    ];
    for (path, body) in ["/v1/events", "/v1/events/", "/", "//v1//events?x=1", "/v1/events"].iter().zip(bodies) {
        assert_eq!(send(running.address, post(path, &body)).await, (200, String::new()), "{path}");
    }
    let chunked = format!(
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        event(2).len(),
        event(2)
    );
    assert_eq!(send(running.address, chunked.into_bytes()).await.0, 200);
    let again = post("/v1/events", format!("[{}]", event(1)).as_bytes());
    assert_eq!(send(running.address, again).await, (200, "repeated\n".to_owned()));
    assert_eq!(send(running.address, b"GET /v1/events HTTP/1.0\r\n\r\n".to_vec()).await.0, 200);
    let counts = running.spool.counts();
    assert_eq!((counts.records, counts.repeated, counts.refused), (2, 1, 0));
}

#[tokio::test]
async fn both_families_take_batches_where_there_are_both() {
    let running = start(1 << 30).await;
    let has_ipv6 = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    assert_eq!(running.addresses.len(), 1 + usize::from(has_ipv6));
    for (n, address) in running.addresses.iter().enumerate() {
        assert!(address.ip().is_loopback() && address.port() == running.address.port());
        assert_eq!(send(*address, post("/v1/events", event(n as u64).as_bytes())).await.0, 200);
    }
    let port = running.address.port();
    assert_eq!(Receiver::bind(port).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_long_body_goes_through_a_file() {
    let running = start(1 << 30).await;
    let events: Vec<String> = (0..12_000).map(event).collect();
    let body = format!("[{}]", events.join(","));
    assert!(body.len() > 10 << 20);
    assert_eq!(send(running.address, post("/v1/events", body.as_bytes())).await.0, 200);
    let mut chunked =
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let other = body.replace("\"n\":1", "\"n\":9");
    for chunk in other.as_bytes().chunks(3 << 20) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    assert_eq!(send(running.address, chunked).await.0, 200);
    assert_eq!(running.spool.counts().records, 24_000);
    let left: Vec<_> = std::fs::read_dir(running.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("incoming")), "{left:?}");
    // The room that the bodies took is given back.
    let stored = body.len() + other.len();
    assert!(running.spool.used() < stored as u64 + 100_000, "{} bytes", running.spool.used());
}

#[tokio::test]
async fn a_full_spool_answers_503_and_lives_on() {
    let running = start(3 << 20).await;
    let body = |from: u64, count: u64| format!("[{}]", (from..from + count).map(event).collect::<Vec<_>>().join(","));
    assert_eq!(send(running.address, post("/v1/events", body(0, 1_000).as_bytes())).await.0, 200);
    let (status, text) = send(running.address, post("/v1/events", body(1_000, 3_000).as_bytes())).await;
    assert_eq!((status, text.as_str()), (503, "the spool is full\n"));
    // Refused before it is sent.
    let long = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n".to_vec();
    assert_eq!(send(running.address, long).await.0, 503);
    assert_eq!(send(running.address, post("/v1/events", body(9_000, 100).as_bytes())).await.0, 200);
    let counts = running.spool.counts();
    assert_eq!((counts.records, counts.refused), (1_100, 2));
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_not_taken() {
    let running = start(1 << 30).await;
    let address = running.address;
    for len in [0, 1, 500, 10 << 20] {
        let body = format!("[{}]", (0..12_000).map(event).collect::<Vec<_>>().join(","));
        let request = post("/v1/events", body.as_bytes());
        spawn_blocking(move || {
            let mut client = Client::connect(address).unwrap();
            client.write_all(&request[..(100 + len).min(request.len() - 1)]).unwrap();
            client.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            let _ = client.read_to_end(&mut answer);
            assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        })
        .await
        .unwrap();
    }
    assert_eq!(running.spool.counts(), crate::spool::Counts::default());
    assert_eq!(running.spool.inner_used(), 0);
}

/// The runtime's blocking threads compress, sync and read for uploads, and a disk may hold all of them.
#[test]
fn a_batch_does_not_wait_for_blocking_threads() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let (hold, blocked) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        let running = start(1 << 30).await;
        let blocked = spawn_blocking(move || blocked.recv());
        let (answer, answered) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut client = Client::connect(running.address).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            client.write_all(&post("/v1/events", event(1).as_bytes())).unwrap();
            let mut status = [0; 12];
            answer.send(client.read_exact(&mut status).map(|()| status))
        });
        assert_eq!(&answered.await.unwrap().unwrap(), b"HTTP/1.1 200");
        drop(hold);
        assert!(blocked.await.unwrap().is_err());
    });
}

/// Clients that send nothing, or a little, keep neither memory nor others' batches.
#[tokio::test]
async fn slow_clients_do_not_keep_others_waiting() {
    let running = start(1 << 30).await;
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut client = Client::connect(running.address).unwrap();
        client.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n[").unwrap();
        slow.push(client);
    }
    let begun = std::time::Instant::now();
    for n in 0..20 {
        assert_eq!(send(running.address, post("/v1/events", event(n).as_bytes())).await.0, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
