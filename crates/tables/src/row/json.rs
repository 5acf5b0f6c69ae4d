//! Shows a row as JSON: its columns by name, without those that begin with `_`.

use super::field::{Flag, Number, Plain, Source, Word};
use super::{Columns, Record};
use crate::error::Error;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::redact;
use ray_history_core::snapshot::text::TextReader;
use serde_json::{Map, Value};
use std::fmt::Display;

/// Returns the columns of a row of a snapshot. Absent ones are null.
pub(crate) fn json<R: Record>(row: &mut R, snapshot: &Snapshot) -> Result<Map<String, Value>, Error> {
    let mut source = Source { snapshot, texts: TextReader::default() };
    shown(row, &mut source)
}

fn shown<R: Record>(row: &mut R, source: &mut Source<'_>) -> Result<Map<String, Value>, Error> {
    let mut shown = Shown { source, columns: Map::new() };
    row.describe(&mut shown)?;
    Ok(shown.columns)
}

struct Shown<'a, 's> {
    source: &'a mut Source<'s>,
    columns: Map<String, Value>,
}

impl Shown<'_, '_> {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        if !name.starts_with('_') {
            self.columns.insert(name.to_owned(), value.into());
        }
    }
}

impl Columns for Shown<'_, '_> {
    fn string(&mut self, name: &'static str, field: &mut impl Word) -> Result<(), Error> {
        let value = field.get(self.source).map_or(Value::Null, |word| Value::from(&*word));
        self.put(name, value);
        Ok(())
    }

    fn number<F: Number>(&mut self, name: &'static str, field: &mut F) -> Result<(), Error> {
        self.put(name, field.get().map_or(Value::Null, Plain::json));
        Ok(())
    }

    fn flag(&mut self, name: &'static str, field: &mut impl Flag) -> Result<(), Error> {
        self.put(name, field.get());
        Ok(())
    }

    fn list<T: Record>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<(), Error> {
        let shown = items.iter_mut().map(|item| Ok(Value::Object(shown(item, self.source)?)));
        let shown = shown.collect::<Result<Vec<_>, Error>>()?;
        self.put(name, shown);
        Ok(())
    }

    fn map<T: Record>(&mut self, name: &'static str, entries: &mut Vec<T>) -> Result<(), Error> {
        let mut map = Map::new();
        for entry in entries {
            let mut entry = shown(entry, self.source)?;
            if let (Some(Value::String(key)), Some(value)) = (entry.remove("key"), entry.remove("value")) {
                map.insert(key, value);
            }
        }
        self.put(name, map);
        Ok(())
    }

    fn numbers(&mut self, name: &'static str, items: &mut Vec<u64>) -> Result<(), Error> {
        self.put(name, items.clone());
        Ok(())
    }

    fn words(&mut self, name: &'static str, items: &mut Vec<Box<str>>) -> Result<(), Error> {
        self.put(name, items.iter().map(|word| Value::from(&**word)).collect::<Vec<_>>());
        Ok(())
    }

    fn runtime_env(&mut self, field: &mut impl Word) -> Result<(), Error> {
        let shown = self.value_of(field).map(|text| redact::serialized(&text));
        self.put("runtime_env", shown);
        Ok(())
    }

    fn value_of(&mut self, field: &impl Word) -> Option<String> {
        field.get(self.source).map(std::borrow::Cow::into_owned)
    }

    fn malformed(&self, reason: impl Display) -> Error {
        Error::malformed("row", reason)
    }
}
