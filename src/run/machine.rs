//! Checks of the machine before the start: enough threads and a valid clock, without which libraries panic later.

use anyhow::bail;
use std::thread;
use std::time::SystemTime;

/// Threads in addition to those per core: for the log, signals and blocking calls.
const EXTRA_THREADS: usize = 8;
/// Threads per core: for requests, loads and other tasks.
const THREADS_PER_CORE: usize = 3;

/// Checks that enough threads can be started and that the clock is valid.
///
/// # Errors
/// Returns an error with advice for the operator if a check fails.
pub(super) fn check() -> anyhow::Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    threads(THREADS_PER_CORE * cores + EXTRA_THREADS)?;
    clock(SystemTime::now())
}

/// Starts `wanted` threads at the same time, and ends them.
fn threads(wanted: usize) -> anyhow::Result<()> {
    let started = (0..wanted).map(|_| thread::Builder::new().spawn(thread::park));
    let mut refused = None;
    let mut running = Vec::new();
    for thread in started {
        match thread {
            Ok(thread) => running.push(thread),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let count = running.len();
    for thread in running {
        thread.thread().unpark();
        let _ = thread.join();
    }
    if let Some(error) = refused {
        bail!(
            "this process may start {count} threads ({error}) and needs {wanted}: allow it more (the container's limit \
             of pids, ulimit -u)"
        );
    }
    Ok(())
}

fn clock(now: SystemTime) -> anyhow::Result<()> {
    if now < SystemTime::UNIX_EPOCH {
        bail!("this machine's clock is before 1970: set it right (NTP)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn accepts_this_machine_and_rejects_an_early_clock() {
        check().unwrap();
        let before = SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap();
        assert!(clock(before).unwrap_err().to_string().contains("1970"));
    }
}
