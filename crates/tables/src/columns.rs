//! The columns of a batch that was read, by name and type.

use crate::error::Error;
use arrow_array::types::{ArrowPrimitiveType, Int32Type};
use arrow_array::{Array, ArrayRef, BooleanArray, DictionaryArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::SchemaRef;

/// One batch of a table.
#[derive(Debug)]
pub(crate) struct Batch {
    table: &'static str,
    /// The columns that the table has.
    schema: SchemaRef,
    /// The columns that were read: those with any value.
    filled: RecordBatch,
}

/// A column of strings: with a dictionary, without, or without any value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Strings<'a> {
    Dictionary(&'a DictionaryArray<Int32Type>, &'a StringArray),
    Plain(&'a StringArray),
    Absent,
}

/// A column of numbers, or one without any value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a, T: ArrowPrimitiveType>(Option<&'a PrimitiveArray<T>>);

/// A column of truth values, or one without any value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bools<'a>(Option<&'a BooleanArray>);

impl Batch {
    pub(crate) fn new(table: &'static str, schema: SchemaRef, batch: RecordBatch) -> Self {
        Self { table, schema, filled: batch }
    }

    /// Returns the number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.filled.num_rows()
    }

    /// Returns a column; `None` if it has no value at all.
    pub(crate) fn column(&self, name: &str) -> Result<Option<&ArrayRef>, Error> {
        if self.schema.index_of(name).is_err() {
            return Err(self.malformed(format!("there is no column {name}")));
        }
        Ok(self.filled.column_by_name(name))
    }

    /// Returns a column of one array type; `None` if it has no value at all.
    pub(crate) fn of_type<T: Array + 'static>(&self, name: &str) -> Result<Option<&T>, Error> {
        let Some(column) = self.column(name)? else { return Ok(None) };
        let wrong = || self.malformed(format!("the column {name} is of another type"));
        column.as_any().downcast_ref().map(Some).ok_or_else(wrong)
    }

    /// Returns a column of strings.
    pub(crate) fn strings(&self, name: &str) -> Result<Strings<'_>, Error> {
        let Some(column) = self.column(name)? else { return Ok(Strings::Absent) };
        Strings::of(column).ok_or_else(|| self.malformed(format!("the column {name} is of another type")))
    }

    /// Returns a column of numbers or times.
    pub(crate) fn numbers<T: ArrowPrimitiveType>(&self, name: &str) -> Result<Numbers<'_, T>, Error> {
        Ok(Numbers(self.of_type(name)?))
    }

    /// Returns a column of truth values.
    pub(crate) fn bools(&self, name: &str) -> Result<Bools<'_>, Error> {
        Ok(Bools(self.of_type(name)?))
    }

    /// Returns an error about this table.
    pub(crate) fn malformed(&self, reason: impl std::fmt::Display) -> Error {
        Error::malformed(self.table, reason)
    }
}

impl<'a> Strings<'a> {
    /// Returns a column of strings; `None` if it is of another type.
    pub(crate) fn of(column: &'a ArrayRef) -> Option<Self> {
        if let Some(plain) = column.as_any().downcast_ref() {
            return Some(Self::Plain(plain));
        }
        let keys: &DictionaryArray<Int32Type> = column.as_any().downcast_ref()?;
        Some(Self::Dictionary(keys, keys.values().as_any().downcast_ref()?))
    }

    /// Returns the value of a row, which must be below the number of rows.
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        match *self {
            Self::Dictionary(keys, values) => {
                let key = keys.key(row)?;
                (key < values.len() && values.is_valid(key)).then(|| values.value(key))
            }
            Self::Plain(values) => values.is_valid(row).then(|| values.value(row)),
            Self::Absent => None,
        }
    }
}

impl<T: ArrowPrimitiveType> Numbers<'_, T> {
    /// Returns `true` if no row has a value.
    pub(crate) fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the value of a row, which must be below the number of rows.
    pub(crate) fn get(&self, row: usize) -> Option<T::Native> {
        self.0.filter(|column| column.is_valid(row)).map(|column| column.value(row))
    }
}

impl Bools<'_> {
    /// Returns the value of a row, which must be below the number of rows.
    pub(crate) fn get(self, row: usize) -> Option<bool> {
        self.0.filter(|column| column.is_valid(row)).map(|column| column.value(row))
    }
}
