//! Listings: what a store says about its objects without reading them.

use super::Error;

/// One object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The full key.
    pub key: String,
    /// Bytes stored.
    pub size: u64,
    /// Changes whenever the bytes do; opaque, without quotes.
    pub etag: Option<String>,
    /// Last change, in nanoseconds since 1970.
    pub modified: Option<i64>,
}

/// Whether a listing goes down into folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// Every key below the prefix.
    None,
    /// Keys up to the next `/`; what lies deeper is rolled up into prefixes.
    Slash,
}

/// Where the next page of a listing begins; opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(pub String);

/// One page of a listing, or several joined.
#[derive(Debug, Default)]
pub struct ListPage {
    /// Objects, in no promised order.
    pub objects: Vec<ObjectMeta>,
    /// With `Delimiter::Slash`: what lies deeper, each prefix once and with its final `/`.
    pub prefixes: Vec<String>,
    /// Parts that could not be listed while the rest could: a folder that we may not open, a link that leaves the
    /// root. Buckets have none; whoever reports completeness must show them.
    pub skipped: Vec<Error>,
    /// Where the next page begins; `None` on the last. The next page may turn out to be empty.
    pub next: Option<PageToken>,
}

impl ListPage {
    /// How many objects and prefixes the page has.
    pub fn len(&self) -> usize {
        self.objects.len() + self.prefixes.len()
    }

    /// Whether there is neither object nor prefix.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the page that follows.
    pub(super) fn append(&mut self, mut page: ListPage) {
        self.objects.append(&mut page.objects);
        self.prefixes.append(&mut page.prefixes);
        self.skipped.append(&mut page.skipped);
        self.next = page.next;
    }
}
