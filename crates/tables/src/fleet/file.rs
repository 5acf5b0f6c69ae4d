//! The file of a rollup, which no head names.

use super::located::{Located, Place};
use super::{FleetRow, MAX_ROLLUP};
use crate::error::Error;
use crate::file::Layout;
use crate::row;
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::layout::Day;

/// Most bytes of a rollup before compression, and of its texts.
const MAX_UNCOMPRESSED: u64 = 512 << 20;

/// Returns the layout of a rollup.
pub(super) fn layout<R: FleetRow>() -> Result<Layout, Error> {
    let sorted_by = vec!["namespace", "cluster", "session"];
    Ok(Layout { sorted_by, group_rows: 65_536, ..row::layout::<Located<R>>()? })
}

/// Reads all rows of a rollup. Fails if one is of another day.
pub(super) fn read<R: FleetRow>(day: Day, bytes: Bytes) -> Result<Vec<Located<R>>, Error> {
    let malformed = |reason: &str| Error::malformed(R::TABLE, reason);
    if bytes.len() as u64 > MAX_ROLLUP {
        return Err(malformed("the rollup is too long"));
    }
    let rows: Vec<Located<R>> = row::read_unnamed(&layout::<R>()?, bytes, MAX_UNCOMPRESSED, &mut Values::default())?;
    let mut last: Option<&Place> = None;
    for Located { place, .. } in &rows {
        // Rows of a session follow each other, so each session is looked at once.
        if last != Some(place) {
            let key = place.key().ok_or_else(|| malformed("a row has a name that no session has"))?;
            if Day::of(&key.session) != day {
                return Err(malformed("a row is of another day"));
            }
            last = Some(place);
        }
    }
    Ok(rows)
}
