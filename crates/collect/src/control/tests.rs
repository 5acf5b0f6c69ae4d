use super::*;
use crate::drain::Node;
use crate::health::Part;
use crate::http_get::{self, Bounds};
use async_trait::async_trait;
use ray_history_manifest::State;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A node on which nothing happens, but which counts its drains.
#[derive(Default)]
struct Idle {
    drained: AtomicU32,
}

#[async_trait]
impl Node for Idle {
    async fn poll(&self) {}
    async fn scrape(&self) {}
    fn is_quiet(&self) -> bool {
        true
    }
    fn last_event_at(&self) -> Option<Instant> {
        None
    }
    fn raylet_is_alive(&self) -> bool {
        true
    }
    async fn flush(&self) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    async fn seal(&self) {}
    async fn put_manifests(&self, state: State) {
        if state == State::Draining {
            self.drained.fetch_add(1, Ordering::Relaxed);
        }
    }
    async fn settle(&self, _: Instant) {}
}

async fn start() -> (SocketAddr, Health, Arc<Idle>) {
    let (node, health) = (Arc::new(Idle::default()), Health::default());
    let control = Control { health: health.clone(), ..Control::default() };
    let drain = Arc::new(Drain::new(node.clone()));
    let numbers = Box::new(|| Numbers { accepted: 42, ..Numbers::default() });
    assert!(control.running.set(Running { drain, numbers }).is_ok());
    // The first address cannot be bound.
    let addresses = ["192.0.2.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap()];
    let listener = bind(&addresses).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Arc::new(control)));
    (address, health, node)
}

async fn get(address: SocketAddr, method: Method, path: &str) -> (u16, String) {
    let bounds = Bounds { time: Duration::from_secs(10), bytes: 1 << 20 };
    let answer = http_get::request(method, &format!("http://{address}{path}"), &[], bounds).await.unwrap();
    (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
}

#[tokio::test]
async fn health_is_always_200_and_says_what_is_wrong() {
    let (address, health, _) = start().await;
    assert_eq!(get(address, Method::GET, "/healthz").await, (200, "ok\n".to_owned()));
    health.set(Part::Storage, Some("permission denied".to_owned()));
    assert_eq!(get(address, Method::GET, "/healthz").await, (200, "storage: permission denied\n".to_owned()));
    assert_eq!(get(address, Method::POST, "/healthz").await.0, 405);
    assert_eq!(get(address, Method::GET, "/").await.0, 404);
}

#[tokio::test]
async fn metrics_are_exposed() {
    let (address, ..) = start().await;
    let (status, text) = get(address, Method::GET, "/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("ray_history_collect_events_accepted_total 42\n"), "{text}");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_the_drain() {
    let (address, _, node) = start().await;
    let mut caller = TcpStream::connect(address).await.unwrap();
    caller.write_all(b"GET /drain HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(caller);
    assert_eq!(get(address, Method::GET, "/drain").await, (200, "ok\n".to_owned()));
    assert_eq!(node.drained.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn idle_connections_do_not_keep_probes_out() {
    let (address, ..) = start().await;
    let mut idle = Vec::new();
    for _ in 0..MOST_CONNECTIONS - 1 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(get(address, Method::GET, "/healthz").await.0, 200);
}

#[tokio::test]
async fn a_collector_that_waits_for_its_spool_answers() {
    let listener = bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Arc::default()));
    for path in ["/healthz", "/drain"] {
        assert_eq!(get(address, Method::GET, path).await, (200, "ok\n".to_owned()), "{path}");
    }
    assert_eq!(get(address, Method::GET, "/metrics").await.0, 200);
}
