//! Parses Google's JSON: pages of listings, metadata of an object, errors. Pure.
//!
//! An object without a name, a size or a generation fails its page: it would be missing from the listing, count as
//! empty, or be taken for a later version of itself. Unknown fields are ignored.

use super::super::rest::time;
use super::super::{ListPage, ObjectMeta, PageToken};
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// Maximum number of objects of a page, and of its prefixes: a hundred times as many as are requested, because
/// emulators do not count prefixes. In memory, a prefix of one character takes ten times the bytes of the page.
const MOST: usize = 100_000;

#[derive(serde::Deserialize)]
struct Page<'a> {
    kind: Option<String>,
    #[serde(borrow, default = "none")]
    items: Entries<Item<'a>>,
    #[serde(default = "none")]
    prefixes: Entries<String>,
    #[serde(rename = "nextPageToken")]
    next: Option<String>,
}

#[derive(serde::Deserialize)]
struct Item<'a> {
    name: Option<String>,
    // Google writes numbers of 64 bits as strings, some emulators as numbers.
    #[serde(borrow)]
    size: Option<&'a RawValue>,
    #[serde(borrow)]
    generation: Option<&'a RawValue>,
    updated: Option<String>,
}

/// Reads a page.
pub(super) fn read(bytes: &[u8]) -> Result<ListPage, String> {
    let page: Page = serde_json::from_slice(bytes).map_err(|error| problem(&error))?;
    let (objects, prefixes) = (page.items.0?, page.prefixes.0?);
    let next = page.next.filter(|token| !token.is_empty()).map(PageToken);
    let is_listing = match page.kind {
        Some(kind) => kind == "storage#objects",
        None => !objects.is_empty() || !prefixes.is_empty() || next.is_some(),
    };
    if !is_listing {
        return Err("it is not a listing".to_owned());
    }
    Ok(ListPage { objects, prefixes, skipped: Vec::new(), next })
}

/// Reads the metadata of one object.
pub(super) fn object(bytes: &[u8]) -> Result<ObjectMeta, String> {
    serde_json::from_slice::<Item>(bytes).map_err(|error| problem(&error))?.keep()
}

/// Returns the reason of an error, in the form of the table of refusals.
pub(super) fn code(bytes: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Answer {
        error: Refused,
    }
    #[derive(serde::Deserialize)]
    struct Refused {
        message: Option<String>,
        #[serde(default)]
        errors: Vec<Detail>,
        status: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Detail {
        reason: Option<String>,
    }
    let answer: Option<Answer> = serde_json::from_slice(bytes).ok();
    // Errors of reads are plain text, and only the text tells a missing bucket from a missing object. What follows the
    // beginning may quote the name of an object.
    let text = String::from_utf8_lossy(bytes);
    let said = answer.as_ref().and_then(|answer| answer.error.message.as_deref()).unwrap_or(&text);
    if said.starts_with("The specified bucket does not exist") {
        return Some("NoSuchBucket".to_owned());
    }
    if said.starts_with("Bucket is ") && said.contains("requester pays bucket but no user project") {
        return Some("userProjectMissing".to_owned());
    }
    let Answer { error } = answer?;
    error.errors.into_iter().find_map(|detail| detail.reason).or(error.status)
}

/// Describes a document that is not what was asked for, without quoting it.
fn problem(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "it ends within its JSON",
        Category::Data => "a field of its JSON has another type",
        Category::Syntax | Category::Io => "damaged JSON",
    };
    format!("{what}, at line {}, column {}", error.line(), error.column())
}

/// An entry of a page, which may be refused.
trait Entry {
    type Kept;
    fn keep(self) -> Result<Self::Kept, String>;
}

impl Entry for Item<'_> {
    type Kept = ObjectMeta;

    fn keep(self) -> Result<ObjectMeta, String> {
        let Some(key) = self.name.filter(|name| !name.is_empty()) else {
            return Err("an object has no name".to_owned());
        };
        let number = |what: &str, raw: Option<&RawValue>| {
            let about = |why: &str| format!("the {what} of the object {:?} {why}", shortened(&key));
            let raw = raw.ok_or_else(|| about("is missing"))?;
            raw.get().trim_matches('"').parse::<u64>().map_err(|_| about("is not a number"))
        };
        let (size, generation) = (number("size", self.size)?, number("generation", self.generation)?);
        let modified = self.updated.as_deref().and_then(time);
        Ok(ObjectMeta { key, size, etag: Some(generation.to_string()), modified })
    }
}

impl Entry for String {
    type Kept = String;

    fn keep(self) -> Result<String, String> {
        if self.is_empty() { Err("a prefix is empty".to_owned()) } else { Ok(self) }
    }
}

/// Returns the beginning of a name, for an error.
fn shortened(name: &str) -> String {
    name.chars().take(200).collect()
}

/// The entries of a page, or the reason why one of them is refused.
struct Entries<E: Entry>(Result<Vec<E::Kept>, String>);

fn none<E: Entry>() -> Entries<E> {
    Entries(Ok(Vec::new()))
}

impl<'de, E: Entry + Deserialize<'de>> Deserialize<'de> for Entries<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keep<E>(PhantomData<E>);

        impl<'de, E: Entry + Deserialize<'de>> Visitor<'de> for Keep<E> {
            type Value = Entries<E>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Entries<E>, A::Error> {
                let mut kept = Vec::new();
                let refused = loop {
                    match entries.next_element::<E>()?.map(E::keep) {
                        None => return Ok(Entries(Ok(kept))),
                        Some(Ok(_)) if kept.len() == MOST => {
                            break "it has far more entries than were requested".to_owned();
                        }
                        Some(Ok(entry)) => kept.push(entry),
                        Some(Err(refused)) => break refused,
                    }
                };
                drop(kept);
                while entries.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entries(Err(refused)))
            }
        }

        deserializer.deserialize_seq(Keep(PhantomData))
    }
}

#[cfg(test)]
mod tests;
