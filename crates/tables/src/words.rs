//! Columns of strings while a table is written: each distinct value of a batch is made once.

use crate::error::Error;
use arrow_array::builder::{ArrayBuilder, Int32Builder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, RecordBatch};
use arrow_schema::Schema;
use foldhash::fast::RandomState;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::text::Text;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// A column of strings, given by keys that stand for them, such as handles.
#[derive(Debug)]
pub(crate) struct Words<K> {
    keys: Int32Builder,
    values: StringBuilder,
    known: HashMap<K, i32, RandomState>,
    last: Option<(K, i32)>,
    scratch: Vec<u8>,
}

impl<K: Copy + Eq + Hash> Words<K> {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let (keys, values) = (Int32Builder::with_capacity(rows), StringBuilder::new());
        Self { keys, values, known: HashMap::default(), last: None, scratch: Vec::new() }
    }

    /// Makes the value of a key before any row has it.
    pub(crate) fn define(&mut self, key: K, value: &str) {
        self.known.entry(key).or_insert_with(|| {
            self.values.append_value(value);
            last_of(&self.values)
        });
    }

    /// Appends the value of a key; `make` writes it where the key is new.
    pub(crate) fn push(&mut self, key: K, make: impl FnOnce(&mut Vec<u8>)) {
        let at = match self.last {
            Some((last, at)) if last == key => at,
            _ => *self.known.entry(key).or_insert_with(|| {
                self.scratch.clear();
                make(&mut self.scratch);
                self.values.append_value(std::str::from_utf8(&self.scratch).unwrap_or_default());
                last_of(&self.values)
            }),
        };
        self.last = Some((key, at));
        self.keys.append_value(at);
    }

    /// Appends the value of a key as it is.
    pub(crate) fn push_str(&mut self, key: K, value: &str) {
        self.push(key, |out| out.extend_from_slice(value.as_bytes()));
    }

    pub(crate) fn push_null(&mut self) {
        self.keys.append_null();
    }

    pub(crate) fn finish(mut self, table: &str) -> Result<ArrayRef, Error> {
        let values = Arc::new(self.values.finish());
        let array = DictionaryArray::<Int32Type>::try_new(self.keys.finish(), values);
        Ok(Arc::new(array.map_err(|error| Error::malformed(table, error))?))
    }
}

/// Returns the key of the last value; a batch has fewer rows than 2^31.
fn last_of(values: &StringBuilder) -> i32 {
    i32::try_from(values.len()).unwrap_or(i32::MAX) - 1
}

/// Bytes of the long texts of one batch, above which it ends.
const TEXT_BYTES: usize = 8 << 20;
/// Length from which a text is long.
const LONG: usize = 1_024;

/// The size of the texts of a batch that is being filled.
#[derive(Debug, Default)]
pub(crate) struct Size {
    bytes: usize,
    long: HashSet<Str, RandomState>,
}

impl Size {
    /// Adds a string, unless it is short or there already.
    pub(crate) fn add(&mut self, snapshot: &Snapshot, handle: Str) {
        let length = snapshot.strings.get(handle.0).len();
        if length > LONG && self.long.insert(handle) {
            self.bytes += length;
        }
    }

    /// Adds a text.
    pub(crate) fn add_text(&mut self, snapshot: &Snapshot, text: Text) {
        self.bytes += snapshot.texts.len_of(text);
    }

    /// Returns `true` if there is no room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= TEXT_BYTES
    }
}

/// Returns a batch of columns in the order of the schema. Dictionaries stand for strings.
pub(crate) fn batch(
    table: &str,
    schema: &Schema,
    mut columns: HashMap<&'static str, ArrayRef>,
) -> Result<RecordBatch, Error> {
    let mut ordered = Vec::with_capacity(columns.len());
    for field in schema.fields() {
        let column = columns.remove(field.name().as_str());
        let column = column.ok_or_else(|| Error::malformed(table, format!("no column {}", field.name())))?;
        ordered.push((field.name(), column, true));
    }
    if let Some(name) = columns.keys().next() {
        return Err(Error::malformed(table, format!("no column {name} in the schema")));
    }
    RecordBatch::try_from_iter_with_nullable(ordered).map_err(|error| Error::malformed(table, error))
}
