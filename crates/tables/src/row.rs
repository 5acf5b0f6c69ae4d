//! Rows that describe their columns themselves: one description names a table's columns, writes them and reads them.
//!
//! A description takes its row apart without `..`, so that a new field cannot be forgotten, and hands each field to
//! `Columns`. The writer takes a field's value and leaves the field as it is; the reader puts a value there. So a table
//! has no second list of columns that could differ from the first. The price is some time for each value, which tables
//! of attempts cannot pay: those have code of their own.

mod field;
mod file;
mod json;
mod moment;
mod read;
mod write;

pub(crate) use field::{Count, Enum, Flag, NonZero, Number, Source, Word};
pub(crate) use file::{layout, read, read_unnamed, write};
pub(crate) use json::json;
pub(crate) use moment::Moment;

use crate::error::Error;
use crate::micros::{self, Packed};
use crate::values::Values;
use moment::{Exact, Micros, Millis};

/// A row of a table, or an item of a list in a row.
pub(crate) trait Record {
    /// Returns one without any value.
    fn empty() -> Self;

    /// Passes every field to `columns`: always the same columns in the same order, whatever the values.
    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error>;
}

/// A row of a table.
pub(crate) trait Row: Record + Clone {
    /// The table's name.
    const TABLE: &'static str;

    /// Returns `true` if `next` may follow this row.
    fn is_before(&self, next: &Self, values: &Values) -> bool;
}

/// One way through the columns of a row: to write them, or to read them.
pub(crate) trait Columns: Sized {
    /// Passes a column of strings.
    fn string(&mut self, name: &'static str, field: &mut impl Word) -> Result<(), Error>;

    /// Passes a column of numbers.
    fn number<F: Number>(&mut self, name: &'static str, field: &mut F) -> Result<(), Error>;

    /// Passes a column of truth values.
    fn flag(&mut self, name: &'static str, field: &mut impl Flag) -> Result<(), Error>;

    /// Passes a column of lists; an empty one is absent.
    fn list<T: Record>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<(), Error>;

    /// Passes a column of maps; an empty one is absent.
    fn map<T: Record>(&mut self, name: &'static str, entries: &mut Vec<T>) -> Result<(), Error>;

    /// Passes a column of lists of numbers; an empty one is absent.
    fn numbers(&mut self, name: &'static str, items: &mut Vec<u64>) -> Result<(), Error>;

    /// Passes a column of lists of strings; an empty one is absent.
    fn words(&mut self, name: &'static str, items: &mut Vec<Box<str>>) -> Result<(), Error>;

    /// Passes a runtime environment: without values in `runtime_env`, and as an index of all in `_runtime_env`.
    fn runtime_env(&mut self, field: &mut impl Word) -> Result<(), Error>;

    /// Returns what a field holds, to show more of it in columns that follow from it; `None` while reading.
    fn value_of(&mut self, field: &impl Word) -> Option<String>;

    /// Returns an error about the table.
    fn malformed(&self, reason: impl std::fmt::Display) -> Error;

    /// Passes up to six times in nanoseconds: their microseconds, and what is below these in `_nanos`.
    fn times<const N: usize>(&mut self, times: [(&'static str, &mut dyn Moment); N]) -> Result<(), Error> {
        let mut below = Packed::default();
        for (n, (_, time)) in times.iter().enumerate() {
            below.set(n, time.get().and_then(|at| i64::try_from(at).ok()).map_or(0, |at| micros::split(at).1));
        }
        self.number("_nanos", &mut NonZero(&mut below.0[0]))?;
        for (n, (name, time)) in times.into_iter().enumerate() {
            let at = time.get().and_then(|at| i64::try_from(at).ok());
            let mut shown = at.map(|at| Micros(micros::split(at).0));
            self.number(name, &mut shown)?;
            let at = shown.map_or(Some(None), |shown| micros::join(shown.0, below.get(n)).map(Some));
            let taken = at.and_then(|at| time.set(at.map(i128::from)));
            taken.ok_or_else(|| self.malformed(format!("{name} is out of range")))?;
        }
        Ok(())
    }

    /// Passes times in milliseconds. Where one is beyond what calendars of readers have, all of the row are in `_millis`.
    fn millis<const N: usize>(&mut self, times: [(&'static str, &mut dyn Moment); N]) -> Result<(), Error> {
        let mut exact = Exact::of(times.iter().map(|(_, time)| time.get()));
        self.string("_millis", &mut exact)?;
        for (n, (name, time)) in times.into_iter().enumerate() {
            let mut shown = time.get().map(Millis::of);
            self.number(name, &mut shown)?;
            let at = exact.as_ref().map_or_else(|| shown.map(|shown| i128::from(shown.0)), |exact| exact.get(n));
            time.set(at).ok_or_else(|| self.malformed(format!("{name} is out of range")))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
