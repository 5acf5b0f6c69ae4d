//! Idle, and 1,000 and 10,000 events a second beside 200 growing logs. The bucket is an S3 server that keeps nothing.
//!
//! A machine that is busy answers late whatever the program does, so every batch goes to a second receiver, too, which
//! does the least that one can do; and the disk is asked how long a sync takes. Rows of one run can be compared.

use super::agent::{batch, post};
use super::bucket::Bucket;
use super::collector::{Collector, Ended};
use super::floor;
use super::ray::Ray;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Batches in a second: Ray's agent waits 0.1 s for more.
const BATCHES: u32 = 10;
const LOGS: usize = 200;

struct Rates {
    collector: Collector,
    dir: tempfile::TempDir,
    ray: Ray,
    bucket: Bucket,
    seconds: u32,
    next: u64,
}

pub(crate) fn run() {
    let seconds = std::env::var("RAY_HISTORY_BENCH_SECONDS").map_or(30, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let bucket = Bucket::serve();
    let ray = Ray::start(dir.path(), LOGS, bucket.port);
    let collector = Collector::start(dir.path(), dir.path().join("spool"), bucket.port, &[]);
    let (_process, least) = least(dir.path());
    std::thread::sleep(Duration::from_secs(3));
    let mut rates = Rates { collector, dir, ray, bucket, seconds, next: 0 };
    rates.measure("idle", |_| std::thread::sleep(Duration::from_secs(1)));
    for rate in [1_000, 10_000] {
        let (mut times, mut floor, mut refused) = (Vec::new(), Vec::new(), 0);
        rates.measure(&format!("{rate} events/s"), |rates| {
            rates.ray.log();
            let begun = Instant::now();
            for round in 0..BATCHES {
                std::thread::sleep((Duration::from_secs(1) / BATCHES * round).saturating_sub(begun.elapsed()));
                let body = batch(rates.next, rate / u64::from(BATCHES));
                rates.next += rate / u64::from(BATCHES);
                let measure = |address, times: &mut Vec<Duration>| {
                    let sent = Instant::now();
                    let status = post(address, &body).unwrap_or_default();
                    times.push(sent.elapsed());
                    status
                };
                refused += u32::from(measure(rates.collector.address, &mut times) != 200);
                measure(least, &mut floor);
            }
            std::thread::sleep(Duration::from_secs(1).saturating_sub(begun.elapsed()));
        });
        println!("  acknowledged {}; {refused} refused", percentiles(&mut times));
        println!("  the least    {}", percentiles(&mut floor));
    }
}

impl Rates {
    /// Does something each second, and prints what the collector used meanwhile.
    fn measure(&mut self, name: &str, mut each: impl FnMut(&mut Self)) {
        let written = self.bucket.written();
        let (before, begun, is_over) = (self.collector.processor_time(), Instant::now(), AtomicBool::new(false));
        let folder = self.dir.path().to_owned();
        let mut syncs = std::thread::scope(|scope| {
            let syncs = scope.spawn(|| {
                let mut times = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    times.push(floor::sync(&folder));
                    std::thread::sleep(Duration::from_millis(500));
                }
                times
            });
            for _ in 0..self.seconds {
                each(self);
            }
            is_over.store(true, Ordering::Relaxed);
            syncs.join().unwrap()
        });
        let share = 100.0 * (self.collector.processor_time() - before) / begun.elapsed().as_secs_f64();
        println!(
            "{name} for {:.0?}: {share:.2} % of a core; {} kB resident ({} anonymous), {} at most; {} objects, {} kB written",
            begun.elapsed(),
            self.collector.resident("VmRSS"),
            self.collector.resident("RssAnon"),
            self.collector.resident("VmHWM"),
            self.bucket.written().0 - written.0,
            (self.bucket.written().1 - written.1) / 1000,
        );
        println!("  a sync       {}", percentiles(&mut syncs));
    }
}

/// Starts the receiver that does the least.
fn least(dir: &std::path::Path) -> (Ended, SocketAddr) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut process = Ended(command.arg("floor").arg(dir).stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    (process, format!("127.0.0.1:{}", port.trim()).parse().unwrap())
}

pub(crate) fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    format!("in {:.1} ms (median), {:.1} ms (p99), {:.1} ms (most)", at(50), at(99), at(100))
}
