//! Rows of small tables: values are written and read column by column in the order of the schema, so that a table is
//! taken apart and put together by two functions that look alike.

mod reader;
mod writer;

pub(crate) use reader::RowReader;
pub(crate) use writer::RowWriter;

use crate::error::Error;
use crate::file::{Expected, Layout, Stamp};
use crate::values::Values;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use reader::Column;
use std::sync::Arc;

/// Rows of a row group, and of what is built at once.
const GROUP: usize = 65_536;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8.
    Text,
    /// `true` or `false`.
    Flag,
    /// 64 bits.
    Int,
    /// A double.
    Number,
    /// A time in UTC, in microseconds.
    Micros,
    /// A time in UTC, in milliseconds.
    Millis,
}

/// A table: its name and its columns.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
}

impl Table {
    pub(crate) fn layout(&self) -> Layout {
        let utc = || Some("UTC".into());
        let field = |(name, kind): &(&str, Kind)| {
            let data_type = match kind {
                Kind::Text => DataType::Utf8,
                Kind::Flag => DataType::Boolean,
                Kind::Int => DataType::Int64,
                Kind::Number => DataType::Float64,
                Kind::Micros => DataType::Timestamp(TimeUnit::Microsecond, utc()),
                Kind::Millis => DataType::Timestamp(TimeUnit::Millisecond, utc()),
            };
            Field::new(*name, data_type, true)
        };
        Layout {
            table: self.name,
            schema: Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>())),
            group_rows: GROUP,
            page_rows: 8_192,
            encodings: Vec::new(),
            sorted_by: Vec::new(),
            page_statistics: false,
        }
    }

    /// Writes a file: `push` appends all values of a row.
    pub(crate) fn write<T>(
        &self,
        stamp: &Stamp,
        rows: impl IntoIterator<Item = T>,
        mut push: impl FnMut(&mut RowWriter, T),
    ) -> Result<(Vec<u8>, Expected), Error> {
        let layout = self.layout();
        let mut rows = rows.into_iter().peekable();
        let batches = std::iter::from_fn(|| {
            rows.peek()?;
            let mut writer = RowWriter::new(self.columns);
            for row in rows.by_ref().take(GROUP) {
                push(&mut writer, row);
                writer.end_row();
            }
            Some(writer.finish(self.name, &layout.schema))
        });
        layout.to_bytes(stamp, batches)
    }

    /// Reads a file: `pull` takes all values of a row.
    pub(crate) fn read<T>(
        &self,
        bytes: Bytes,
        stamp: &Stamp,
        expected: &Expected,
        values: &mut Values,
        mut pull: impl FnMut(&mut RowReader<'_, '_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for batch in self.layout().read(bytes, stamp, expected)? {
            let batch = batch?;
            let columns = self.columns.iter().map(|(name, kind)| Column::of(&batch, name, *kind));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.rows() {
                all.push(pull(&mut RowReader::new(&batch, &columns, row, values))?);
            }
        }
        if all.len() as u64 != expected.rows {
            return Err(Error::malformed(self.name, "there are other rows than the footer says"));
        }
        Ok(all)
    }
}
