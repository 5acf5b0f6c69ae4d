//! Filters of the state API: the repeatable parameters `filter_keys`, `filter_predicates` and `filter_values`.

use super::{Column, Kind, Resource};
use crate::cell::Cell;
use crate::{Query, RayError};
use ray_history_core::base::id::push_hex;

/// A comparison of a column with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
}

/// The value to compare with, converted to the column's type.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Text(String),
    Int(i64),
    Bool(bool),
    /// Equals nothing.
    Nothing,
}

/// One condition; a row must meet all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The column's name.
    pub column: &'static str,
    /// The comparison.
    pub predicate: Predicate,
    /// The value as given in the query.
    pub given: String,
    operand: Operand,
    optional: bool,
}

/// Parses the filters. An unknown column, predicate or value is refused with Ray's error text.
pub fn parse(query: &Query, columns: &'static [Column]) -> Result<Vec<Filter>, RayError> {
    let keys: Vec<&str> = query.all("filter_keys").collect();
    let values: Vec<&str> = query.all("filter_values").collect();
    if keys.len() != values.len() {
        return Err(RayError::BadQuery(format!("{} filter_keys but {} filter_values", keys.len(), values.len())));
    }
    let predicates = query.all("filter_predicates");
    keys.iter()
        .zip(predicates)
        .zip(values)
        .map(|((key, predicate), value)| parse_one(key, predicate, value, columns))
        .collect()
}

fn parse_one(key: &str, predicate: &str, value: &str, columns: &'static [Column]) -> Result<Filter, RayError> {
    let predicate = match predicate {
        "=" => Predicate::Equal,
        "!=" => Predicate::NotEqual,
        other => {
            return Err(RayError::BadQuery(format!(
                "Unsupported filter predicate {other} is given. Available predicates: =, !=."
            )));
        }
    };
    let column = columns.iter().find(|column| column.filterable && column.name.eq_ignore_ascii_case(key));
    let Some(column) = column else {
        let known: Vec<_> = columns.iter().filter(|c| c.filterable).map(|c| format!("'{}'", c.name)).collect();
        return Err(RayError::BadQuery(format!(
            "The given filter column {} is not supported. Enter filters with –-filter key=value or –-filter \
             key!=value Supported filter columns: {{{}}}",
            key.to_lowercase(),
            known.join(", ")
        )));
    };
    let operand = match (column.kind, predicate) {
        (Kind::IntOrNull | Kind::BoolOrNull, Predicate::NotEqual) => Some(Operand::Nothing),
        (Kind::Int | Kind::IntOrNull, _) => value.trim().parse().ok().map(Operand::Int),
        (Kind::Bool | Kind::BoolOrNull, _) => boolean(value).map(Operand::Bool),
        (Kind::Text | Kind::Other, _) => Some(Operand::Text(value.to_lowercase())),
    };
    let operand = operand.ok_or_else(|| RayError::BadQuery(type_error(column.kind, key, value)))?;
    Ok(Filter { column: column.name, predicate, given: value.to_owned(), operand, optional: column.optional })
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "True" | "true" | "1" => Some(true),
        "False" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Returns Ray's error text for a value that does not have its column's type.
fn type_error(kind: Kind, key: &str, value: &str) -> String {
    let (name, hint) = match kind {
        Kind::IntOrNull => return format!("Failed to convert a value {value} of type <class 'str'> to <class 'int'>"),
        Kind::BoolOrNull => {
            return format!("Failed to convert a value {value} of type <class 'str'> to <class 'bool'>");
        }
        Kind::Int => ("int", format!("an integer filter `--filter {key} [int]`")),
        _ => (
            "boolean",
            format!("`--filter {key} [True|true|1]` for True or `--filter {key} [False|false|0]` for False."),
        ),
    };
    format!("Invalid filter `--filter {key} {value}` for a {name} type column. Please provide {hint}")
}

/// Returns `true` if a row meets all conditions.
pub fn passes<R: Resource>(resource: &R, row: usize, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| filter.accepts(&resource.cell(row, filter.column)))
}

