//! Appends the values of rows.

use super::Kind;
use crate::environments::Environments;
use crate::error::Error;
use crate::micros::split;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
    TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use ray_history_core::base::id::RayId;
use ray_history_core::base::time::Nanos;
use std::sync::Arc;

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
    pub(super) fn new(columns: &[(&str, Kind)]) -> Self {
        Self { builders: columns.iter().map(|(_, kind)| Builder::new(*kind)).collect(), at: 0 }
    }

    /// Begins the next row.
    pub(super) fn end_row(&mut self) {
        debug_assert_eq!(self.at, self.builders.len(), "a row has a value for each column");
        self.at = 0;
    }

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

    pub(super) fn finish(self, table: &str, schema: &SchemaRef) -> Result<RecordBatch, Error> {
        let columns = self.builders.into_iter().map(Builder::finish).collect();
        RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| Error::malformed(table, error))
    }
}
