//! `make bench`: opening and answering a session of 100,000 tasks, as ratios and absolute figures of one run.
//!
//! Needs a recorded session of about 100,000 tasks, which is too big for this repository: `RAY_HISTORY_SCALE` names a
//! tar that has its bucket below `storage/`, as `python -m e2e.recording` writes it. Without it, nothing is measured.
//! Every figure is taken in a process of its own, so that memory of one does not show in the next. Absolute times are
//! for the eye; what may be promised are the ratios, because both sides ran on the same machine in the same minute.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

mod recorded;

use ray_history_core::event::decode;
use ray_history_core::event::records::Records;
use ray_history_core::layout::Root;
use ray_history_core::snapshot::failures::Failures;
use ray_history_obituary::cause::RayFacts;
use ray_history_ray_api::{Answer, Query, RayError, dashboard, state};
use ray_history_session::{OpenSession, Sessions};
use ray_history_storage::Storage;
use ray_history_storage::faulty::Faulty;
use ray_history_storage::local::Local;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Files of the variant that a collector would have written in small pieces.
const SMALL_FILES: usize = 10_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [mode, folder] = &args[..] {
        return measure(mode, Path::new(folder));
    }
    let Some((work, scale)) = recorded::unpacked() else {
        return;
    };
    println!("{:<44} {:>9} {:>10} {:>10} {:>10}", "", "seconds", "after MB", "peak MB", "of floor");
    let floor = report("floor: read, gunzip, decode", "floor", &scale, None);
    report("open from a folder", "open", &scale, Some(floor));
    let failed = variant(&scale, &work.path().join("failed"), &fail_every_task);
    report("open, every task failed with 2 KB of its own", "open", &failed, None);
    let small = small_files(&scale, &work.path().join("small"));
    let floor = report("floor of 10,000 small files", "floor", &small, None);
    report("open 10,000 small files", "open", &small, Some(floor));
    report("open 10,000 small files, 20 ms a request", "slow", &small, None);
    println!();
    run_child("answers", &scale);
    println!("every task failed with 2 KB of its own:");
    run_child("answers", &failed);
}

/// Runs one figure three times in processes of their own; prints and gives the fastest.
fn report(name: &str, mode: &str, folder: &Path, floor: Option<f64>) -> f64 {
    let runs: Vec<Vec<f64>> = (0..3).map(|_| run_child(mode, folder)).collect();
    let best = runs.iter().min_by(|a, b| a[0].total_cmp(&b[0])).unwrap();
    let ratio = floor.map_or(String::new(), |floor| format!("{:.2}", best[0] / floor));
    println!("{name:<44} {:>9.3} {:>10.0} {:>10.0} {ratio:>10}", best[0], best[1], best[2]);
    best[0]
}

fn run_child(mode: &str, folder: &Path) -> Vec<f64> {
    let child = Command::new(std::env::current_exe().unwrap()).arg(mode).arg(folder).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let text = String::from_utf8(child.stdout).unwrap();
    if mode == "answers" {
        print!("{text}");
        return Vec::new();
    }
    text.split_whitespace().map(|figure| figure.parse().unwrap()).collect()
}

fn measure(mode: &str, folder: &Path) {
    let started = Instant::now();
    match mode {
        "floor" => floor(folder),
        "answers" => return answers(&open(folder, Duration::ZERO)),
        mode => {
            let latency = if mode == "slow" { Duration::from_millis(20) } else { Duration::ZERO };
            let session = open(folder, latency);
            let seconds = started.elapsed().as_secs_f64();
            // Memory is given back a moment after it is freed.
            std::thread::sleep(Duration::from_millis(1500));
            println!("{seconds} {} {}", memory("VmRSS"), memory("VmHWM"));
            assert!(session.snapshot.tasks.len() > 100_000);
            return;
        }
    }
    println!("{} {} {}", started.elapsed().as_secs_f64(), memory("VmRSS"), memory("VmHWM"));
}

/// Measures the least work of any reader: the same files and threads, decoded and thrown away.
fn floor(folder: &Path) {
    let mut files = Vec::new();
    event_files(folder, &mut files);
    files.sort_by_key(|file| std::fs::metadata(file).unwrap().len());
    let queue = Mutex::new(files);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let decoded: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut decoded = 0;
                    loop {
                        let Some(file) = queue.lock().unwrap().pop() else { return decoded };
                        let mut records = Records::new(File::open(file).unwrap());
                        while let Some(block) = records.next_block() {
                            for (_, record) in block.records() {
                                let text = std::str::from_utf8(record).unwrap();
                                decoded += usize::from(decode(text).is_ok());
                            }
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert!(decoded > 100_000, "{decoded}");
}

fn open(folder: &Path, latency: Duration) -> Arc<OpenSession> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let local: Arc<dyn Storage> = Arc::new(Local::open(folder).unwrap());
        let store: Arc<dyn Storage> =
            if latency.is_zero() { local } else { Arc::new(Faulty::new(local).with_latency(latency)) };
        let sessions = Arc::new(Sessions::new(store, vec![Root::new("")]).with_low_priority_loads().unwrap());
        let listing = sessions.refresh().await.unwrap();
        sessions.open(&listing.iter().next().unwrap().key).await.unwrap()
    })
}

