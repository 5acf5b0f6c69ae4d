//! `logs/python-core-driver-<worker id>_<pid>.log`: the name alone gives a driver's process id.
//!
//! A driver's worker id begins with its job id, the rest is `ff`. Ray's internal drivers have no event that says
//! their pid.

use crate::base::id::{JobId, RayId, WorkerId};
use std::collections::BTreeMap;

/// The process of one driver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoreDriver {
    /// Process id.
    pub pid: u32,
    /// The node whose folder the file is in, hex.
    pub node: Box<str>,
}

/// The drivers that left a log file, by worker id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoreDrivers {
    drivers: BTreeMap<WorkerId, CoreDriver>,
}

impl CoreDrivers {
    /// Takes what a file name says; other names say nothing.
    pub(super) fn seen(&mut self, node: &str, name: &str) {
        if let Some((worker, pid)) = parse(name) {
            self.add(worker, CoreDriver { pid, node: node.into() });
        }
    }

    fn add(&mut self, worker: WorkerId, driver: CoreDriver) {
        match self.drivers.get_mut(&worker) {
            Some(known) if *known >= driver => {}
            Some(known) => *known = driver,
            None => {
                self.drivers.insert(worker, driver);
            }
        }
    }

    /// Every driver, with its worker id and job.
    pub fn iter(&self) -> impl Iterator<Item = (WorkerId, JobId, &CoreDriver)> {
        self.drivers.iter().filter_map(|(worker, driver)| {
            let job = worker.0.first_chunk::<4>()?;
            Some((*worker, RayId(*job), driver))
        })
    }

    /// The driver of a worker id.
    pub fn get(&self, worker: &WorkerId) -> Option<&CoreDriver> {
        self.drivers.get(worker)
    }

    /// Takes over what another reader found.
    pub(super) fn merge(&mut self, other: Self) {
        for (worker, driver) in other.drivers {
            self.add(worker, driver);
        }
    }

    /// Memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.drivers.len() * (size_of::<(WorkerId, CoreDriver)>() + 72)
    }
}

/// Worker id and pid of a name such as `python-core-driver-02000000ff…_10333.log`.
pub(super) fn parse(name: &str) -> Option<(WorkerId, u32)> {
    let (worker, pid) = name.strip_prefix("python-core-driver-")?.strip_suffix(".log")?.split_once('_')?;
    Some((WorkerId::from_hex(worker)?, pid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_drivers_log_gives_job_and_pid() {
        let mut drivers = CoreDrivers::default();
        drivers.seen("n", &format!("python-core-driver-02000000{}_10333.log", "f".repeat(48)));
        drivers.seen("n", "python-core-driver-02_1.log");
        drivers.seen("n", "python-core-worker-02_1.log");
        let found: Vec<_> = drivers.iter().map(|(_, job, driver)| (job.hex(), driver.pid)).collect();
        assert_eq!(found, [("02000000".to_owned(), 10333)]);
    }
}
