//! Listings: the metadata of objects, without their bytes.

use super::Error;

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The full key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Opaque tag that changes whenever the bytes do; without quotes.
    pub etag: Option<String>,
    /// Last change, in nanoseconds since 1970.
    pub modified: Option<i64>,
}

/// The depth of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// All keys below the prefix.
    None,
    /// Keys up to the next `/`; deeper keys are rolled up into prefixes.
    Slash,
}

/// The start of the next page of a listing; opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(pub String);

/// One page of a listing, or several joined.
#[derive(Debug, Default)]
pub struct ListPage {
    /// Objects, in no guaranteed order.
    pub objects: Vec<ObjectMeta>,
    /// With `Delimiter::Slash`: the prefixes of deeper keys, each once and with its final `/`.
    pub prefixes: Vec<String>,
    /// Parts that could not be listed while the rest could: a folder without permission, a link that leaves the root.
    /// Buckets have none. Reports of completeness must show them.
    pub skipped: Vec<Error>,
    /// The start of the next page; `None` on the last. The next page may be empty.
    pub next: Option<PageToken>,
}

impl ListPage {
    /// Returns the number of objects and prefixes.
    pub fn len(&self) -> usize {
        self.objects.len() + self.prefixes.len()
    }

    /// Returns `true` if there is neither an object nor a prefix.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the next page.
    pub(super) fn append(&mut self, mut page: ListPage) {
        self.objects.append(&mut page.objects);
        self.prefixes.append(&mut page.prefixes);
        self.skipped.append(&mut page.skipped);
        self.next = page.next;
    }
}