fn answers(session: &OpenSession) {
    let snapshot = &session.snapshot;
    let query = |text: &str| {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let parameters = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Query { parameters, redact: false, over: true }
    };
    println!("{:<44} {:>9} {:>10}", "warm answers", "ms", "MB");
    let show = |name: &str, answer: &dyn Fn() -> Result<Answer, RayError>| {
        let mut best = (f64::MAX, 0);
        for _ in 0..7 {
            let started = Instant::now();
            let bytes: usize = match answer().unwrap().body {
                ray_history_ray_api::Body::Whole(bytes) => bytes.len(),
                ray_history_ray_api::Body::Chunks(pieces) => pieces.map(|piece| piece.len()).sum(),
            };
            best = (started.elapsed().as_secs_f64().min(best.0), bytes);
        }
        println!("{name:<44} {:>9.2} {:>10.2}", best.0 * 1e3, best.1 as f64 / 1e6);
    };
    show("task summary", &|| state::task_summary::summarize(snapshot, &query("")));
    show("task lineage", &|| state::task_summary::summarize(snapshot, &query("summary_by=lineage")));
    show("tasks?detail=1&limit=10000", &|| state::tasks::list(snapshot, &query("detail=1&limit=10000")));
    show("nodes?view=summary", &|| dashboard::nodes::list(snapshot, &query("view=summary")));
    show("logical/actors", &|| dashboard::actors::list(snapshot, &query("")));
    show("timeline", &|| state::timeline::timeline(snapshot, &query("")));
    let digest = |name: &str, digest: &dyn Fn() -> usize| {
        let best = (0..7).map(|_| {
            let started = Instant::now();
            assert!(digest() < usize::MAX);
            started.elapsed().as_secs_f64()
        });
        println!("{name:<44} {:>9.2}", best.fold(f64::MAX, f64::min) * 1e3);
    };
    digest("failures by fingerprint", &|| Failures::of(snapshot).groups.len());
    digest("facts for causes", &|| RayFacts::of(snapshot).jobs.len());
}

/// Megabytes of a line of `/proc/self/status`.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|known| known.starts_with(line)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn event_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "logs") {
                event_files(&path, out);
            }
        } else if path.to_string_lossy().contains("_events/") {
            out.push(path);
        }
    }
}

/// A copy of a session with every event file rewritten.
fn variant(from: &Path, to: &Path, rewrite: &dyn Fn(&[u8], &mut Vec<u8>)) -> PathBuf {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
    let mut files = Vec::new();
    event_files(to, &mut files);
    for file in files {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut records = Records::new(File::open(&file).unwrap());
        let mut line = Vec::new();
        while let Some(block) = records.next_block() {
            for (_, record) in block.records() {
                line.clear();
                rewrite(record, &mut line);
                out.write_all(&line).unwrap();
                out.write_all(b"\n").unwrap();
            }
        }
        std::fs::write(&file, out.finish().unwrap()).unwrap();
    }
    to.to_owned()
}

/// Every attempt that finished failed instead, with a stack trace that no other attempt has.
fn fail_every_task(record: &[u8], out: &mut Vec<u8>) {
    let text = std::str::from_utf8(record).unwrap();
    if !text.contains("\"state\":\"FINISHED\"") || !text.contains("\"taskLifecycleEvent\":{") {
        return out.extend_from_slice(record);
    }
    let id = text.split("\"taskId\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let frames: Vec<String> = (0..20)
        .map(|n| {
            format!(
                "  File \\\"/srv/app/module_{n}.py\\\", line {}, in step_{n}\\n    value = f_{n}(x, y, z)\\n",
                n * 7
            )
        })
        .collect();
    let error = format!(
        "\"taskLifecycleEvent\":{{\"rayErrorInfo\":{{\"errorType\":\"TASK_EXECUTION_EXCEPTION\",\"errorMessage\":\
         \"Traceback of {id}:\\n{}\"}},",
        frames.concat()
    );
    let failed = text.replace("\"state\":\"FINISHED\"", "\"state\":\"FAILED\"");
    out.extend_from_slice(failed.replacen("\"taskLifecycleEvent\":{", &error, 1).as_bytes());
}

/// The same events in ten thousand plain files, as a collector writes them over a working day on many nodes.
fn small_files(from: &Path, to: &Path) -> PathBuf {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
    let mut files = Vec::new();
    event_files(to, &mut files);
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let folder = files.iter().find(|file| file.to_string_lossy().contains("job_events/03")).unwrap().parent().unwrap();
    for file in &files {
        let mut records = Records::new(File::open(file).unwrap());
        while let Some(block) = records.next_block() {
            lines.extend(block.records().map(|(_, record)| record.to_vec()));
        }
        std::fs::remove_file(file).unwrap();
    }
    for (n, part) in lines.chunks(lines.len().div_ceil(SMALL_FILES)).enumerate() {
        let mut text = part.join(&b'\n');
        text.push(b'\n');
        std::fs::write(folder.join(format!("n-2026-11-23-07-{n}.jsonl")), text).unwrap();
    }
    to.to_owned()
}
