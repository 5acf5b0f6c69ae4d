//! Lists of Ray's state API (`/api/v0/…`): columns, filters, limits, counts, and the envelope around the rows.
//!
//! A resource says which columns it has and gives a `Cell` for each; everything else is the same for all of them.
//! Rows are written straight from the tables, in pieces, so that memory stays constant however long the list is.
//! Source: `ray/dashboard/state_api_utils.py`, `state_aggregator.py`, `ray/util/state/common.py`.

mod filter;
mod id;
mod options;
mod values;

pub use filter::{Filter, Predicate, parse as parse_filters, passes};
pub use id::check_id;
pub use options::{MAX_LIMIT, Options};
pub use values::{Columns, Objects, Values};

use super::json::JsonWriter;
use super::{Answer, Question, Refusal, pieces};
use std::borrow::Cow;

/// What a column holds, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, compared without regard to case.
    Text,
    /// Whole numbers.
    Int,
    /// `true` or `false`.
    Bool,
    /// Whole numbers or null (`Optional[int]`). Ray's filters do not see through `Optional`: `!=` compares the text that
    /// was given, so it excludes nothing.
    IntOrNull,
    /// `true`, `false` or null (`Optional[bool]`), for filters like `IntOrNull`.
    BoolOrNull,
    /// Anything else: never filterable.
    Other,
}

/// A column of a resource, in Ray's order.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Ray's name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether `filter_keys` may name it.
    pub filterable: bool,
    /// Whether it is only shown with `detail`.
    pub detail: bool,
    /// Whether Ray leaves it out of rows that have no value: no filter on it fits those, not even `!=`, because Ray looks
    /// for the key first.
    pub optional: bool,
}

impl Column {
    /// A column that can be filtered by.
    pub const fn filterable(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, filterable: true, detail: false, optional: false }
    }

    /// A column that cannot be filtered by.
    pub const fn plain(name: &'static str) -> Self {
        Self { name, kind: Kind::Other, filterable: false, detail: false, optional: false }
    }

    /// The same column, shown only with `detail`.
    #[must_use]
    pub const fn only_detail(self) -> Self {
        Self { detail: true, ..self }
    }

    /// The same column, left out by Ray where it has no value.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// The value of a row in a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// JSON null.
    Null,
    /// A string.
    Str(Cow<'a, str>),
    /// An id, shown as lower-case hex.
    Hex(&'a [u8]),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A value that is JSON already.
    Json(Cow<'a, [u8]>),
}

impl<'a> Cell<'a> {
    /// A string that is null when empty.
    pub fn text_or_null(text: &'a str) -> Self {
        if text.is_empty() { Self::Null } else { Self::Str(Cow::Borrowed(text)) }
    }

    /// An id that is null when there is none.
    pub fn hex_or_null(id: &'a [u8]) -> Self {
        if id.is_empty() { Self::Null } else { Self::Hex(id) }
    }

    /// Writes the value.
    pub fn write(&self, w: &mut JsonWriter) {
        match self {
            Self::Null => w.null(),
            Self::Str(text) => w.string(text),
            Self::Hex(id) => w.hex(id),
            Self::Int(number) => w.int(*number),
            Self::Float(number) => w.float(*number),
            Self::Bool(value) => w.bool(*value),
            Self::Json(json) => w.raw(json),
        }
    }
}

/// A resource of the state API: its columns, and its rows by number in the order in which Ray lists them.
pub trait Resource {
    /// Ray's columns in Ray's order.
    const COLUMNS: &'static [Column];

    /// The names of the columns that a row shows, in Ray's order.
    fn shown(detail: bool) -> Vec<&'static str> {
        Self::COLUMNS.iter().filter(|column| detail || !column.detail).map(|column| column.name).collect()
    }

    /// How many rows there are, before any filter.
    fn rows(&self) -> usize;

    /// The value of a row in the column of this name.
    fn cell(&self, row: usize, column: &'static str) -> Cell<'_>;

    /// Writes the value of a row in a column; for columns too costly for a `Cell`.
    fn write(&mut self, row: usize, column: &'static str, w: &mut JsonWriter) {
        self.cell(row, column).write(w);
    }
}

/// The numbers around a list, which say what was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows there are.
    pub total: usize,
    /// Rows that Ray would have fetched from its source.
    pub num_after_truncation: usize,
    /// Rows that passed the filters.
    pub num_filtered: usize,
}

/// Which of the envelope's notes is null in a good answer: resources differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// `"partial_failure_warning": ""` (most resources).
    EmptyWarning,
    /// `"partial_failure_warning": null` (objects, runtime environments).
    NullWarning,
}

/// Answers a list: filters, counts, limits, writes. `total` and `num_after_truncation` count rows before filters.
pub fn list<R: Resource + Send + 'static>(resource: R, question: &Question, notes: Notes) -> Result<Answer, Refusal> {
    let options = Options::parse(question)?;
    let filters = filter::parse(question, R::COLUMNS)?;
    let mut rows: Vec<u32> = (0..resource.rows() as u32).collect();
    rows.retain(|&row| filter::passes(&resource, row as usize, &filters));
    let total = resource.rows();
    let counts = Counts { total, num_after_truncation: total.min(MAX_LIMIT), num_filtered: rows.len() };
    let counts = options.counts(counts);
    rows.truncate(options.limit);
    Ok(write(resource, rows, counts, options.detail, notes))
}

/// Writes the envelope and these rows, in pieces.
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

/// Opens the envelope, up to the counts; the member `result` must follow.
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
