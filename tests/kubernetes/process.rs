//! A program that ends with its value, and with the tests however they end: a shell holds it, and the shell's input is
//! ours, so that even a test program that is killed leaves nothing behind.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Tells the program's process id, waits for the end of its input, and ends the program.
const HOLD: &str = r#""$@" </dev/null 3>&- & child=$!; echo "$child" >&3; exec 3>&-; read -r _; kill -9 "$child" 2>/dev/null; wait "$child""#;

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    shell: Child,
    pid: i32,
}

impl Process {
    /// Starts a program; what it prints is added to a file.
    pub(crate) fn start(program: &Command, log: &Path) -> Self {
        let out = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let mut shell = Command::new("sh");
        // The third stream is the way back for the process id: the shell's own output.
        shell.arg("-c").arg(format!("exec 3>&1 >>\"$0\" 2>&1; {HOLD}")).arg(log);
        shell.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(out).spawn().unwrap();
        let mut line = String::new();
        shell.stdout.take().unwrap().read_to_string(&mut line).unwrap();
        let pid = line.trim().parse().unwrap_or_else(|_| panic!("{program:?} did not start"));
        Self { shell, pid }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(self) {
        let pid = rustix::process::Pid::from_raw(self.pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let begun = Instant::now();
        while self.runs() {
            assert!(begun.elapsed() < Duration::from_secs(60), "process {} does not end", self.pid);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether it has not ended by itself.
    pub(crate) fn runs(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }

    /// Bytes of memory that it has for itself or shares.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
