//! A program that ends with its value, and with the tests however they end.
//!
//! A shell watches the test: its input comes from there, so it kills the program even if the test was killed.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Waits for the end of its input, and kills a process.
const WATCH: &str = r#"read -r _; kill -9 "$0" 2>/dev/null"#;

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    children: Mutex<Children>,
    pid: Pid,
    /// Without a name, so that nothing is left of it.
    log: File,
}

/// A program and its watch. Once the program was waited for, its id may be another's: the watch must end before.
#[derive(Debug)]
struct Children {
    program: Child,
    watch: Child,
    status: Option<ExitStatus>,
}

impl Children {
    fn end_watch(&mut self) {
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }
}

impl Process {
    /// Starts a program; its output goes to a log.
    pub(crate) fn start(program: &mut Command) -> Self {
        let log = tempfile::tempfile().unwrap();
        let output = || log.try_clone().unwrap();
        program.stdin(Stdio::null()).stdout(output()).stderr(output());
        let child = program.spawn().unwrap_or_else(|error| panic!("{program:?} did not start: {error}"));
        let pid = Pid::from_child(&child);
        let mut watch = Command::new("sh");
        watch.arg("-c").arg(WATCH).arg(child.id().to_string()).stdin(Stdio::piped());
        let children = Children { program: child, watch: watch.spawn().unwrap(), status: None };
        Self { children: Mutex::new(children), pid, log }
    }

    /// Starts a program and waits until it listens on a port of this machine.
    pub(crate) fn listening(program: &mut Command, port: u16) -> Self {
        let process = Self::start(program);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(process.runs(), "{program:?} ended: {}", process.log());
            assert!(started.elapsed() < Duration::from_secs(60), "{program:?} does not listen: {}", process.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        process
    }

    /// Returns everything it has printed.
    pub(crate) fn log(&self) -> String {
        // The program writes at the file's position, which this does not move.
        let mut bytes = vec![0; usize::try_from(self.log.metadata().unwrap().len()).unwrap()];
        self.log.read_exact_at(&mut bytes, 0).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the last lines that it has printed.
    pub(crate) fn tail(&self) -> String {
        let log = self.log();
        let mut lines: Vec<&str> = log.lines().rev().take(40).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// Waits until it has printed some words, and returns its log.
    pub(crate) async fn printed(&self, words: &str, within: Duration) -> String {
        let started = Instant::now();
        loop {
            // Asked before the log is read, so that nothing it printed at its end is overlooked.
            let status = self.status();
            let log = self.log();
            if log.contains(words) {
                return log;
            }
            assert!(status.is_none(), "the program ended before it printed {words:?}: {status:?}\n{log}");
            assert!(started.elapsed() < within, "not within {within:?}: {words:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Waits until it has ended by itself, and returns its status; `None` if it runs for longer.
    pub(crate) async fn ended(&self, within: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            match self.status() {
                None if started.elapsed() < within => tokio::time::sleep(Duration::from_millis(20)).await,
                status => return status,
            }
        }
    }

    /// Asks it to end as Kubernetes does, and waits until it has.
    pub(crate) async fn terminate(self) {
        self.signal(Signal::TERM);
        assert!(self.ended(Duration::from_secs(60)).await.is_some(), "{:?} does not end:\n{}", self.pid, self.tail());
    }

    /// Returns `true` while it has not ended by itself.
    pub(crate) fn runs(&self) -> bool {
        self.status().is_none()
    }

    /// Returns its status if it has ended.
    fn status(&self) -> Option<ExitStatus> {
        let mut children = self.children.lock().unwrap();
        if children.status.is_none() && has_ended(self.pid) {
            children.end_watch();
            children.status = Some(children.program.wait().unwrap());
        }
        children.status
    }

    /// Returns the bytes of memory that it has for itself or shares.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

/// Returns `true` for a process that has ended and was not yet waited for.
fn has_ended(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("a program of the test printed:\n{}", self.tail());
        }
        let children = self.children.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        children.end_watch();
        let _ = children.program.kill();
        let _ = children.program.wait();
    }
}
