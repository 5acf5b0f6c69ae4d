//! A program that ends with its value, and with the tests however they end.
//!
//! A shell holds it, and the shell's input comes from the test, so even a test that is killed leaves nothing behind.

use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// Prints the program's process id, waits for the end of its input, and kills the program.
const HOLD: &str = r#""$@" </dev/null 3>&- & child=$!; echo "$child" >&3; exec 3>&-; read -r _; kill -9 "$child" 2>/dev/null; wait "$child""#;

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    shell: Child,
    pid: Pid,
    log: NamedTempFile,
}

impl Process {
    /// Starts a program with the arguments and variables of a command.
    pub(crate) fn start(program: &Command) -> Self {
        let log = NamedTempFile::new().unwrap();
        let mut shell = Command::new("sh");
        // The third stream brings the process id back: it is the shell's own output.
        shell.arg("-c").arg(format!("exec 3>&1 >>\"$0\" 2>&1; {HOLD}")).arg(log.path());
        shell.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        shell.stdout.take().unwrap().read_to_string(&mut line).unwrap();
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        let pid = pid.unwrap_or_else(|| panic!("{program:?} did not start"));
        Self { shell, pid, log }
    }

    /// Starts a program and waits until it listens on a port of this machine.
    pub(crate) fn listening(program: &Command, port: u16) -> Self {
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
        String::from_utf8_lossy(&std::fs::read(self.log.path()).unwrap_or_default()).into_owned()
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

    /// Returns its status if it has ended. The shell has not yet waited for it, so the kernel still has the status.
    fn status(&self) -> Option<ExitStatus> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid.as_raw_nonzero())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[0] == "Z").then(|| ExitStatus::from_raw(fields.last().unwrap().parse().unwrap()))
    }

    /// Returns the bytes of memory that it has for itself or shares.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("a program of the test printed:\n{}", self.tail());
        }
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
