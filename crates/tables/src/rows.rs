//! Rows of small tables: values are written and read column by column in the order of the schema, so that a table is
//! taken apart and put together by two functions that look alike.

use crate::columns::{Batch, Bools, Numbers, Strings};
use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Layout, Stamp};
use crate::micros::split;
use crate::values::Values;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
    TimestampMillisecondBuilder,
};
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use ray_history_core::base::id::RayId;
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::intern::{Id, Str};
use ray_history_core::snapshot::text::Text;
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
            let mut writer =
                RowWriter { builders: self.columns.iter().map(|(_, kind)| Builder::new(*kind)).collect(), at: 0 };
            for row in rows.by_ref().take(GROUP) {
                push(&mut writer, row);
                debug_assert_eq!(writer.at, self.columns.len(), "a row of {}", self.name);
                writer.at = 0;
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
                let mut reader = RowReader { batch: &batch, columns: &columns, row, at: 0, values };
                all.push(pull(&mut reader)?);
            }
        }
        if all.len() as u64 != expected.rows {
            return Err(Error::malformed(self.name, "there are other rows than the footer says"));
        }
        Ok(all)
    }
}

enum Builder {
    Text(StringBuilder),
    Flag(BooleanBuilder),
    Int(Int64Builder),
    Number(Float64Builder),
    Micros(TimestampMicrosecondBuilder),
    Millis(TimestampMillisecondBuilder),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Number => Self::Number(Float64Builder::new()),
            Kind::Micros => Self::Micros(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Millis => Self::Millis(TimestampMillisecondBuilder::new().with_timezone("UTC")),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Flag(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Number(mut builder) => Arc::new(builder.finish()),
            Self::Micros(mut builder) => Arc::new(builder.finish()),
            Self::Millis(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// Appends the values of rows, each to the next column.
pub(crate) struct RowWriter {
    builders: Vec<Builder>,
    at: usize,
}

impl RowWriter {
    fn next(&mut self) -> Option<&mut Builder> {
        self.at += 1;
        self.builders.get_mut(self.at - 1)
    }

    /// Appends a text, which may be empty.
    pub(crate) fn text(&mut self, value: Option<&str>) {
        match self.next() {
            Some(Builder::Text(builder)) => builder.append_option(value),
            _ => debug_assert!(false, "column {} is no text", self.at),
        }
    }

    /// Appends a text; an empty one is absent.
    pub(crate) fn str(&mut self, value: &str) {
        self.text(Some(value).filter(|value| !value.is_empty()));
    }

    /// Appends bytes in hex; empty ones are absent.
    pub(crate) fn hex(&mut self, bytes: &[u8]) {
        let mut hex = Vec::with_capacity(2 * bytes.len());
        ray_history_core::base::id::push_hex(&mut hex, bytes);
        self.str(std::str::from_utf8(&hex).unwrap_or_default());
    }

    /// Appends an id; nil is absent.
    pub(crate) fn id<const N: usize>(&mut self, id: &RayId<N>) {
        self.hex(if id.is_nil() { &[] } else { &id.0 });
    }

    pub(crate) fn flag(&mut self, value: Option<bool>) {
        match self.next() {
            Some(Builder::Flag(builder)) => builder.append_option(value),
            _ => debug_assert!(false, "column {} is no flag", self.at),
        }
    }

    pub(crate) fn int(&mut self, value: Option<i64>) {
        match self.next() {
            Some(Builder::Int(builder)) => builder.append_option(value),
            _ => debug_assert!(false, "column {} is no integer", self.at),
        }
    }

    pub(crate) fn number(&mut self, value: Option<f64>) {
        match self.next() {
            Some(Builder::Number(builder)) => builder.append_option(value),
            _ => debug_assert!(false, "column {} is no number", self.at),
        }
    }

    /// Appends a time in nanoseconds to two columns, the second of which is exact; zero is absent.
    pub(crate) fn time(&mut self, at: Nanos) {
        let known = Some(at).filter(|at| *at != 0);
        match self.next() {
            Some(Builder::Micros(builder)) => builder.append_option(known.map(|at| split(at).0)),
            _ => debug_assert!(false, "column {} is no time", self.at),
        }
        self.int(known);
    }

    /// Appends a time in nanoseconds that is never read back.
    pub(crate) fn micros(&mut self, at: Option<Nanos>) {
        match self.next() {
            Some(Builder::Micros(builder)) => builder.append_option(at.map(|at| split(at).0)),
            _ => debug_assert!(false, "column {} is no time", self.at),
        }
    }

    /// Appends a time in milliseconds.
    pub(crate) fn millis(&mut self, at: Option<i64>) {
        match self.next() {
            Some(Builder::Millis(builder)) => builder.append_option(at),
            _ => debug_assert!(false, "column {} is no time", self.at),
        }
    }

    /// Appends a runtime environment to two columns: as everybody may see it, and its index.
    pub(crate) fn environment(&mut self, value: &str, environments: &mut Environments) {
        if value.is_empty() {
            self.text(None);
            return self.int(None);
        }
        let at = environments.intern(value);
        self.text(environments.shown(at));
        self.int(Some(i64::from(at)));
    }

    fn finish(self, table: &str, schema: &SchemaRef) -> Result<RecordBatch, Error> {
        let columns = self.builders.into_iter().map(Builder::finish).collect();
        RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| Error::malformed(table, error))
    }
}

enum Column<'a> {
    Text(Strings<'a>),
    Flag(Bools<'a>),
    Int(Numbers<'a, Int64Type>),
    Number(Numbers<'a, Float64Type>),
    Micros,
    Millis(Numbers<'a, TimestampMillisecondType>),
}

impl<'a> Column<'a> {
    fn of(batch: &'a Batch, name: &str, kind: Kind) -> Result<Self, Error> {
        Ok(match kind {
            Kind::Text => Self::Text(batch.strings(name)?),
            Kind::Flag => Self::Flag(batch.bools(name)?),
            Kind::Int => Self::Int(batch.numbers(name)?),
            Kind::Number => Self::Number(batch.numbers(name)?),
            Kind::Micros => batch.numbers::<TimestampMicrosecondType>(name).map(|_| Self::Micros)?,
            Kind::Millis => Self::Millis(batch.numbers(name)?),
        })
    }
}

/// Takes the values of a row, each from the next column.
pub(crate) struct RowReader<'a, 'v> {
    batch: &'a Batch,
    columns: &'a [Column<'a>],
    row: usize,
    at: usize,
    values: &'v mut Values,
}

impl<'a> RowReader<'a, '_> {
    fn next(&mut self) -> Option<&'a Column<'a>> {
        self.at += 1;
        self.columns.get(self.at - 1)
    }

    /// Passes over so many columns.
    pub(crate) fn skip(&mut self, columns: usize) {
        self.at += columns;
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        match self.next() {
            Some(Column::Text(column)) => column.get(self.row),
            _ => None,
        }
    }

    pub(crate) fn str(&mut self) -> Str {
        let value = self.text();
        self.values.str(value)
    }

    pub(crate) fn long_text(&mut self) -> Text {
        let value = self.text();
        self.values.text(value)
    }

    /// Takes an id of `N` bytes; nil if absent.
    pub(crate) fn id<const N: usize>(&mut self) -> Result<RayId<N>, Error> {
        match self.text() {
            None => Ok(RayId::NIL),
            Some(hex) => RayId::from_hex(hex).ok_or_else(|| self.batch.malformed(format!("{hex:?} is no id"))),
        }
    }

    /// Takes an id of any length; no id if absent.
    pub(crate) fn any_id(&mut self) -> Result<Id, Error> {
        let hex = self.text();
        self.values.id(hex).ok_or_else(|| self.batch.malformed("an id is not in hex"))
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.next() {
            Some(Column::Flag(column)) => column.get(self.row),
            _ => None,
        }
    }

    pub(crate) fn int(&mut self) -> Option<i64> {
        match self.next() {
            Some(Column::Int(column)) => column.get(self.row),
            _ => None,
        }
    }

    /// Takes a number of another width, zero if absent.
    pub(crate) fn small<T: TryFrom<i64> + Default>(&mut self) -> Result<T, Error> {
        self.int().map_or(Ok(T::default()), |value| self.fit(value))
    }

    /// Takes a number of another width.
    pub(crate) fn maybe<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, Error> {
        self.int().map(|value| self.fit(value)).transpose()
    }

    fn fit<T: TryFrom<i64>>(&self, value: i64) -> Result<T, Error> {
        T::try_from(value).map_err(|_| self.batch.malformed(format!("{value} is out of range")))
    }

    pub(crate) fn number(&mut self) -> Option<f64> {
        match self.next() {
            Some(Column::Number(column)) => column.get(self.row),
            _ => None,
        }
    }

    /// Takes a time from two columns, the second of which is exact; zero if absent.
    pub(crate) fn time(&mut self) -> Nanos {
        self.skip(1);
        self.int().unwrap_or_default()
    }

    pub(crate) fn millis(&mut self) -> Option<i64> {
        match self.next() {
            Some(Column::Millis(column)) => column.get(self.row),
            _ => None,
        }
    }

    /// Takes a runtime environment from two columns: the true one if it was stored, else as everybody may see it.
    pub(crate) fn environment(&mut self) -> Result<Str, Error> {
        let shown = self.text();
        let index: Option<i32> = self.maybe()?;
        let found = self.values.runtime_env(index, shown);
        found.ok_or_else(|| self.batch.malformed("a runtime environment is missing"))
    }

    /// Takes a document of a kind.
    pub(crate) fn json<T: serde::de::DeserializeOwned + Default>(&mut self) -> Result<T, Error> {
        let Some(text) = self.text() else { return Ok(T::default()) };
        serde_json::from_str(text).map_err(|error| self.batch.malformed(error))
    }

    /// Returns the interned values.
    pub(crate) fn values(&mut self) -> &mut Values {
        self.values
    }

    pub(crate) fn malformed(&self, reason: impl std::fmt::Display) -> Error {
        self.batch.malformed(reason)
    }
}
