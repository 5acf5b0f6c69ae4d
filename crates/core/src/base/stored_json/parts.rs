//! Reads parts of strict JSON without parsing the whole into a tree: a value at a path, the objects of a list, the
//! members of an object.
//!
//! A tree takes some thirty bytes for each byte of a hostile document; slices of the document take none.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The members of an object by name, each as JSON.
pub type Members = BTreeMap<String, Box<RawValue>>;

/// Returns the members of an object; `None` for any other value.
pub fn members(strict: &str) -> Option<Members> {
    serde_json::from_str(strict).ok()
}

/// Returns the value at a path of member names, as JSON.
pub fn at<'a>(strict: &'a str, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(strict, |strict, name| read(strict, Member(name)).flatten())
}

/// Returns the objects of a list, each as JSON. Other items are left out; a value that is no list gives none.
pub fn objects(strict: &str) -> Vec<&str> {
    read(strict, Objects).unwrap_or_default()
}

/// Returns the text of a string; `None` for any other value.
pub fn string(strict: &str) -> Option<Cow<'_, str>> {
    // Borrows a string without escapes; deserializing into `Cow` would always allocate.
    serde_json::from_str::<&str>(strict)
        .map(Cow::Borrowed)
        .or_else(|_| serde_json::from_str::<String>(strict).map(Cow::Owned))
        .ok()
}

/// Returns the value of a JSON number; `None` for any other value.
pub fn number(strict: &str) -> Option<f64> {
    serde_json::from_str(strict).ok()
}

fn read<'a, S: DeserializeSeed<'a>>(strict: &'a str, seed: S) -> Option<S::Value> {
    seed.deserialize(&mut serde_json::Deserializer::from_str(strict)).ok()
}

/// Finds a member of an object: the last one of several with the same name, as Python does.
struct Member<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<String>()? {
            if name == self.0 {
                found = Some(members.next_value::<&RawValue>()?.get());
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Objects;

impl<'de> DeserializeSeed<'de> for Objects {
    type Value = Vec<&'de str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Objects {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element::<&RawValue>()? {
            if item.get().starts_with('{') {
                found.push(item.get());
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_slices_of_the_document() {
        let document = r#"{"a": {"b": [1, {"x": 1}, [{}], {"y": "\u0061"}], "b2": 5}, "c": "t\"x", "n": 1.5, "n": 2}"#;
        let list = at(document, &["a", "b"]).unwrap();
        assert_eq!(objects(list), [r#"{"x": 1}"#, r#"{"y": "\u0061"}"#]);
        assert_eq!(at(document, &["a", "b", "c"]), None);
        assert_eq!(at(document, &["a", "z"]), None);
        assert_eq!(at(document, &["n"]).and_then(number), Some(2.0));
        assert_eq!(at(document, &["c"]).and_then(string).as_deref(), Some("t\"x"));
        assert_eq!(at(document, &["a"]).and_then(string), None);
        assert_eq!(objects(r#"{"x": {}}"#), [""; 0]);
        assert_eq!(members(objects(list)[1]).unwrap()["y"].get(), r#""\u0061""#);
        assert!(members("[]").is_none());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(900), "]".repeat(900));
        assert_eq!(at(&deep, &["a"]).map(str::len), Some(1800));
        assert_eq!(at(&deep, &["b"]), None);
    }
}
