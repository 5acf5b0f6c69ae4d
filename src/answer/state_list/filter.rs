//! Filters of the state API: `filter_keys`, `filter_predicates` and `filter_values`, given together any number of times.

use super::{Cell, Column, Kind, Resource};
use crate::answer::{Question, Refusal};
use crate::base::id::push_hex;

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
}

/// A value to compare with, of the column's kind.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Text(String),
    Int(i64),
    Bool(bool),
    /// Equals nothing.
    Nothing,
}

/// One condition; a row must meet all.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The column's name.
    pub column: &'static str,
    /// How it is compared.
    pub predicate: Predicate,
    /// The value as it was given.
    pub given: String,
    wanted: Wanted,
    optional: bool,
}

/// Reads the filters; an unknown column, predicate or value is refused in Ray's words.
pub fn parse(question: &Question, columns: &'static [Column]) -> Result<Vec<Filter>, Refusal> {
    let keys: Vec<&str> = question.all("filter_keys").collect();
    let values: Vec<&str> = question.all("filter_values").collect();
    if keys.len() != values.len() {
        return Err(Refusal::BadQuestion(format!("{} filter_keys but {} filter_values", keys.len(), values.len())));
    }
    let predicates = question.all("filter_predicates");
    keys.iter()
        .zip(predicates)
        .zip(values)
        .map(|((key, predicate), value)| one(key, predicate, value, columns))
        .collect()
}

fn one(key: &str, predicate: &str, value: &str, columns: &'static [Column]) -> Result<Filter, Refusal> {
    let predicate = match predicate {
        "=" => Predicate::Equal,
        "!=" => Predicate::NotEqual,
        other => {
            return Err(Refusal::BadQuestion(format!(
                "Unsupported filter predicate {other} is given. Available predicates: =, !=."
            )));
        }
    };
    let column = columns.iter().find(|column| column.filterable && column.name.eq_ignore_ascii_case(key));
    let Some(column) = column else {
        let known: Vec<_> = columns.iter().filter(|c| c.filterable).map(|c| format!("'{}'", c.name)).collect();
        return Err(Refusal::BadQuestion(format!(
            "The given filter column {} is not supported. Enter filters with –-filter key=value or –-filter \
             key!=value Supported filter columns: {{{}}}",
            key.to_lowercase(),
            known.join(", ")
        )));
    };
    let wanted = match (column.kind, predicate) {
        (Kind::IntOrNull | Kind::BoolOrNull, Predicate::NotEqual) => Some(Wanted::Nothing),
        (Kind::Int | Kind::IntOrNull, _) => value.trim().parse().ok().map(Wanted::Int),
        (Kind::Bool | Kind::BoolOrNull, _) => boolean(value).map(Wanted::Bool),
        (Kind::Text | Kind::Other, _) => Some(Wanted::Text(value.to_lowercase())),
    };
    let wanted = wanted.ok_or_else(|| Refusal::BadQuestion(unfit(column.kind, key, value)))?;
    Ok(Filter { column: column.name, predicate, given: value.to_owned(), wanted, optional: column.optional })
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "True" | "true" | "1" => Some(true),
        "False" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Ray's words for a value that is not of its column's kind.
fn unfit(kind: Kind, key: &str, value: &str) -> String {
    let (name, how) = match kind {
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
    format!("Invalid filter `--filter {key} {value}` for a {name} type column. Please provide {how}")
}

/// Whether a row meets all conditions.
pub fn passes<R: Resource>(resource: &R, row: usize, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| filter.accepts(&resource.cell(row, filter.column)))
}

impl Filter {
    /// Whether a value meets the condition. A null equals nothing and differs from everything, but where Ray leaves the
    /// column out.
    pub fn accepts(&self, cell: &Cell<'_>) -> bool {
        if self.optional && *cell == Cell::Null {
            return false;
        }
        self.equals(cell) == (self.predicate == Predicate::Equal)
    }

    fn equals(&self, cell: &Cell<'_>) -> bool {
        match (&self.wanted, cell) {
            (Wanted::Int(wanted), Cell::Int(value)) => wanted == value,
            (Wanted::Bool(wanted), Cell::Bool(value)) => wanted == value,
            (Wanted::Text(wanted), Cell::Str(value)) => {
                if value.is_ascii() {
                    value.eq_ignore_ascii_case(wanted)
                } else {
                    value.to_lowercase() == *wanted
                }
            }
            (Wanted::Text(wanted), Cell::Hex(id)) => {
                wanted.len() == 2 * id.len() && {
                    let mut hex = Vec::with_capacity(wanted.len());
                    push_hex(&mut hex, id);
                    hex == wanted.as_bytes()
                }
            }
            (Wanted::Text(wanted), Cell::Int(value)) => wanted.parse() == Ok(*value),
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

    fn filter(key: &str, predicate: &str, value: &str) -> Result<Filter, Refusal> {
        one(key, predicate, value, COLUMNS)
    }

    #[test]
    fn text_is_compared_without_case_and_null_equals_nothing() {
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
    fn what_may_be_null_is_converted_for_equal_and_differs_from_all_that_is_given() {
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
    fn what_cannot_be_asked_is_refused_and_says_what_can() {
        for (key, predicate, value, words) in [
            ("bogus", "=", "1", "Supported filter columns: {'name', 'pid', 'up', 'port', 'paused', 'error_type'}"),
            ("events", "=", "1", "not supported"),
            ("name", "<", "1", "Available predicates: =, !=."),
            ("pid", "=", "x", "for a int type column"),
            ("up", "=", "x", "for a boolean type column"),
            ("port", "=", "x", "Failed to convert a value x of type <class 'str'> to <class 'int'>"),
            ("paused", "=", "x", "Failed to convert a value x of type <class 'str'> to <class 'bool'>"),
        ] {
            let Err(Refusal::BadQuestion(message)) = filter(key, predicate, value) else {
                panic!("{key} was accepted")
            };
            assert!(message.contains(words), "{message}");
        }
    }
}
