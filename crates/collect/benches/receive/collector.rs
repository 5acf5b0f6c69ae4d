//! The collector as a process: what it is told, and what it costs.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// A process that ends with this.
pub(crate) struct Ended(pub(crate) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running collector.
pub(crate) struct Collector {
    process: Ended,
    pub(crate) address: SocketAddr,
}

impl Collector {
    /// Starts a collector of the folder `ray` with an S3 server on a port, and waits until its port is open.
    pub(crate) fn start(ray: &Path, spool: PathBuf, bucket: u16, flags: &[&str]) -> Self {
        // A built one, to compare.
        let program = std::env::var_os("RAY_HISTORY_BENCH_COLLECTOR");
        let mut command = Command::new(program.unwrap_or(env!("CARGO_BIN_EXE_ray-history-collect").into()));
        command.env_clear().envs([
            ("RAY_CLUSTER_NAME", "train"),
            ("RAY_CLUSTER_NAMESPACE", "ml"),
            ("STORAGE_BACKEND", "s3"),
            ("S3_BUCKET", "ray"),
            ("S3_REGION", "us-east-1"),
            ("S3FORCE_PATH_STYLE", "true"),
            ("S3DISABLE_SSL", "true"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]);
        let address = free_port();
        command.env("S3_ENDPOINT", format!("127.0.0.1:{bucket}"));
        command.env("RAY_TMP_ROOT", ray);
        command.args(["--control-listen", &free_port().to_string(), "--events-listen", &address.to_string()]);
        command.arg("--spool").arg(spool).args(flags);
        let process = Ended(command.spawn().unwrap());
        while TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, address }
    }

    /// A line of `/proc/PID/status`, in kB.
    pub(crate) fn resident(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).unwrap();
        let line = status.lines().find(|found| found.starts_with(line)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Seconds of processor time.
    pub(crate) fn processor_time(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.0.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        ticks / 100.0
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
