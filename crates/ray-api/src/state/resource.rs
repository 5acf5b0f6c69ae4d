//! Lists of Ray's state API (`/api/v0/…`): columns, filters, limits, counts, and the envelope around the rows.
//!
//! A resource declares its columns and returns a `Cell` for each; everything else is common to all resources.
//! Rows are written directly from the tables, in pieces, so that memory stays constant however long the list is.
//! Source: `ray/dashboard/state_api_utils.py`, `state_aggregator.py`, `ray/util/state/common.py`.

mod filter;
mod id;
mod options;
mod values;

pub use filter::{Filter, Predicate, parse as parse_filters, passes};
pub use id::check_id;
pub use options::{MAX_LIMIT, Options};
pub use values::{Columns, Objects, Values};

use crate::cell::Cell;
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError, pieces};

/// The type of a column's values, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, compared case-insensitively.
    Text,
    /// Whole numbers.
    Int,
    /// `true` or `false`.
    Bool,
    /// Whole numbers or null (`Optional[int]`). Ray's filters do not resolve `Optional`: `!=` compares with the
    /// unparsed text and so excludes no row.
    IntOrNull,
    /// `true`, `false` or null (`Optional[bool]`), filtered like `IntOrNull`.
    BoolOrNull,
    /// Any other type, which is never filterable.
    Other,
}

/// A column of a resource, in Ray's order.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Ray's name.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// `true` if `filter_keys` may name it.
    pub filterable: bool,
    /// `true` if it is only shown with `detail`.
    pub detail: bool,
    /// `true` if Ray omits it from rows without a value. No filter on it matches such a row, not even `!=`, because
    /// Ray tests for the key first.
    pub optional: bool,
}

impl Column {
    /// Creates a filterable column.
    pub const fn filterable(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, filterable: true, detail: false, optional: false }
    }

    /// Creates a column that is not filterable.
    pub const fn plain(name: &'static str) -> Self {
        Self { name, kind: Kind::Other, filterable: false, detail: false, optional: false }
    }

    /// Makes the column visible only with `detail`.
    #[must_use]
    pub const fn only_detail(self) -> Self {
        Self { detail: true, ..self }
    }

    /// Marks the column as omitted by Ray in rows without a value.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// A resource of the state API: its columns, and its rows by index in Ray's order.
pub trait Resource {
    /// Ray's columns in Ray's order.
    const COLUMNS: &'static [Column];

    /// Returns the names of the columns in a row of the answer, in Ray's order.
    fn shown(detail: bool) -> Vec<&'static str> {
        Self::COLUMNS.iter().filter(|column| detail || !column.detail).map(|column| column.name).collect()
    }

    /// Returns the number of rows before any filter.
    fn rows(&self) -> usize;

    /// Returns the value of a row in the named column.
    fn cell(&self, row: usize, column: &'static str) -> Cell<'_>;

    /// Returns `false` if Ray's source leaves a row out because of a filter, so that `num_after_truncation` does not
    /// count it. Most sources send every row, and filters apply afterwards.
    fn is_fetched(&self, _row: usize, _filter: &Filter) -> bool {
        true
    }

    /// Writes the value of a row in a column. Implementations override it for columns too costly for a `Cell`.
    fn write(&mut self, row: usize, column: &'static str, w: &mut JsonWriter) {
        self.cell(row, column).write(w);
    }
}

/// The counts in a list's envelope, which show how many rows were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All rows.
    pub total: usize,
    /// Rows that Ray would have fetched from its source.
    pub num_after_truncation: usize,
    /// Rows that passed the filters.
    pub num_filtered: usize,
}

/// The form of an empty `partial_failure_warning`, which differs between resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// `"partial_failure_warning": ""` (most resources).
    EmptyWarning,
    /// `"partial_failure_warning": null` (objects, runtime environments).
    NullWarning,
}

/// Answers a list: filters, counts, limits and writes the rows.
///
/// `total` counts rows before filters, `num_after_truncation` those that Ray's source sends.
pub fn list<R: Resource + Send + 'static>(resource: R, query: &Query, notes: Notes) -> Result<Answer, RayError> {
    let options = Options::parse(query)?;
    let filters = filter::parse(query, R::COLUMNS)?;
    let mut rows: Vec<u32> = (0..resource.rows() as u32).collect();
    rows.retain(|&row| filters.iter().all(|filter| resource.is_fetched(row as usize, filter)));
    let fetched = rows.len();
    rows.retain(|&row| filter::passes(&resource, row as usize, &filters));
    let total = resource.rows();
    let counts = Counts { total, num_after_truncation: fetched.min(MAX_LIMIT), num_filtered: rows.len() };
    let counts = options.counts(counts);
    rows.truncate(options.limit);
    Ok(write(resource, rows, counts, options.detail, notes))
}

/// Writes the envelope and the given rows, in pieces.
pub fn write<R: Resource + Send + 'static>(
    mut resource: R,
    rows: Vec<u32>,
    counts: Counts,
    detail: bool,
    notes: Notes,
) -> Answer {
    let mut head = pieces::writer(rows.len());
    begin(&mut head, counts);
    head.key("result");
    head.begin_array();
    let columns = R::shown(detail);
    let row = move |row: u32, w: &mut JsonWriter| {
        w.begin_object();
        for &column in &columns {
            w.key(column);
            resource.write(row as usize, column, w);
        }
        w.end_object();
    };
    pieces::answer(head, rows, row, move |w| {
        w.end_array();
        end(w, notes);
    })
}

/// Opens the envelope up to the counts; the member `result` must follow.
pub fn begin(w: &mut JsonWriter, counts: Counts) {
    w.begin_object();
    w.key("result");
    w.bool(true);
    w.key("msg");
    w.string("");
    w.key("data");
    w.begin_object();
    w.key("result");
    w.begin_object();
    w.key("total");
    w.int(counts.total);
    w.key("num_after_truncation");
    w.int(counts.num_after_truncation);
    w.key("num_filtered");
    w.int(counts.num_filtered);
}

/// Opens the envelope of a summary, up to the value of `summary` of the only entry, `cluster`.
pub fn begin_summary(w: &mut JsonWriter, counts: Counts) {
    begin(w, counts);
    for key in ["result", "node_id_to_summary", "cluster"] {
        w.key(key);
        w.begin_object();
    }
    w.key("summary");
}

/// Closes the envelope after the member `result`.
pub fn end(w: &mut JsonWriter, notes: Notes) {
    w.key("partial_failure_warning");
    match notes {
        Notes::EmptyWarning => w.string(""),
        Notes::NullWarning => w.null(),
    }
    w.key("warnings");
    w.null();
    w.end_object();
    w.end_object();
    w.end_object();
}
