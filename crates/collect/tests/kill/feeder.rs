//! Posts events as Ray's agent does.

use super::random::Random;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) const SESSIONS: [&str; 2] =
    ["session_2026-11-23_07-10-07_600839_11972", "session_2026-11-24_07-10-07_600839_7"];

/// Ray's pauses between attempts, in milliseconds, and its timeout.
const PAUSES: [u64; 10] = [30, 50, 90, 160, 300, 640, 1_400, 2_700, 4_800, 5_000];
const TIMEOUT: Duration = Duration::from_secs(3);
/// All of that is so much shorter here.
const FACTOR: u32 = 20;

pub(crate) struct Feeder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Acknowledged>,
}

#[derive(Default)]
pub(crate) struct Acknowledged {
    /// The numbers of all events, sorted.
    pub(crate) numbers: Vec<u64>,
    pub(crate) requests: u64,
}

impl Feeder {
    pub(crate) fn start(dir: &Path, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (dir, stopped) = (dir.to_owned(), Arc::clone(&stop));
        Self { stop, thread: std::thread::spawn(move || feed(dir, Random::with_seed(seed), &stopped)) }
    }

    /// Ends when the last batch is acknowledged.
    pub(crate) fn stop(self) -> Acknowledged {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn feed(dir: PathBuf, mut random: Random, stop: &AtomicBool) -> Acknowledged {
    let mut done = Acknowledged::default();
    let mut next = 0;
    while !stop.load(Ordering::Relaxed) {
        let count = 1 + random.next() % 60;
        let events: Vec<String> = (next..next + count).map(|n| event(n, &mut random)).collect();
        let body = format!("[{}]", events.join(", "));
        let mut attempt = 0;
        loop {
            done.requests += 1;
            // Now and then a connection breaks in the middle of a body.
            let cut = random.next().is_multiple_of(20).then(|| random.next() as usize % body.len());
            if post(&dir, body.as_bytes(), cut).is_some_and(|status| status < 400) {
                break;
            }
            std::thread::sleep(Duration::from_millis(PAUSES[attempt.min(PAUSES.len() - 1)]) / FACTOR);
            attempt += 1;
        }
        done.numbers.extend(next..next + count);
        next += count;
        std::thread::sleep(Duration::from_micros(random.next() % 4_000));
    }
    done
}

fn event(n: u64, random: &mut Random) -> String {
    let session = SESSIONS[usize::from(random.next().is_multiple_of(50))];
    let (job, noise) = (random.next() % 12, random.next());
    if job == 0 {
        return format!(r#"{{"sessionName":"{session}","eventType":"NODE_LIFECYCLE_EVENT","n":{n},"id":"{noise:x}"}}"#);
    }
    format!(
        r#"{{"sessionName":"{session}","eventType":"TASK_LIFECYCLE_EVENT","taskLifecycleEvent":{{"jobId":"{job:08x}"}},"n":{n},"id":"{noise:x}"}}"#
    )
}

/// Posts a body and returns the status; `None` without an answer in time.
fn post(dir: &Path, body: &[u8], cut: Option<usize>) -> Option<u16> {
    let port: u16 = std::fs::read_to_string(dir.join("port")).ok()?.parse().ok()?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(TIMEOUT / FACTOR)).ok()?;
    stream.set_write_timeout(Some(TIMEOUT / FACTOR)).ok()?;
    let head = format!("POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    if let Some(cut) = cut {
        stream.write_all(&body[..cut]).ok()?;
        stream.shutdown(Shutdown::Both).ok()?;
        return None;
    }
    stream.write_all(body).ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
}
