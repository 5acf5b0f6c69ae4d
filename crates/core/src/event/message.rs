//! The `message!` macro: a protobuf message as a struct, with the function that reads it.
//!
//! ```ignore
//! message! {
//!     /// `NodeLifecycleEvent`.
//!     pub struct NodeLifecycle<'a> in "nodeLifecycleEvent" {
//!         node_id: Option<NodeId> = id from "nodeId" | "node_id",
//!         /// The states in order of arrival.
//!         transitions: Vec<NodeTransition<'a>> =
//!             list(NodeTransition::read) from "stateTransitions" | "state_transitions",
//!     }
//!     skips "creatorId" | "creator_id"
//! }
//! ```
//!
//! defines the struct, with `Debug` and `Default`, and `NodeLifecycle::read`. The parts:
//!
//! - `in "nodeLifecycleEvent"` is the name under which unknown fields of the message are counted.
//! - `node_id: Option<NodeId> = id from "nodeId" | "node_id"` is a field, its type, its reader and its keys in JSON.
//!   Both spellings are listed, because collectors write either. A field that is not sent has its default value. If a
//!   key is sent twice, the last value counts.
//! - A reader is a function from `&mut Reader` to `Result<T>`: one of `value`, `read` of another message, or one
//!   written by hand. `list(…)`, `known(…)`, `optional(…)` and `variant(…)` make readers from others.
//! - `or other_reader from "key"` after a field's keys adds a key that has the value in another form.
//! - `skips` lists the fields that Ray sends and nothing uses. It is left out if there are none.
//!
//! Any other key is skipped and recorded by `Reader::unknown`, so a field that a later Ray adds is noticed.
//!
//! Decoding is fast because `read` is what one would write by hand: a loop over the members of the object, and a
//! `match` of the key, borrowed from the record, on string literals. It builds no tree, allocates no key, and calls
//! each reader directly, so the compiler can inline it. The `match` also rejects a key that is listed twice, by a
//! warning.

/// Defines a message and its `read`; the syntax is in the documentation of the module.
macro_rules! message {
    (
        $(#[$doc:meta])*
        $vis:vis struct $name:ident $(<$a:lifetime>)? in $message:literal {
            $(
                $(#[$field_doc:meta])*
                $field:ident: $type:ty = $(
                    $($reader:ident)::+ $(($($argument:tt)+))? from $($key:literal)|+
                )or+
            ),+ $(,)?
        }
        $(skips $($skipped:literal)|+)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        #[allow(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
        $vis struct $name $(<$a>)? {
            $($(#[$field_doc])* $vis $field: $type,)+
        }

        impl $(<$a>)? $name $(<$a>)? {
            #[doc = concat!("Reads a `", $message, "`.")]
            $vis fn read<'r $(: $a)?>(
                r: &mut $crate::event::reader::Reader<'r>,
            ) -> $crate::event::reader::Result<Self> {
                let mut out = Self::default();
                r.object(|r, key| {
                    match key {
                        $($($($key)|+ => out.$field = $($reader)::+ $(($($argument)+))? (r)?,)+)+
                        $($($skipped)|+ => {
                            r.skip()?;
                        })?
                        _ => r.unknown($message, key)?,
                    }
                    Ok(())
                })?;
                Ok(out)
            }
        }
    };
}

pub(super) use message;

#[cfg(test)]
mod tests {
    use crate::event::reader::{Reader, Result};
    use crate::event::value::{int, list, optional, string};
    use std::borrow::Cow;

    message! {
        struct Outer<'a> in "outer" {
            name: Cow<'a, str> = string from "theName" | "the_name" or name_in_object from "nameInfo",
            code: Option<i64> = optional(int) from "code",
            inner: Vec<Inner> = list(Inner::read) from "inner",
        }
        skips "unused"
    }

    message! {
        struct Inner in "outer.inner" {
            number: i64 = int from "number",
        }
    }

    fn name_in_object<'a>(r: &mut Reader<'a>) -> Result<Cow<'a, str>> {
        let mut name = Cow::Borrowed("");
        r.object(|r, _| string(r).map(|text| name = text))?;
        Ok(name)
    }

    #[test]
    fn reads_every_spelling_and_records_unknown_fields() {
        let sent = [r#""theName":"x""#, r#""the_name":"x""#, r#""nameInfo":{"name":"x"}"#];
        for name in sent {
            let inner = r#""inner":[{"number":1,"new":2},{}]"#;
            let record = format!(r#"{{{name},"code":7,{inner},"unused":3,"later":[4]}}"#);
            let mut r = Reader::new(&record);
            let outer = Outer::read(&mut r).unwrap();
            assert_eq!((&*outer.name, outer.code), ("x", Some(7)), "{name}");
            assert_eq!(outer.inner.iter().map(|inner| inner.number).collect::<Vec<_>>(), [1, 0]);
            assert_eq!(r.take_unknown(), [("outer.inner", "new"), ("outer", "later")]);
            r.end().unwrap();
        }
    }

    #[test]
    fn null_and_other_types_are_the_default() {
        for record in ["{}", "null", "[1]", r#"{"theName":null,"code":null,"inner":null}"#] {
            let outer = Outer::read(&mut Reader::new(record)).unwrap();
            assert_eq!((&*outer.name, outer.code, outer.inner.len()), ("", None, 0), "{record}");
        }
    }
}
