//! Types of fields as values of a column.

use super::{Columns, Record};
use crate::error::Error;
use crate::values::Values;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type};
use arrow_schema::DataType;
use ray_history_core::base::id::{RayId, push_hex};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::{Id, Str};
use ray_history_core::snapshot::text::{Text, TextReader};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The snapshot that is being written.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// Keeps the last block of texts.
    pub(super) texts: TextReader,
}

/// A field that is a string in its column.
pub(crate) trait Word {
    /// Returns its value; `None` if it is absent.
    fn get<'s>(&'s self, source: &'s mut Source<'_>) -> Option<Cow<'s, str>>;

    /// Takes a value; `None` if the field cannot have it.
    fn set(&mut self, value: Option<&str>, values: &mut Values) -> Option<()>;
}

impl Word for Str {
    fn get<'s>(&'s self, source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        (!self.is_empty()).then(|| source.snapshot.str(*self).into())
    }

    fn set(&mut self, value: Option<&str>, values: &mut Values) -> Option<()> {
        *self = values.str(value);
        Some(())
    }
}

impl Word for Text {
    fn get<'s>(&'s self, source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        let Source { snapshot, texts } = source;
        (!self.is_empty()).then(|| texts.get(&snapshot.texts, *self).into())
    }

    fn set(&mut self, value: Option<&str>, values: &mut Values) -> Option<()> {
        *self = values.text(value);
        Some(())
    }
}

impl Word for Id {
    fn get<'s>(&'s self, source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        let mut hex = Vec::new();
        push_hex(&mut hex, source.snapshot.id(*self));
        String::from_utf8(hex).ok().filter(|hex| !hex.is_empty()).map(Cow::Owned)
    }

    fn set(&mut self, value: Option<&str>, values: &mut Values) -> Option<()> {
        *self = values.id(value)?;
        Some(())
    }
}

impl<const N: usize> Word for RayId<N> {
    fn get<'s>(&'s self, _source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        (!self.is_nil()).then(|| self.hex().into())
    }

    fn set(&mut self, value: Option<&str>, _values: &mut Values) -> Option<()> {
        *self = value.map_or(Some(Self::NIL), Self::from_hex)?;
        Some(())
    }
}

impl<const N: usize> Word for Option<RayId<N>> {
    fn get<'s>(&'s self, _source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        self.as_ref().map(|id| id.hex().into())
    }

    fn set(&mut self, value: Option<&str>, _values: &mut Values) -> Option<()> {
        *self = value.map(RayId::from_hex).map_or(Some(None), |id| id.map(Some))?;
        Some(())
    }
}

impl Word for Box<str> {
    fn get<'s>(&'s self, _source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        (!self.is_empty()).then(|| (&**self).into())
    }

    fn set(&mut self, value: Option<&str>, _values: &mut Values) -> Option<()> {
        *self = value.unwrap_or_default().into();
        Some(())
    }
}

impl Word for Arc<str> {
    fn get<'s>(&'s self, _source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        (!self.is_empty()).then(|| (&**self).into())
    }

    fn set(&mut self, value: Option<&str>, _values: &mut Values) -> Option<()> {
        *self = value.unwrap_or_default().into();
        Some(())
    }
}

impl Word for Option<Box<str>> {
    fn get<'s>(&'s self, _source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        self.as_deref().map(Cow::Borrowed)
    }

    fn set(&mut self, value: Option<&str>, _values: &mut Values) -> Option<()> {
        *self = value.map(Into::into);
        Some(())
    }
}

/// A field with few values, each of which has a word.
pub(crate) trait Enum: Copy {
    /// Returns its word.
    fn word(self) -> &'static str;

    /// Returns the value of a word; `None` for an unknown one.
    fn of_word(word: &str) -> Option<Self>;
}

impl<E: Enum> Word for E {
    fn get<'s>(&'s self, _source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        Some(self.word().into())
    }

    fn set(&mut self, value: Option<&str>, _values: &mut Values) -> Option<()> {
        *self = E::of_word(value?)?;
        Some(())
    }
}

/// The key or value of a map, which is never absent.
struct Always<'a, W>(&'a mut W);

impl<W: Word> Word for Always<'_, W> {
    fn get<'s>(&'s self, source: &'s mut Source<'_>) -> Option<Cow<'s, str>> {
        Some(self.0.get(source).unwrap_or_default())
    }

    fn set(&mut self, value: Option<&str>, values: &mut Values) -> Option<()> {
        self.0.set(value.filter(|value| !value.is_empty()), values)
    }
}

/// An entry of a map.
impl<W: Word + Default> Record for (W, W) {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let (key, value) = self;
        columns.string("key", &mut Always(key))?;
        columns.string("value", &mut Always(value))
    }
}

