//! Rows that are JSON objects already: for resources of which there are few.

use super::{Cell, Column, Kind, Resource};
use serde_json::{Map, Value};
use std::marker::PhantomData;

/// Names the columns of a resource.
pub trait Columns: Send + 'static {
    /// Ray's columns in Ray's order.
    const COLUMNS: &'static [Column];
}

fn is_int(kind: Kind) -> bool {
    matches!(kind, Kind::Int | Kind::IntOrNull)
}

/// Objects as rows; a missing member is null.
#[derive(Debug)]
pub struct Values<C> {
    rows: Vec<Map<String, Value>>,
    columns: PhantomData<C>,
}

impl<C> Values<C> {
    /// These rows, in this order.
    pub fn new(rows: Vec<Map<String, Value>>) -> Self {
        Self { rows, columns: PhantomData }
    }
}

impl<C: Columns> Resource for Values<C> {
    const COLUMNS: &'static [Column] = C::COLUMNS;

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        let number = C::COLUMNS.iter().any(|known| known.name == column && is_int(known.kind));
        match self.rows.get(row).and_then(|row| row.get(column)) {
            None | Some(Value::Null) => Cell::Null,
            Some(Value::String(text)) => Cell::Str(text.as_str().into()),
            Some(Value::Bool(value)) => Cell::Bool(*value),
            Some(Value::Number(value)) if number => value.as_i64().map_or(Cell::Null, Cell::Int),
            Some(value) => Cell::Json(value.to_string().into_bytes().into()),
        }
    }
}
