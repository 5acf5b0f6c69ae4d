//! Takes the values of rows.

use super::Kind;
use crate::columns::{Batch, Bools, Numbers, Strings};
use crate::error::Error;
use crate::values::Values;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType};
use ray_history_core::base::id::RayId;
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::intern::{Id, Str};
use ray_history_core::snapshot::text::Text;

/// A column of a batch.
pub(super) enum Column<'a> {
    Text(Strings<'a>),
    Flag(Bools<'a>),
    Int(Numbers<'a, Int64Type>),
    Number(Numbers<'a, Float64Type>),
    Micros,
    Millis(Numbers<'a, TimestampMillisecondType>),
}

impl<'a> Column<'a> {
    pub(super) fn of(batch: &'a Batch, name: &str, kind: Kind) -> Result<Self, Error> {
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

impl<'a, 'v> RowReader<'a, 'v> {
    pub(super) fn new(batch: &'a Batch, columns: &'a [Column<'a>], row: usize, values: &'v mut Values) -> Self {
        Self { batch, columns, row, at: 0, values }
    }

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