/// An entry of a map from names to numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) Box<str>, pub(crate) u64);

impl Count {
    /// Returns the entries of a map, in its order.
    pub(crate) fn entries(counts: &BTreeMap<Box<str>, u64>) -> Vec<Self> {
        counts.iter().map(|(name, count)| Self(name.clone(), *count)).collect()
    }

    /// Returns the map of entries.
    pub(crate) fn map(entries: Vec<Self>) -> BTreeMap<Box<str>, u64> {
        entries.into_iter().map(|Self(name, count)| (name, count)).collect()
    }
}

impl Record for Count {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self(name, count) = self;
        columns.string("key", &mut Always(name))?;
        columns.number("value", count)
    }
}

/// A number that is always known.
pub(crate) trait Plain: Copy + Default + PartialEq {
    /// Its type in a column.
    type Arrow: ArrowPrimitiveType;

    /// Returns its value.
    fn to_native(self) -> <Self::Arrow as ArrowPrimitiveType>::Native;

    /// Returns the number of a value; `None` if it cannot have it.
    fn of_native(value: <Self::Arrow as ArrowPrimitiveType>::Native) -> Option<Self>;

    /// Returns its value as JSON.
    fn json(self) -> Value;

    /// Returns the type of its column.
    fn data_type() -> DataType {
        Self::Arrow::DATA_TYPE
    }
}

impl Plain for i32 {
    type Arrow = Int32Type;

    fn to_native(self) -> i32 {
        self
    }

    fn of_native(value: i32) -> Option<Self> {
        Some(value)
    }

    fn json(self) -> Value {
        self.into()
    }
}

/// Process ids and counts: nothing real is above the signed range, and what is comes back, too.
impl Plain for u32 {
    type Arrow = Int32Type;

    fn to_native(self) -> i32 {
        self.cast_signed()
    }

    fn of_native(value: i32) -> Option<Self> {
        Some(value.cast_unsigned())
    }

    fn json(self) -> Value {
        self.into()
    }
}

impl Plain for i64 {
    type Arrow = Int64Type;

    fn to_native(self) -> i64 {
        self
    }

    fn of_native(value: i64) -> Option<Self> {
        Some(value)
    }

    fn json(self) -> Value {
        self.into()
    }
}

/// Counts: nothing real is above the signed range, and what is comes back, too.
impl Plain for u64 {
    type Arrow = Int64Type;

    fn to_native(self) -> i64 {
        self.cast_signed()
    }

    fn of_native(value: i64) -> Option<Self> {
        Some(value.cast_unsigned())
    }

    fn json(self) -> Value {
        self.into()
    }
}

impl Plain for f64 {
    type Arrow = Float64Type;

    fn to_native(self) -> f64 {
        self
    }

    fn of_native(value: f64) -> Option<Self> {
        Some(value)
    }

    fn json(self) -> Value {
        self.into()
    }
}

/// A field that is a number in its column.
pub(crate) trait Number {
    /// The number.
    type Plain: Plain;

    /// Returns its value; `None` if it is absent.
    fn get(&self) -> Option<Self::Plain>;

    /// Takes a value.
    fn set(&mut self, value: Option<Self::Plain>);
}

impl<P: Plain> Number for P {
    type Plain = P;

    fn get(&self) -> Option<P> {
        Some(*self)
    }

    fn set(&mut self, value: Option<P>) {
        *self = value.unwrap_or_default();
    }
}

impl<P: Plain> Number for Option<P> {
    type Plain = P;

    fn get(&self) -> Option<P> {
        *self
    }

    fn set(&mut self, value: Option<P>) {
        *self = value;
    }
}

/// The type of a number in its column.
pub(super) type Native<F> = <<F as Number>::Plain as Plain>::Arrow;

/// A number that is absent if it is zero.
pub(crate) struct NonZero<'a, P>(pub(crate) &'a mut P);

impl<P: Plain> Number for NonZero<'_, P> {
    type Plain = P;

    fn get(&self) -> Option<P> {
        Some(*self.0).filter(|value| *value != P::default())
    }

    fn set(&mut self, value: Option<P>) {
        *self.0 = value.unwrap_or_default();
    }
}

/// A field that is a truth value in its column.
pub(crate) trait Flag {
    /// Returns its value; `None` if it is absent.
    fn get(&self) -> Option<bool>;

    /// Takes a value.
    fn set(&mut self, value: Option<bool>);
}

impl Flag for bool {
    fn get(&self) -> Option<bool> {
        Some(*self)
    }

    fn set(&mut self, value: Option<bool>) {
        *self = value.unwrap_or_default();
    }
}

impl Flag for Option<bool> {
    fn get(&self) -> Option<bool> {
        *self
    }

    fn set(&mut self, value: Option<bool>) {
        *self = value;
    }
}
