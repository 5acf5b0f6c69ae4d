//! An S3 server that keeps no object but how many events are in it, and may be away or slow. It also serves the counters
//! of Ray's agent.

use flate2::read::MultiGzDecoder;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct State {
    objects: AtomicU64,
    bytes: AtomicU64,
    /// Every request fails.
    pub(crate) is_away: AtomicBool,
    /// The time that a write takes.
    pub(crate) slow_ms: AtomicU64,
    /// Events are counted, which takes time.
    pub(crate) counts: AtomicBool,
    events: Mutex<HashMap<String, u64>>,
}

/// The server, which runs to the end of the process.
pub(crate) struct Bucket {
    pub(crate) port: u16,
    pub(crate) state: Arc<State>,
}

impl Bucket {
    pub(crate) fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A connection that breaks is its client's.
                std::thread::spawn(move || answer(&stream, &state));
            }
        });
        Self { port, state }
    }

    /// Returns the number of writes, and their bytes.
    pub(crate) fn written(&self) -> (u64, u64) {
        (self.state.objects.load(Ordering::Relaxed), self.state.bytes.load(Ordering::Relaxed))
    }

    /// Returns the events in all objects.
    pub(crate) fn events(&self) -> u64 {
        self.state.events.lock().values().sum()
    }
}

fn answer(stream: &TcpStream, state: &State) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut first) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim_end().is_empty() {
                break;
            }
            if first.is_empty() {
                first = line;
            }
        }
        let mut body = (&mut reader).take(length);
        let mut to = stream;
        let Some(key) = first.strip_prefix("PUT ").and_then(|rest| rest.split(' ').next()) else {
            std::io::copy(&mut body, &mut std::io::sink()).ok()?;
            let page = counters();
            write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len()).ok()?;
            continue;
        };
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).ok()?;
        if state.is_away.load(Ordering::Relaxed) {
            to.write_all(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n").ok()?;
            continue;
        }
        std::thread::sleep(Duration::from_millis(state.slow_ms.load(Ordering::Relaxed)));
        state.objects.fetch_add(1, Ordering::Relaxed);
        state.bytes.fetch_add(length, Ordering::Relaxed);
        if state.counts.load(Ordering::Relaxed) && key.contains("_events/") {
            let events = lines(&bytes);
            state.events.lock().insert(key.to_owned(), events);
        }
        to.write_all(b"HTTP/1.1 200 OK\r\nETag: \"0\"\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}

fn lines(object: &[u8]) -> u64 {
    let (mut decoder, mut piece, mut lines) = (MultiGzDecoder::new(object), vec![0; 64 << 10], 0);
    loop {
        let read = decoder.read(&mut piece).unwrap();
        if read == 0 {
            return lines;
        }
        lines += piece[..read].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
    }
}

/// A page as long as that of a small head.
fn counters() -> String {
    let other = "ray_component_uss_mb{component=\"ray::IDLE\",pid=\"81\",session=\"2026\"} 91.2\n".repeat(4_600);
    format!("{other}ray_aggregator_agent_events_received_total{{pid=\"7\"}} 1.0\n")
}
