//! The time in which events are acknowledged, and its cost: 1,000 and then 10,000 events a second, as Ray's agent posts
//! them, to a collector in a process of its own that uploads to a folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on must stop")]

use async_trait::async_trait;
use bytes::Bytes;
use ray_history_collect::receive::Receiver;
use ray_history_collect::spool::{Fsync, Limits, Sealing, Spool};
use ray_history_collect::upload::{Sink, Uploader};
use ray_history_core::base::name::ClusterId;
use ray_history_core::layout::SessionKeys;
use ray_history_storage::Error;
use ray_history_storage_write::{If, Put, StorageWrite};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";
const SECONDS: u32 = 15;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("collect") => collect(Path::new(&std::env::args().nth(2).unwrap())),
        _ => feed(),
    }
}

/// A bucket in a folder.
#[derive(Debug)]
struct Folder(PathBuf);

#[async_trait]
impl StorageWrite for Folder {
    async fn put(&self, key: &str, bytes: Bytes, _: If) -> Result<Put, Error> {
        let path = self.0.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        Ok(Put::Written)
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let path = self.0.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut from = file;
        std::io::copy(&mut Read::take(&mut from, len), &mut File::create(path).unwrap()).unwrap();
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

fn collect(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build().unwrap();
    runtime.block_on(async {
        let limits = Limits { bytes: 512 << 20, fsync: Fsync::Flush };
        let spool = Arc::new(Spool::open(&dir.join("spool"), limits).await.unwrap());
        let receiver = Receiver::bind(0).await.unwrap();
        println!("{}", receiver.addresses()[0].port());
        let sink = Sink::new(Arc::new(Folder(dir.join("bucket"))));
        let destination = Arc::new(|session: &_| {
            let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
            Some(SessionKeys::new("", &cluster, None, session).node("ab"))
        });
        let every = Duration::from_secs(10);
        let uploader = Uploader::new(Arc::clone(&spool), sink, destination, every, Sealing::default());
        tokio::join!(uploader.run(), receiver.serve(spool));
    });
}

fn feed() {
    let dir = tempfile::tempdir().unwrap();
    let mut collector = Command::new(std::env::current_exe().unwrap())
        .arg("collect")
        .arg(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(collector.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let address = format!("127.0.0.1:{}", port.trim());
    std::thread::sleep(Duration::from_millis(500));
    println!("idle: {} kB resident", resident(collector.id(), "VmRSS"));
    let mut next = 0;
    for rate in [1_000, 10_000] {
        // One batch is in flight, and has at most 1,000 events.
        let pause = Duration::from_secs(1) / (rate / 1_000).max(1);
        let before = processor_time(collector.id());
        let (mut times, begun) = (Vec::new(), Instant::now());
        let mut refused = 0;
        for round in 0..SECONDS * (rate / 1_000) {
            std::thread::sleep((pause * round).saturating_sub(begun.elapsed()));
            let body = batch(next, 1_000);
            next += 1_000;
            let sent = Instant::now();
            let status = post(&address, &body);
            times.push(sent.elapsed());
            refused += u32::from(status != 200);
        }
        let took = begun.elapsed();
        times.sort_unstable();
        let percentile = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
        println!(
            "{rate} events/s for {took:.1?}: {refused} refused; acknowledged in {:?} (median), {:?} (p99), {:?} (most); {:.2} % of a core; {} kB resident, {} at most",
            percentile(50),
            percentile(99),
            times.last().unwrap(),
            100.0 * (processor_time(collector.id()) - before) / took.as_secs_f64(),
            resident(collector.id(), "VmRSS"),
            resident(collector.id(), "VmHWM"),
        );
    }
    collector.kill().unwrap();
    collector.wait().unwrap();
}

/// Events of about 940 bytes, with the ids that are in real ones.
fn batch(first: u64, count: u64) -> Vec<u8> {
    let mut body = String::from("[");
    for n in first..first + count {
        let mixed = |salt: u64| {
            (n ^ salt << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let comma = if n > first { "," } else { "" };
        write!(
            body,
            r#"{comma}{{"eventId":"{:016x}{:016x}","sourceType":"CORE_WORKER","eventType":"TASK_LIFECYCLE_EVENT","timestamp":"2026-11-23T07:10:{:02}.{:09}Z","severity":"INFO","sessionName":"{SESSION}","nodeId":"qRNPU0dRGZDVjHkXWlNUlVQyGmUsUZCjKwwNNw==","message":"","taskLifecycleEvent":{{"taskId":"{:016x}{:016x}","taskAttempt":0,"stateTransitions":[{{"state":"PENDING_ARGS_AVAIL","timestamp":"2026-11-23T07:10:{:02}.{:09}Z"}},{{"state":"RUNNING","timestamp":"2026-11-23T07:10:{:02}.{:09}Z"}},{{"state":"FINISHED","timestamp":"2026-11-23T07:10:{:02}.{:09}Z"}}],"nodeId":"qRNPU0dRGZDVjHkXWlNUlVQyGmUsUZCjKwwNNw==","workerId":"{:016x}","workerPid":{},"jobId":"AQAAAA==","isDebuggerPaused":false,"actorReprName":"","rayErrorInfo":null,"taskLogInfo":{{"stdoutFile":"/tmp/ray/session_latest/logs/worker-x.out","stderrFile":"/tmp/ray/session_latest/logs/worker-x.err","stdoutStart":0,"stdoutEnd":0,"stderrStart":0,"stderrEnd":0}}}}}}"#,
            mixed(1), mixed(2), n / 1000 % 60, mixed(3) % 1_000_000_000, mixed(4), mixed(5), n / 1000 % 60, mixed(6) % 1_000_000_000,
            n / 1000 % 60, mixed(7) % 1_000_000_000, n / 1000 % 60, mixed(8) % 1_000_000_000, mixed(n % 16), 1_000 + n % 16,
        )
        .unwrap();
    }
    body.push(']');
    body.into_bytes()
}

fn post(address: &str, body: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let head = format!("POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
}

/// A line of `/proc/PID/status`, in kB.
fn resident(pid: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|found| found.starts_with(line)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Seconds of processor time.
fn processor_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}
