//! Reads rows from the columns of a batch.

use super::field::{Flag, Native, Number, Plain, Word};
use super::{Columns, Record};
use crate::columns::Strings;
use crate::error::Error;
use crate::values::Values;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, MapArray, PrimitiveArray, StringArray, StructArray};
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

/// A column that was read, by name; `None` if it has no value at all.
pub(super) type Column = (String, Option<ArrayRef>);

/// Gives the columns of one row, or of one item of a list.
pub(super) struct Reader<'a> {
    pub(super) table: &'static str,
    pub(super) columns: &'a [Column],
    pub(super) next: usize,
    /// The row, which every column has.
    pub(super) row: usize,
    /// Bytes of texts that may still be taken.
    pub(super) texts: &'a mut u64,
    pub(super) values: &'a mut Values,
}

impl<'a> Reader<'a> {
    /// Returns the next column, as one array type.
    fn take<T: Array + 'static>(&mut self, name: &str) -> Result<Option<&'a T>, Error> {
        let Some(column) = self.column(name)? else { return Ok(None) };
        let wrong = || self.malformed(format!("the column {name} is of another type"));
        column.as_any().downcast_ref().map(Some).ok_or_else(wrong)
    }

    fn column(&mut self, name: &str) -> Result<Option<&'a ArrayRef>, Error> {
        let Some((_, column)) = self.columns.get(self.next).filter(|(found, _)| found == name) else {
            return Err(self.malformed(format!("there is no column {name} where it should be")));
        };
        self.next += 1;
        Ok(column.as_ref())
    }

    fn word(&mut self, name: &str) -> Result<Option<&'a str>, Error> {
        let Some(column) = self.column(name)? else { return Ok(None) };
        let strings = Strings::of(column);
        let strings = strings.ok_or_else(|| self.malformed(format!("the column {name} is of another type")))?;
        let word = strings.get(self.row);
        self.count(word.map_or(0, str::len))?;
        Ok(word)
    }

    /// Counts the bytes of a text. Fails if those of all rows are more than any file of ours has.
    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        let left = self.texts.checked_sub(bytes as u64);
        *self.texts = left.ok_or_else(|| self.malformed("its texts are too long"))?;
        Ok(())
    }

    /// Returns the items of a list of values in this row.
    fn plain_list(&mut self, name: &str) -> Result<Option<ArrayRef>, Error> {
        let lists: Option<&ListArray> = self.take(name)?;
        Ok(lists.filter(|lists| lists.is_valid(self.row)).map(|lists| lists.value(self.row)))
    }

    /// Reads the items that a list or a map has in this row.
    fn items<T: Record>(&mut self, name: &str, range: Range<i32>, all: &StructArray) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        if range.is_empty() {
            return Ok(items);
        }
        let outside = || Error::malformed(self.table, format!("the lists of {name} are longer than their items"));
        let range = range.start.try_into().map_err(|_| outside())?..range.end.try_into().map_err(|_| outside())?;
        if range.end > all.len() {
            return Err(outside());
        }
        let columns = all.fields().iter().zip(all.columns());
        let columns: Vec<Column> =
            columns.map(|(field, column)| (field.name().clone(), Some(Arc::clone(column)))).collect();
        for row in range {
            let (texts, values) = (&mut *self.texts, &mut *self.values);
            let mut reader = Reader { table: self.table, columns: &columns, next: 0, row, texts, values };
            let mut item = T::empty();
            item.describe(&mut reader)?;
            items.push(item);
        }
        Ok(items)
    }
}

/// Returns the places of the items of a row.
fn range(offsets: &[i32], row: usize) -> Range<i32> {
    match offsets.get(row..=row + 1) {
        Some(&[start, end]) => start..end,
        _ => 0..0,
    }
}

impl Columns for Reader<'_> {
    fn string(&mut self, name: &'static str, field: &mut impl Word) -> Result<(), Error> {
        let value = self.word(name)?;
        field.set(value, self.values).ok_or_else(|| self.malformed(format!("{name} has a value that it cannot have")))
    }

    fn number<F: Number>(&mut self, name: &'static str, field: &mut F) -> Result<(), Error> {
        let column: Option<&PrimitiveArray<Native<F>>> = self.take(name)?;
        let value = column.filter(|column| column.is_valid(self.row)).map(|column| column.value(self.row));
        let value = value.map_or(Some(None), |value| F::Plain::of_native(value).map(Some));
        field.set(value.ok_or_else(|| self.malformed(format!("{name} has a value that it cannot have")))?);
        Ok(())
    }

    fn flag(&mut self, name: &'static str, field: &mut impl Flag) -> Result<(), Error> {
        let column: Option<&BooleanArray> = self.take(name)?;
        field.set(column.filter(|column| column.is_valid(self.row)).map(|column| column.value(self.row)));
        Ok(())
    }

    fn list<T: Record>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<(), Error> {
        items.clear();
        let lists: Option<&ListArray> = self.take(name)?;
        if let Some(lists) = lists.filter(|lists| lists.is_valid(self.row)) {
            let all = lists.values().as_any().downcast_ref();
            let all = all.ok_or_else(|| self.malformed(format!("the lists of {name} are of another type")))?;
            *items = self.items(name, range(lists.value_offsets(), self.row), all)?;
        }
        Ok(())
    }

    fn map<T: Record>(&mut self, name: &'static str, entries: &mut Vec<T>) -> Result<(), Error> {
        entries.clear();
        let maps: Option<&MapArray> = self.take(name)?;
        if let Some(maps) = maps.filter(|maps| maps.is_valid(self.row)) {
            *entries = self.items(name, range(maps.value_offsets(), self.row), maps.entries())?;
        }
        Ok(())
    }

    fn numbers(&mut self, name: &'static str, items: &mut Vec<u64>) -> Result<(), Error> {
        items.clear();
        if let Some(list) = self.plain_list(name)? {
            let wrong = || self.malformed(format!("the lists of {name} are of another type"));
            let numbers: &PrimitiveArray<Int64Type> = list.as_any().downcast_ref().ok_or_else(wrong)?;
            items.extend(numbers.iter().map(|number| number.unwrap_or_default().cast_unsigned()));
        }
        Ok(())
    }

    fn words(&mut self, name: &'static str, items: &mut Vec<Box<str>>) -> Result<(), Error> {
        items.clear();
        if let Some(list) = self.plain_list(name)? {
            let wrong = || self.malformed(format!("the lists of {name} are of another type"));
            let words: &StringArray = list.as_any().downcast_ref().ok_or_else(wrong)?;
            self.count(words.iter().flatten().map(str::len).sum())?;
            items.extend(words.iter().map(|word| Box::from(word.unwrap_or_default())));
        }
        Ok(())
    }

    fn runtime_env(&mut self, field: &mut impl Word) -> Result<(), Error> {
        let shown = self.word("runtime_env")?;
        let mut index: Option<i32> = None;
        self.number("_runtime_env", &mut index)?;
        let beyond = || Error::malformed(self.table, "a runtime environment is not in the list");
        let handle = self.values.runtime_env(index, shown).ok_or_else(beyond)?;
        let text = Some(self.values.strings.values().str(handle).to_owned()).filter(|text| !text.is_empty());
        field.set(text.as_deref(), self.values).ok_or_else(|| self.malformed("runtime_env cannot be taken"))
    }

    fn value_of(&mut self, _field: &impl Word) -> Option<String> {
        None
    }

    fn malformed(&self, reason: impl Display) -> Error {
        Error::malformed(self.table, reason)
    }
}
