//! The table `drivers`: drivers as rows of the workers' page, for which Ray sends no events.

use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Int, Millis, Text};
use crate::rows::{RowReader, RowWriter, Table};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::base::id::RayId;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::driver::Driver;

pub(crate) const TABLE: Table = Table {
    name: "drivers",
    columns: &[
        ("worker_id", Text),
        ("node_id", Text),
        ("pid", Int),
        ("start_at", Millis),
        ("end_at", Millis),
        ("exit_type", Text),
        ("exit_detail", Text),
    ],
};

pub(crate) fn write(snapshot: &Snapshot, stamp: &Stamp) -> Result<(Vec<u8>, Expected), Error> {
    TABLE.write(stamp, &snapshot.drivers, push)
}

pub(crate) fn read(
    bytes: Bytes,
    stamp: &Stamp,
    expected: &Expected,
    values: &mut Values,
) -> Result<Vec<Driver>, Error> {
    TABLE.read(bytes, stamp, expected, values, pull)
}

fn push(out: &mut RowWriter, driver: &Driver) {
    let Driver { id, node, pid, start_ms, end_ms, exit } = driver;
    out.hex(&id.0);
    out.hex(node.as_ref().map_or(&[][..], |node| &node.0[..]));
    out.int(Some(*pid));
    out.millis(Some(*start_ms).filter(|at| *at != 0));
    out.millis(Some(*end_ms).filter(|at| *at != 0));
    out.text(exit.as_ref().map(|(exit_type, _)| &**exit_type));
    out.text(exit.as_ref().map(|(_, detail)| &**detail));
}

fn pull(row: &mut RowReader<'_, '_>) -> Result<Driver, Error> {
    Ok(Driver {
        id: row.id()?,
        node: match row.text() {
            None => None,
            Some(hex) => Some(RayId::from_hex(hex).ok_or_else(|| row.malformed("a node id is malformed"))?),
        },
        pid: row.small()?,
        start_ms: row.millis().unwrap_or_default(),
        end_ms: row.millis().unwrap_or_default(),
        exit: row.text().map(Into::into).zip(row.text().map(Into::into)),
    })
}