impl Filter {
    /// Returns `true` if a value meets the condition.
    ///
    /// Null equals nothing and differs from everything, but never matches in an `optional` column.
    pub fn accepts(&self, cell: &Cell<'_>) -> bool {
        if self.optional && *cell == Cell::Null {
            return false;
        }
        self.equals(cell) == (self.predicate == Predicate::Equal)
    }

    fn equals(&self, cell: &Cell<'_>) -> bool {
        match (&self.operand, cell) {
            (Operand::Int(operand), Cell::Int(value)) => operand == value,
            (Operand::Bool(operand), Cell::Bool(value)) => operand == value,
            (Operand::Text(operand), Cell::Str(value)) => {
                if value.is_ascii() {
                    value.eq_ignore_ascii_case(operand)
                } else {
                    value.to_lowercase() == *operand
                }
            }
            (Operand::Text(operand), Cell::Hex(id)) => {
                operand.len() == 2 * id.len() && {
                    let mut hex = Vec::with_capacity(operand.len());
                    push_hex(&mut hex, id);
                    hex == operand.as_bytes()
                }
            }
            (Operand::Text(operand), Cell::Int(value)) => operand.parse() == Ok(*value),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::filterable("name", Kind::Text),
        Column::filterable("pid", Kind::Int),
        Column::filterable("up", Kind::Bool),
        Column::filterable("port", Kind::IntOrNull),
        Column::filterable("paused", Kind::BoolOrNull),
        Column::filterable("error_type", Kind::Text).optional(),
        Column::plain("events"),
    ];

    fn filter(key: &str, predicate: &str, value: &str) -> Result<Filter, RayError> {
        parse_one(key, predicate, value, COLUMNS)
    }

    #[test]
    fn ignores_case_and_null_equals_nothing() {
        for (predicate, cell, accepted) in [
            ("=", Cell::Str("ABC".into()), true),
            ("=", Cell::Str("abcd".into()), false),
            ("!=", Cell::Str("abd".into()), true),
            ("=", Cell::Null, false),
            ("!=", Cell::Null, true),
            ("=", Cell::Hex(&[0xab]), false),
        ] {
            assert_eq!(filter("Name", predicate, "aBc").unwrap().accepts(&cell), accepted, "{predicate} {cell:?}");
        }
        assert!(filter("name", "=", "0AfF").unwrap().accepts(&Cell::Hex(&[0x0a, 0xff])));
        assert!(filter("pid", "=", "7").unwrap().accepts(&Cell::Int(7)));
        assert!(filter("up", "!=", "0").unwrap().accepts(&Cell::Bool(true)));
        assert!(!filter("error_type", "!=", "X").unwrap().accepts(&Cell::Null), "Ray leaves it out");
    }

    #[test]
    fn optional_values_always_differ() {
        for (key, predicate, value, cell, accepted) in [
            ("port", "=", "7", Cell::Int(7), true),
            ("port", "=", "8", Cell::Int(7), false),
            ("port", "!=", "7", Cell::Int(7), true),
            ("port", "!=", "x", Cell::Null, true),
            ("paused", "=", "true", Cell::Bool(true), true),
            ("paused", "!=", "true", Cell::Bool(true), true),
        ] {
            assert_eq!(filter(key, predicate, value).unwrap().accepts(&cell), accepted, "{key} {predicate} {value}");
        }
    }

    #[test]
    fn refuses_invalid_filters_with_rays_text() {
        for (key, predicate, value, words) in [
            ("bogus", "=", "1", "Supported filter columns: {'name', 'pid', 'up', 'port', 'paused', 'error_type'}"),
            ("events", "=", "1", "not supported"),
            ("name", "<", "1", "Available predicates: =, !=."),
            ("pid", "=", "x", "for a int type column"),
            ("up", "=", "x", "for a boolean type column"),
            ("port", "=", "x", "Failed to convert a value x of type <class 'str'> to <class 'int'>"),
            ("paused", "=", "x", "Failed to convert a value x of type <class 'str'> to <class 'bool'>"),
        ] {
            let Err(RayError::BadQuery(message)) = filter(key, predicate, value) else { panic!("{key} was accepted") };
            assert!(message.contains(words), "{message}");
        }
    }
}
