//! Workers and drivers from a stored answer of `/api/v0/workers?detail=1`.
//!
//! The GCS notes their times before it makes events of them, and before Ray 2.58 it makes none. The answer has what it
//! noted; what happened after the answer comes from events and logs.

use super::super::Builder;
use crate::base::id::{NodeId, WorkerId};
use crate::event::reader::{Reader, Result};
use crate::snapshot::driver::{DriverLog, job_of};
use std::borrow::Cow;

/// Most rows that are taken from an answer; Ray lists 10,000 workers.
const MAX_ROWS: usize = 100_000;

/// A row of an answer. Times are Unix milliseconds; zero means unknown.
#[derive(Debug, Default)]
pub(in super::super) struct PolledWorker<'a> {
    pub(in super::super) id: Option<WorkerId>,
    pub(in super::super) dead: bool,
    pub(in super::super) worker_type: Cow<'a, str>,
    pub(in super::super) exit_type: Cow<'a, str>,
    pub(in super::super) exit_detail: Cow<'a, str>,
    pub(in super::super) node: Option<NodeId>,
    pub(in super::super) pid: u32,
    pub(in super::super) launch_ms: u64,
    pub(in super::super) launched_ms: u64,
    pub(in super::super) start_ms: u64,
    pub(in super::super) end_ms: u64,
}

impl Builder {
    /// Takes over a stored list of workers. Rows before an error are used.
    pub(super) fn add_polled_workers(&mut self, body: &str) {
        let mut rows = Vec::new();
        let _ = super::rows(body, |r| {
            let row = row(r)?;
            rows.extend((rows.len() < MAX_ROWS).then_some(row));
            Ok(())
        });
        for row in &rows {
            let Some(id) = row.id else { continue };
            match job_of(&id) {
                Some(job) => self.polled_drivers.entry(job).or_default().join_exact(driver(row)),
                None => self.workers.add_polled(&mut self.values, id, row),
            }
        }
    }
}

fn driver(row: &PolledWorker<'_>) -> DriverLog {
    let ms = |at: u64| i64::try_from(at).unwrap_or(0);
    let exit = || (row.exit_type.as_ref().into(), row.exit_detail.as_ref().into());
    let end_ms = if row.dead { ms(row.end_ms) } else { 0 };
    DriverLog {
        node: row.node,
        pid: row.pid,
        start_ms: ms(row.start_ms),
        end_ms,
        exact: end_ms > 0,
        exit: (row.dead && !row.exit_type.is_empty()).then(exit),
    }
}

fn row<'a>(r: &mut Reader<'a>) -> Result<PolledWorker<'a>> {
    let mut out = PolledWorker::default();
    r.object(|r, key| {
        match key {
            "worker_id" => out.id = WorkerId::from_hex(&r.string()?),
            "is_alive" => out.dead = r.plain()? == "false",
            "worker_type" => out.worker_type = r.string()?,
            "exit_type" => out.exit_type = r.string()?,
            "exit_detail" => out.exit_detail = r.string()?,
            "node_id" => out.node = NodeId::from_hex(&r.string()?),
            "pid" => out.pid = u32::try_from(r.int()?).unwrap_or(0),
            "worker_launch_time_ms" => out.launch_ms = time(r)?,
            "worker_launched_time_ms" => out.launched_ms = time(r)?,
            "start_time_ms" => out.start_ms = time(r)?,
            "end_time_ms" => out.end_ms = time(r)?,
            _ => drop(r.skip()?),
        }
        Ok(())
    })?;
    Ok(out)
}

/// Reads a time. Ray's value for one that it does not know is -1 as an unsigned number.
fn time(r: &mut Reader<'_>) -> Result<u64> {
    let value: u64 = r.plain()?.parse().unwrap_or(0);
    Ok(if value > i64::MAX as u64 { 0 } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::Facts;
    use crate::snapshot::Snapshot;
    use crate::snapshot::worker::Life;
    use base64::prelude::*;
    use serde_json::json;

    const AT: u64 = 1_796_011_001_363;

    fn list(rows: &serde_json::Value) -> String {
        json!({"result": true, "data": {"result": {"total": 1, "result": rows}}}).to_string()
    }

    fn row(id: &str, alive: bool, end_ms: u64) -> serde_json::Value {
        json!({"worker_id": id, "is_alive": alive, "worker_type": "WORKER", "node_id": "07".repeat(28), "pid": 12,
            "exit_type": if alive { None } else { Some("SYSTEM_ERROR") }, "exit_detail": "it fell",
            "worker_launch_time_ms": u64::MAX, "start_time_ms": AT, "end_time_ms": end_ms})
    }

    fn of(builder: Builder) -> Vec<(Life, bool, u64, u64, String)> {
        let snapshot: Snapshot = builder.finish(&Facts::default());
        let rows = snapshot.workers.iter();
        rows.map(|row| (row.life, row.reported, row.start_ms, row.end_ms, snapshot.str(row.exit_type).to_owned()))
            .collect()
    }

    #[test]
    fn a_list_has_the_exact_times_and_workers_without_events() {
        let mut builder = Builder::new("session");
        let id = BASE64_STANDARD.encode([1; 28]);
        let event = json!({"eventType": "WORKER_LIFECYCLE_EVENT", "timestamp": "2026-11-30T00:00:00Z",
            "workerLifecycleEvent": {"workerId": id, "stateTransitions": [
                {"state": "ALIVE", "timestamp": "2026-11-30T00:00:00Z", "startTimeMs": (AT - 1).to_string()},
                {"state": "DEAD", "timestamp": "2026-11-30T00:00:01Z", "endTimeMs": (AT + 999).to_string(),
                    "deathInfo": {"exitType": "INTENDED_USER_EXIT"}}]}});
        builder.fold_record("file", 0, event.to_string().as_bytes());
        let rows = json!([row(&"01".repeat(28), true, 0), row(&"02".repeat(28), false, AT + 5), row("zz", true, 0)]);
        for _ in 0..2 {
            builder.add_polled("api/v0/workers?detail=1&limit=10000", &list(&rows));
        }
        let ended_later = (Life::Dead, true, AT, AT + 999, "INTENDED_USER_EXIT".to_owned());
        assert_eq!(of(builder), [ended_later, (Life::Dead, true, AT, AT + 5, "SYSTEM_ERROR".to_owned())]);
    }

    #[test]
    fn drivers_have_the_times_of_the_list() {
        let mut builder = Builder::new("session");
        let id = format!("01000000{}", "ff".repeat(24));
        builder.add_polled("api/v0/workers?detail=1&limit=10000", &list(&json!([row(&id, false, AT + 5)])));
        // A list without details takes nothing away.
        let plain = json!([{"worker_id": id, "is_alive": true, "pid": 12}]);
        builder.add_polled("api/v0/workers?limit=100", &list(&plain));
        let snapshot = builder.finish(&Facts::default());
        let driver = &snapshot.drivers[0];
        let exit = driver.exit.as_ref().map(|(kind, detail)| (&**kind, &**detail));
        assert_eq!((driver.start_ms, driver.end_ms, driver.pid), (AT.cast_signed(), AT.cast_signed() + 5, 12));
        assert_eq!((exit, snapshot.workers.len()), (Some(("SYSTEM_ERROR", "it fell")), 0));
    }
}
