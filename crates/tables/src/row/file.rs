//! Files of rows that describe themselves.

use super::Row;
use super::field::Source;
use super::read::{Column, Reader};
use super::write::{Writer, finish};
use crate::columns::Batch;
use crate::environments::Environments;
use crate::error::Error;
use crate::file::{BATCH, Batches, Expected, Layout, Stamp};
use crate::values::Values;
use arrow_array::RecordBatch;
use arrow_schema::Schema;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::text::TextReader;
use std::sync::Arc;

/// Most bytes of the texts of all rows: a dictionary gives each row a text that stands in the file once.
const MAX_TEXTS: u64 = 512 << 20;

/// Returns the layout of a table of few rows.
pub(crate) fn layout<R: Row>() -> Result<Layout, Error> {
    let snapshot = Snapshot::default();
    let mut source = Source { snapshot: &snapshot, texts: TextReader::default() };
    let (mut columns, mut environments) = (Vec::new(), Environments::default());
    let mut writer = Writer {
        table: R::TABLE,
        columns: &mut columns,
        next: 0,
        source: &mut source,
        environments: &mut environments,
    };
    R::empty().describe(&mut writer)?;
    let (fields, _) = finish(&mut columns).map_err(|error| Error::malformed(R::TABLE, error))?;
    Ok(Layout {
        table: R::TABLE,
        schema: Arc::new(Schema::new(fields)),
        group_rows: 1 << 20,
        page_rows: 8_192,
        encodings: Vec::new(),
        sorted_by: Vec::new(),
        page_statistics: false,
    })
}

/// Writes rows, in the order in which they are given.
pub(crate) fn write<R: Row>(
    layout: &Layout,
    snapshot: &Snapshot,
    mut rows: impl Iterator<Item = R>,
    environments: &mut Environments,
    stamp: &Stamp,
) -> Result<(Vec<u8>, Expected), Error> {
    let mut source = Source { snapshot, texts: TextReader::default() };
    let mut columns = Vec::new();
    let batches = std::iter::from_fn(|| {
        let mut batch = rows.by_ref().take(BATCH).peekable();
        batch.peek()?;
        Some((|| {
            for mut row in batch {
                let mut writer = Writer {
                    table: R::TABLE,
                    columns: &mut columns,
                    next: 0,
                    source: &mut source,
                    environments: &mut *environments,
                };
                row.describe(&mut writer)?;
            }
            let failed = |error| Error::malformed(R::TABLE, error);
            let (_, arrays) = finish(&mut columns).map_err(failed)?;
            RecordBatch::try_new(Arc::clone(&layout.schema), arrays).map_err(failed)
        })())
    });
    layout.to_bytes(stamp, batches)
}

/// Reads all rows, whose order is checked.
pub(crate) fn read<R: Row>(
    layout: &Layout,
    bytes: Bytes,
    stamp: &Stamp,
    expected: &Expected,
    values: &mut Values,
) -> Result<Vec<R>, Error> {
    check_rows::<R>(expected.rows, &bytes)?;
    rows(layout, layout.read(bytes, stamp, expected)?, MAX_TEXTS, values)
}

/// Reads all rows of a file that no head names, of at most so many bytes before compression, and of texts. Columns that
/// it lacks are absent.
pub(crate) fn read_unnamed<R: Row>(
    layout: &Layout,
    bytes: Bytes,
    most: u64,
    values: &mut Values,
) -> Result<Vec<R>, Error> {
    let (found, batches) = layout.read_unnamed(bytes.clone(), most)?;
    check_rows::<R>(found, &bytes)?;
    rows(layout, batches, most, values)
}

/// Each row has an id or a text of its own, so a file with fewer bytes than rows is made to take memory.
fn check_rows<R: Row>(rows: u64, bytes: &Bytes) -> Result<(), Error> {
    if rows > bytes.len() as u64 {
        return Err(Error::malformed(R::TABLE, "the file has more rows than bytes"));
    }
    Ok(())
}

/// Reads rows whose texts have at most so many bytes together.
fn rows<R: Row>(layout: &Layout, batches: Batches, mut texts: u64, values: &mut Values) -> Result<Vec<R>, Error> {
    let mut rows: Vec<R> = Vec::new();
    for batch in batches {
        let batch = batch?;
        let columns = columns(layout, &batch)?;
        for row in 0..batch.rows() {
            let mut reader = Reader { table: R::TABLE, columns: &columns, next: 0, row, texts: &mut texts, values };
            let mut read = R::empty();
            read.describe(&mut reader)?;
            if rows.last().is_some_and(|last| !last.is_before(&read, values)) {
                return Err(batch.malformed("rows are not in order"));
            }
            rows.push(read);
        }
    }
    Ok(rows)
}

fn columns(layout: &Layout, batch: &Batch) -> Result<Vec<Column>, Error> {
    let fields = layout.schema.fields().iter();
    fields.map(|field| Ok((field.name().clone(), batch.column(field.name())?.cloned()))).collect()
}
