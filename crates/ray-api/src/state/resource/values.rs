//! Rows that are JSON objects already, each read on demand.

use super::{Column, Kind, Resource};
use crate::cell::Cell;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::marker::PhantomData;

/// The columns of a resource.
pub trait Columns: Send + 'static {
    /// Ray's columns in Ray's order.
    const COLUMNS: &'static [Column];
}

/// A source of objects by index.
pub trait Objects: Send + 'static {
    /// Returns the number of objects.
    fn count(&self) -> usize;

    /// Returns the members of an object.
    fn object(&self, row: usize) -> Map<String, Value>;
}

fn is_int(kind: Kind) -> bool {
    matches!(kind, Kind::Int | Kind::IntOrNull)
}

/// Objects as rows; a missing member is null.
#[derive(Debug)]
pub struct Values<C, O> {
    objects: O,
    /// The row read last, kept because its columns are requested one after another.
    last: RefCell<(usize, Map<String, Value>)>,
    columns: PhantomData<C>,
}

impl<C, O> Values<C, O> {
    /// Creates rows with the columns of `C` from objects.
    pub fn new(objects: O) -> Self {
        Self { objects, last: RefCell::new((usize::MAX, Map::new())), columns: PhantomData }
    }
}

impl<C: Columns, O: Objects> Resource for Values<C, O> {
    const COLUMNS: &'static [Column] = C::COLUMNS;

    fn rows(&self) -> usize {
        self.objects.count()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        let mut last = self.last.borrow_mut();
        if last.0 != row {
            *last = (row, self.objects.object(row));
        }
        let number = C::COLUMNS.iter().any(|known| known.name == column && is_int(known.kind));
        match last.1.get(column) {
            None | Some(Value::Null) => Cell::Null,
            Some(Value::String(text)) => Cell::Str(text.clone().into()),
            Some(Value::Bool(value)) => Cell::Bool(*value),
            Some(Value::Number(value)) if number => value.as_i64().map_or(Cell::Null, Cell::Int),
            Some(value) => Cell::Json(value.to_string().into_bytes().into()),
        }
    }
}
