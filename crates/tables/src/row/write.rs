//! Writes rows into the columns of a batch.

use super::field::{Flag, Native, Number, Plain, Source, Word};
use super::{Columns, Record};
use crate::environments::Environments;
use crate::error::Error;
use arrow_array::builder::{ArrayBuilder, BooleanBuilder, Int64Builder, ListBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

/// A column with the values of the rows so far. The first row makes all columns.
pub(super) struct Column {
    name: &'static str,
    values: Build,
}

enum Build {
    Values(Box<dyn ArrayBuilder>),
    Lists(Lists),
}

/// Lists of rows, and the columns of their items.
struct Lists {
    is_map: bool,
    lengths: Vec<usize>,
    columns: Vec<Column>,
}

/// Takes the columns of one row, or of one item of a list.
pub(super) struct Writer<'a, 's> {
    pub(super) table: &'static str,
    pub(super) columns: &'a mut Vec<Column>,
    pub(super) next: usize,
    pub(super) source: &'a mut Source<'s>,
    pub(super) environments: &'a mut Environments,
}

/// Returns the fields and values of columns, which have no row afterwards.
pub(super) fn finish(columns: &mut [Column]) -> Result<(Fields, Vec<ArrayRef>), ArrowError> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for Column { name, values } in columns {
        let array = match values {
            Build::Values(builder) => builder.finish(),
            Build::Lists(lists) => lists.finish()?,
        };
        fields.push(Field::new(*name, array.data_type().clone(), true));
        arrays.push(array);
    }
    Ok((fields.into(), arrays))
}

impl Lists {
    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let lengths = std::mem::take(&mut self.lengths);
        let nulls: NullBuffer = lengths.iter().map(|&length| length > 0).collect();
        let offsets = OffsetBuffer::from_lengths(lengths);
        let (mut fields, arrays) = finish(&mut self.columns)?;
        if self.is_map {
            let required = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_nullable(false));
            fields = fields.iter().map(required).collect();
        }
        let items = StructArray::try_new(fields.clone(), arrays, None)?;
        let (name, nullable) = if self.is_map { ("key_value", false) } else { ("element", true) };
        let field = Arc::new(Field::new(name, DataType::Struct(fields), nullable));
        Ok(if self.is_map {
            Arc::new(MapArray::try_new(field, offsets, items, Some(nulls), false)?)
        } else {
            Arc::new(ListArray::try_new(field, offsets, Arc::new(items), Some(nulls))?)
        })
    }
}

/// Returns the next column, which is made if this is the first row; `None` if the rows before had another one.
fn take<'c>(
    columns: &'c mut Vec<Column>,
    next: &mut usize,
    name: &'static str,
    new: impl FnOnce() -> Build,
) -> Option<&'c mut Build> {
    if columns.len() == *next {
        columns.push(Column { name, values: new() });
    }
    let column = columns.get_mut(*next).filter(|column| column.name == name)?;
    *next += 1;
    Some(&mut column.values)
}

impl<'s> Writer<'_, 's> {
    /// Returns the next column of values, and the snapshot.
    fn values<B: ArrayBuilder>(
        &mut self,
        name: &'static str,
        new: impl FnOnce() -> B,
    ) -> Result<(&mut B, &mut Source<'s>), Error> {
        let error = differ(self.table, name);
        match take(self.columns, &mut self.next, name, || Build::Values(Box::new(new()))) {
            Some(Build::Values(builder)) => {
                builder.as_any_mut().downcast_mut().map(|values| (values, &mut *self.source)).ok_or(error)
            }
            _ => Err(error),
        }
    }

    fn lists<T: Record>(&mut self, name: &'static str, is_map: bool, items: &mut [T]) -> Result<(), Error> {
        let new = || Build::Lists(Lists { is_map, lengths: Vec::new(), columns: Vec::new() });
        let Some(Build::Lists(lists)) = take(self.columns, &mut self.next, name, new) else {
            return Err(differ(self.table, name));
        };
        lists.lengths.push(items.len());
        let is_new = lists.columns.is_empty();
        let mut writer = Writer {
            table: self.table,
            columns: &mut lists.columns,
            next: 0,
            source: &mut *self.source,
            environments: &mut *self.environments,
        };
        if is_new {
            // An item makes the columns, though no row may ever have one.
            T::empty().describe(&mut writer)?;
            finish(writer.columns).map_err(|error| Error::malformed(self.table, error))?;
        }
        for item in items {
            writer.next = 0;
            item.describe(&mut writer)?;
        }
        Ok(())
    }
}

/// Returns the field of the items of a list.
fn element(data_type: DataType) -> Field {
    Field::new("element", data_type, true)
}

fn differ(table: &str, name: &str) -> Error {
    Error::malformed(table, format!("rows differ in their column {name}"))
}

impl Columns for Writer<'_, '_> {
    fn string(&mut self, name: &'static str, field: &mut impl Word) -> Result<(), Error> {
        let (values, source) = self.values(name, StringBuilder::new)?;
        values.append_option(field.get(source));
        Ok(())
    }

    fn number<F: Number>(&mut self, name: &'static str, field: &mut F) -> Result<(), Error> {
        let new = || PrimitiveBuilder::<Native<F>>::new().with_data_type(F::Plain::data_type());
        let (values, _) = self.values(name, new)?;
        values.append_option(field.get().map(Plain::to_native));
        Ok(())
    }

    fn flag(&mut self, name: &'static str, field: &mut impl Flag) -> Result<(), Error> {
        let (values, _) = self.values(name, BooleanBuilder::new)?;
        values.append_option(field.get());
        Ok(())
    }

    fn list<T: Record>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<(), Error> {
        self.lists(name, false, items)
    }

    fn map<T: Record>(&mut self, name: &'static str, entries: &mut Vec<T>) -> Result<(), Error> {
        self.lists(name, true, entries)
    }

    fn numbers(&mut self, name: &'static str, items: &mut Vec<u64>) -> Result<(), Error> {
        let new = || ListBuilder::new(Int64Builder::new()).with_field(element(DataType::Int64));
        let (lists, _) = self.values(name, new)?;
        for item in items.iter() {
            lists.values().append_value(item.cast_signed());
        }
        lists.append(!items.is_empty());
        Ok(())
    }

    fn words(&mut self, name: &'static str, items: &mut Vec<Box<str>>) -> Result<(), Error> {
        let new = || ListBuilder::new(StringBuilder::new()).with_field(element(DataType::Utf8));
        let (lists, _) = self.values(name, new)?;
        for item in items.iter() {
            lists.values().append_value(item);
        }
        lists.append(!items.is_empty());
        Ok(())
    }

    fn runtime_env(&mut self, field: &mut impl Word) -> Result<(), Error> {
        let mut index = self.value_of(field).map(|text| self.environments.intern(&text));
        let shown = index.and_then(|index| self.environments.shown(index));
        let mut shown: Option<Box<str>> = shown.map(Into::into);
        self.string("runtime_env", &mut shown)?;
        self.number("_runtime_env", &mut index)
    }

    fn value_of(&mut self, field: &impl Word) -> Option<String> {
        field.get(self.source).map(Cow::into_owned)
    }

    fn malformed(&self, reason: impl Display) -> Error {
        Error::malformed(self.table, reason)
    }
}
