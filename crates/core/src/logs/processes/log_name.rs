//! Names of the log files of workers and drivers, rotated or not.

use crate::base::id::{JobId, WorkerId};

/// One of a process's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// The parsed name of a worker's or driver's log file.
///
/// `worker-{worker}-{job}-{pid}.out` and `.err` are its outputs (`WORKER_LOG_PATTERN` of
/// `dashboard/modules/log/log_manager.py`); the job is `ffffffff` for a worker that was started before it had one.
/// `python-core-worker-{worker}_{pid}.log` and `python-core-driver-{worker}_{pid}.log` are its own logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogName {
    /// The worker.
    pub worker: WorkerId,
    /// Its job, if the name contains it.
    pub job: Option<JobId>,
    /// Its process.
    pub pid: u32,
    /// The output; `None` for its own log.
    pub output: Option<Output>,
}

impl LogName {
    /// Parses the last part of a path.
    pub fn parse(path: &str) -> Option<Self> {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        if let Some(rest) = name.strip_prefix("worker-") {
            let mut parts = rest.splitn(3, '-');
            let worker = WorkerId::from_hex(parts.next()?)?;
            let job = JobId::from_hex(parts.next()?)?;
            let (pid, rest) = parts.next()?.split_once('.')?;
            let output = rest.split('.').find_map(|part| match part {
                "out" => Some(Output::Out),
                "err" => Some(Output::Err),
                _ => None,
            })?;
            let job = (!job.is_nil()).then_some(job);
            return Some(Self { worker, job, pid: number(pid)?, output: Some(output) });
        }
        let own = name.strip_prefix("python-core-worker-").or_else(|| name.strip_prefix("python-core-driver-"))?;
        let (worker, rest) = own.split_once('_')?;
        let (pid, rest) = rest.split_once('.')?;
        rest.split('.').any(|part| part == "log").then_some(())?;
        Some(Self { worker: WorkerId::from_hex(worker)?, job: None, pid: number(pid)?, output: None })
    }
}

/// Parses digits alone; `parse` would accept a sign.
fn number(digits: &str) -> Option<u32> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RayId;
    use proptest::prelude::*;

    #[test]
    fn parses_worker_job_process_and_output() {
        let worker = "ab".repeat(28);
        let named = |job: Option<JobId>, output| Some((RayId([0xab; 28]), job, 10368, output));
        let job = Some(RayId([1, 0, 0, 0]));
        for (path, expected) in [
            (format!("worker-{worker}-ffffffff-10368.out"), named(None, Some(Output::Out))),
            (format!("worker-{worker}-01000000-10368.err"), named(job, Some(Output::Err))),
            (format!("old/worker-{worker}-01000000-10368.out.1"), named(job, Some(Output::Out))),
            (format!("worker-{worker}-01000000-10368.1.out"), named(job, Some(Output::Out))),
            (format!("worker-{worker}-01000000-10368.rotated.7-12.out"), named(job, Some(Output::Out))),
            (format!("python-core-worker-{worker}_10368.log"), named(None, None)),
            (format!("python-core-driver-{worker}_10368.1.log"), named(None, None)),
            (format!("worker-{worker}-01000000-+1.out"), None),
            (format!("worker-{worker}-01000000-.out"), None),
            (format!("worker-{worker}-01000000-10368.log"), None),
            (format!("worker-{worker}-01000000-99999999999.out"), None),
            (format!("worker-{worker}.out"), None),
            ("worker-ab-01000000-10368.out".to_owned(), None),
            (format!("python-core-worker-{worker}_10368.txt"), None),
        ] {
            let found = LogName::parse(&path).map(|name| (name.worker, name.job, name.pid, name.output));
            assert_eq!(found, expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(name in "(worker-|python-core-worker-)?[-a-f0-9_./ßout]{0,90}") {
            let _ = LogName::parse(&name);
        }
    }
}
