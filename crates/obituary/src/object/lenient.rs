//! Readers of fields that take any value: a wrong type reads as nothing, in one pass and without a tree of the value.

use crate::text::{JOB_MESSAGE, NAME, cut, cut_middle};
use crate::time::Time;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Implements the methods of a visitor for types that it does not take; they return what `$empty` makes.
macro_rules! otherwise {
    (@ $empty:expr;) => {};
    (@ $empty:expr; bool $($rest:tt)*) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok($empty) }
        $crate::object::lenient::otherwise!(@ $empty; $($rest)*);
    };
    (@ $empty:expr; number $($rest:tt)*) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok($empty) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok($empty) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok($empty) }
        $crate::object::lenient::otherwise!(@ $empty; $($rest)*);
    };
    (@ $empty:expr; text $($rest:tt)*) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok($empty) }
        $crate::object::lenient::otherwise!(@ $empty; $($rest)*);
    };
    (@ $empty:expr; list $($rest:tt)*) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            Ok($empty)
        }
        $crate::object::lenient::otherwise!(@ $empty; $($rest)*);
    };
    (@ $empty:expr; map $($rest:tt)*) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            Ok($empty)
        }
        $crate::object::lenient::otherwise!(@ $empty; $($rest)*);
    };
    ($empty:expr; $($kinds:tt)*) => {
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("any value") }
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($empty) }
        fn visit_none<E>(self) -> Result<Self::Value, E> { Ok($empty) }
        fn visit_some<D: serde::de::Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
            value.deserialize_any(self)
        }
        $crate::object::lenient::otherwise!(@ $empty; $($kinds)*);
    };
}
pub(super) use otherwise;

/// Defines a struct of lenient fields, each with its name on the wire, and its reader, which skips all others.
macro_rules! lenient {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$fmeta:meta])* $field:ident: $type:ty = $key:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        $vis struct $name {
            $($(#[$fmeta])* $vis $field: $type,)*
        }

        impl<'de> serde::de::Deserialize<'de> for $name {
            fn deserialize<D: serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct AnyValue;
                impl<'de> serde::de::Visitor<'de> for AnyValue {
                    type Value = $name;

                    $crate::object::lenient::otherwise!($name::default(); bool number text list);

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut read = $name::default();
                        while let Some(key) = map.next_key::<$crate::object::lenient::Key>()? {
                            match key.0.as_str() {
                                $($key => read.$field = map.next_value()?,)*
                                _ => { map.next_value::<serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(read)
                    }
                }
                deserializer.deserialize_any(AnyValue)
            }
        }
    };
}
pub(super) use lenient;

/// The name of a field, cut so that a hostile one takes no memory.
pub(crate) struct Key(pub(crate) String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                // A name that is too long is none of those that are read.
                Ok(Key(if text.len() <= 2 * NAME { text.to_owned() } else { String::new() }))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// Defines a reader of one kind of scalar.
macro_rules! scalar {
    ($(#[$meta:meta])* $vis:vis $name:ident($value:ty), $empty:expr, [$($others:tt)*], {$($visit:tt)*}) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        $vis struct $name($vis $value);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Scalar;
                impl<'de> Visitor<'de> for Scalar {
                    type Value = $name;
                    otherwise!($name($empty); $($others)*);
                    $($visit)*
                }
                deserializer.deserialize_any(Scalar)
            }
        }
    };
}

scalar! {
    /// A name or another short text, cut.
    pub Label(String), String::new(), [bool number list map],
    { fn visit_str<E>(self, text: &str) -> Result<Label, E> { Ok(Label(cut(text, NAME))) } }
}
scalar! {
    /// A note or a message, cut.
    pub Text(String), String::new(), [bool number list map],
    { fn visit_str<E>(self, text: &str) -> Result<Text, E> { Ok(Text(cut(text, crate::text::NOTE))) } }
}
scalar! {
    /// A termination message, cut.
    pub Long(String), String::new(), [bool number list map],
    { fn visit_str<E>(self, text: &str) -> Result<Long, E> { Ok(Long(cut(text, crate::text::TERMINATION))) } }
}
scalar! {
    /// The message of a `RayJob`, of which beginning and end are kept.
    pub Tail(String), String::new(), [bool number list map],
    { fn visit_str<E>(self, text: &str) -> Result<Tail, E> { Ok(Tail(cut_middle(text, JOB_MESSAGE))) } }
}
scalar! {
    /// A time.
    pub When(Option<Time>), None, [bool number list map],
    { fn visit_str<E>(self, text: &str) -> Result<When, E> { Ok(When(Time::parse(text))) } }
}
scalar! {
    /// A whole number.
    pub Number(Option<i64>), None, [bool text list map],
    {
        fn visit_i64<E>(self, number: i64) -> Result<Number, E> { Ok(Number(Some(number))) }
        fn visit_u64<E>(self, number: u64) -> Result<Number, E> { Ok(Number(i64::try_from(number).ok())) }
        fn visit_f64<E>(self, _: f64) -> Result<Number, E> { Ok(Number(None)) }
    }
}
scalar! {
    /// A flag.
    pub Flag(Option<bool>), None, [number text list map],
    { fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> { Ok(Flag(Some(flag))) } }
}

/// `true` for a field that is there, whatever it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(pub bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        Ok(Self(true))
    }
}

/// The first `N` things of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items<T, const N: usize>(pub Vec<T>);

impl<T, const N: usize> Default for Items<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Items<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T, const N: usize>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for List<T, N> {
            type Value = Items<T, N>;

            otherwise!(Items::default(); bool number text map);

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() < N {
                    let Some(item) = list.next_element()? else { return Ok(Items(items)) };
                    items.push(item);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(items))
            }
        }
        deserializer.deserialize_any(List(std::marker::PhantomData))
    }
}

/// A map of short texts, of resources or a node selector: its first 16 entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantities(pub BTreeMap<String, String>);

/// The entries of such a map that are kept.
const QUANTITIES: usize = 16;

impl<'de> Deserialize<'de> for Quantities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Quantities;

            otherwise!(Quantities::default(); bool number text list);

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Quantities, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(key) = map.next_key::<Key>()? {
                    let Quantity(value) = map.next_value()?;
                    if entries.len() < QUANTITIES && !key.0.is_empty() && !value.is_empty() {
                        entries.insert(cut(&key.0, NAME), value);
                    }
                }
                Ok(Quantities(entries))
            }
        }
        deserializer.deserialize_any(Map)
    }
}

scalar! {
    /// A quantity, which may be written as a number.
    Quantity(String), String::new(), [bool list map],
    {
        fn visit_str<E>(self, text: &str) -> Result<Quantity, E> { Ok(Quantity(cut(text, NAME))) }
        fn visit_i64<E>(self, number: i64) -> Result<Quantity, E> { Ok(Quantity(number.to_string())) }
        fn visit_u64<E>(self, number: u64) -> Result<Quantity, E> { Ok(Quantity(number.to_string())) }
        fn visit_f64<E>(self, number: f64) -> Result<Quantity, E> { Ok(Quantity(number.to_string())) }
    }
}
