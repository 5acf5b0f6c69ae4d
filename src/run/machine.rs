//! What the machine must give before anything starts: threads, and a clock. Without them libraries panic later.

use anyhow::bail;
use std::thread;
use std::time::SystemTime;

/// Threads beside those of which each core gets one: of the log, of signals, of blocking calls.
const MORE: usize = 8;
/// Threads for each core: for requests, for loads, for everything else.
const PER_CORE: usize = 3;

/// Looks at both.
///
/// # Errors
/// When one is missing; the text is for whoever runs the program.
pub(super) fn check() -> anyhow::Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    threads(PER_CORE * cores + MORE)?;
    clock(SystemTime::now())
}

/// Starts so many threads at once, and ends them.
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
    fn a_usual_machine_will_do_and_a_clock_before_1970_will_not() {
        check().unwrap();
        let before = SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap();
        assert!(clock(before).unwrap_err().to_string().contains("1970"));
    }
}
