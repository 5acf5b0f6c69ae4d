//! Handles of the strings of a column that is read: each value of a dictionary is interned once, and dictionaries
//! outlive their batch.

use crate::columns::{Batch, Strings};
use crate::error::Error;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray};
use std::sync::Arc;

/// The handles of one column, from batch to batch.
#[derive(Debug)]
pub(crate) struct Handles<H> {
    name: &'static str,
    /// The last dictionary, and the handle of each of its values.
    dictionary: Option<(ArrayRef, Vec<H>)>,
    /// The handle of each row of the batch; empty if no row has a value.
    rows: Vec<H>,
}

impl<H: Copy + Default> Handles<H> {
    pub(crate) fn of(name: &'static str) -> Self {
        Self { name, dictionary: None, rows: Vec::new() }
    }

    /// Reads the column of a batch. `intern` returns the handle of a value, and `None` for a malformed one.
    pub(crate) fn read(&mut self, batch: &Batch, mut intern: impl FnMut(&str) -> Option<H>) -> Result<(), Error> {
        let malformed = || batch.malformed(format!("the column {} has a malformed value", self.name));
        self.rows.clear();
        match batch.strings(self.name)? {
            Strings::Absent => {}
            Strings::Plain(values) => {
                for value in values {
                    self.rows.push(value.map_or(Some(H::default()), &mut intern).ok_or_else(malformed)?);
                }
            }
            Strings::Dictionary(keys, values) => {
                // The reader gives all batches of a row group the same dictionary.
                let known = self.dictionary.take().filter(|(known, _)| Arc::ptr_eq(known, keys.values()));
                let handles = match known {
                    Some((_, handles)) => handles,
                    None => values.iter().map(|value| intern(value?)).collect::<Option<_>>().ok_or_else(malformed)?,
                };
                let beyond = || batch.malformed(format!("the column {} has a key beyond its dictionary", self.name));
                spread(keys, &handles, &mut self.rows).ok_or_else(beyond)?;
                self.dictionary = Some((Arc::clone(keys.values()), handles));
            }
        }
        Ok(())
    }

    /// Returns the handle of a row; the default where it has no value.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> H {
        self.rows.get(row).copied().unwrap_or_default()
    }

    /// Appends the handles of all rows of the batch.
    pub(crate) fn append_to(&self, out: &mut Vec<H>, rows: usize) {
        if self.rows.is_empty() {
            out.resize(out.len() + rows, H::default());
        } else {
            out.extend_from_slice(&self.rows);
        }
    }
}

/// Appends the handle of each key; returns `None` if a key is beyond the dictionary.
fn spread<H: Copy + Default>(keys: &DictionaryArray<Int32Type>, handles: &[H], out: &mut Vec<H>) -> Option<()> {
    let found = |key: i32| handles.get(usize::try_from(key).ok()?).copied();
    let keys = keys.keys();
    out.reserve(keys.len());
    if keys.null_count() == 0 {
        for &key in keys.values() {
            out.push(found(key)?);
        }
    } else {
        for key in keys {
            out.push(match key {
                Some(key) => found(key)?,
                None => H::default(),
            });
        }
    }
    Some(())
}
