//! The table `workers`.

use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Flag, Int, Millis, Text};
use crate::rows::{RowReader, RowWriter, Table};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::worker::{Life, Worker};

pub(crate) const TABLE: Table = Table {
    name: "workers",
    columns: &[
        ("worker_id", Text),
        ("node_id", Text),
        ("worker_type", Text),
        ("pid", Int),
        ("job_id", Text),
        ("alive", Flag),
        ("_reported", Flag),
        ("exit_type", Text),
        ("exit_detail", Text),
        ("launch_at", Millis),
        ("launched_at", Millis),
        ("start_at", Millis),
        ("end_at", Millis),
    ],
};

pub(crate) fn write(snapshot: &Snapshot, stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, &snapshot.workers, |out, worker| push(snapshot, out, worker))
}

pub(crate) fn read(
    bytes: Bytes,
    stamp: &Stamp,
    expected: &Expected,
    values: &mut Values,
) -> Result<Vec<Worker>, Error> {
    TABLE.read(bytes, stamp, expected, values, pull)
}

fn push(snapshot: &Snapshot, out: &mut RowWriter, worker: &Worker) {
    let Worker { id, node, worker_type, pid, job, life, reported, exit_type, exit_detail, .. } = worker;
    let Worker { launch_ms, launched_ms, start_ms, end_ms, .. } = worker;
    out.hex(&id.0);
    out.hex(snapshot.id(*node));
    out.str(snapshot.str(*worker_type));
    out.int(Some(i64::from(*pid)).filter(|pid| *pid != 0));
    out.id(job);
    out.flag(match life {
        Life::Unknown => None,
        Life::Alive => Some(true),
        Life::Dead => Some(false),
    });
    out.flag(Some(*reported));
    out.str(snapshot.str(*exit_type));
    out.str(&snapshot.text(*exit_detail));
    for at in [launch_ms, launched_ms, start_ms, end_ms] {
        // A time beyond the range of the column becomes negative, and comes back.
        out.millis(Some(at.cast_signed()).filter(|at| *at != 0));
    }
}

fn pull(row: &mut RowReader<'_, '_>) -> Result<Worker, Error> {
    let millis = |row: &mut RowReader<'_, '_>| row.millis().unwrap_or_default().cast_unsigned();
    Ok(Worker {
        id: row.id()?,
        node: row.any_id()?,
        worker_type: row.str(),
        pid: row.small()?,
        job: row.id()?,
        life: match row.flag() {
            None => Life::Unknown,
            Some(true) => Life::Alive,
            Some(false) => Life::Dead,
        },
        reported: row.flag().unwrap_or_default(),
        exit_type: row.str(),
        exit_detail: row.long_text(),
        launch_ms: millis(row),
        launched_ms: millis(row),
        start_ms: millis(row),
        end_ms: millis(row),
    })
}
