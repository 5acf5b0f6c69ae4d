//! Read-only object storage behind one trait: list keys, read bytes.
//!
//! Defines keys, listings, ranges and storage errors, and contains every store: the clouds, `local` (a folder with the
//! layout of a bucket), `archive` (files that hold what a bucket holds of a session) and `memory` (a map, for tests). `faulty` wraps any store and injects failures; `conformance`
//! is the test suite that every store must pass.
//!
//! Nothing here writes to a store or interprets keys, which is the task of `layout`. Called by `session`, and by the
//! crate of the writers, which needs `connection`.
//!
//! # Listings are pages, not streams
//!
//! A page is one paid request. The catalog budgets requests, so it must see them; other callers use `list_all`.

pub mod archive;
#[cfg(feature = "azure")]
mod azure;
pub mod config;
pub mod conformance;
mod connect;
pub mod connection;
mod error;
pub mod faulty;
#[cfg(feature = "gcs")]
mod gcs;
pub mod guarded;
mod list;
pub mod local;
pub mod memory;
pub mod metrics;
#[cfg(feature = "oss")]
mod oss;
mod paging;
mod read;
#[cfg(any(feature = "s3", feature = "azure", feature = "oss", feature = "gcs"))]
mod refusal;
#[cfg(any(feature = "azure", feature = "oss", feature = "gcs"))]
mod rest;
#[cfg(feature = "s3")]
mod s3;
mod sorted;
#[cfg(any(feature = "s3", feature = "azure", feature = "oss", feature = "gcs"))]
mod trust;
#[cfg(any(feature = "s3", feature = "azure", feature = "oss", feature = "gcs"))]
mod wire;

pub use connect::{connect, connect_unguarded};
pub use error::{BoxError, Error, ErrorKind};
pub use list::{Delimiter, ListPage, ObjectMeta, PageToken};
pub use paging::Paging;
pub use read::{ObjectBody, ReadRange};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::fmt::Debug;

/// A bucket, or its substitute.
///
/// Keys are UTF-8, separated by `/` and relative to the bucket. They are never normalised: `a//b` is not `a/b`.
#[async_trait]
pub trait Storage: Debug + Send + Sync + 'static {
    /// Returns one page of the objects whose keys start with `prefix`, in no guaranteed order.
    ///
    /// With `Delimiter::Slash`, keys with a further `/` after the prefix are rolled up into `ListPage::prefixes`.
    /// A prefix without keys gives an empty page, not an error. To get the next page, pass `ListPage::next` with the
    /// same prefix and delimiter.
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error>;

    /// Returns `true` if listing costs neither money nor much time (a folder, memory), so that everything may be
    /// listed at every refresh. A wrapper returns the value of the wrapped store.
    fn listing_is_free(&self) -> bool {
        false
    }

    /// Returns `true` if each page of a listing has greater keys than the page before. A wrapper returns the value of
    /// the wrapped store.
    fn lists_in_order(&self) -> bool {
        true
    }

    /// Opens an object. With `if_match`, fails with `ErrorKind::PreconditionFailed` unless the object still has that
    /// `ETag`.
    ///
    /// The range is clamped to the object: one that begins at or past the end gives an empty body, not an error.
    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error>;

    /// Opens the current version of an object.
    async fn read(&self, key: &str, range: ReadRange) -> Result<ObjectBody, Error> {
        self.read_matching(key, range, None).await
    }

    /// Returns a whole object. One of more than `limit` bytes is an `ErrorKind::TooLarge` before anything is read.
    async fn read_all(&self, key: &str, limit: u64) -> Result<Bytes, Error> {
        self.read(key, ReadRange::Full).await?.read_all(limit).await
    }

    /// Returns the pages of a listing. Each is requested after the page before was taken, so a caller that fetches the
    /// objects of a page while it polls for the next one overlaps both.
    fn list_pages<'a>(&'a self, prefix: &'a str, delimiter: Delimiter) -> BoxStream<'a, Result<ListPage, Error>> {
        let begin = (Next::First, Paging::of(self));
        let pages = stream::try_unfold(begin, move |(at, mut paging)| async move {
            let token = match at {
                Next::First => None,
                Next::Page(token) => Some(token),
                Next::End => return Ok(None),
            };
            let page = self.list(prefix, delimiter, token).await?;
            paging.check(prefix, &page)?;
            let next = page.next.clone().map_or(Next::End, Next::Page);
            Ok(Some((page, (next, paging))))
        });
        pages.boxed()
    }

    /// Returns all pages of a listing, joined.
    async fn list_all(&self, prefix: &str, delimiter: Delimiter) -> Result<ListPage, Error> {
        let mut all = ListPage::default();
        let mut pages = self.list_pages(prefix, delimiter);
        while let Some(page) = pages.next().await {
            all.append(page?);
        }
        Ok(all)
    }
}

/// The next page of a listing.
enum Next {
    First,
    Page(PageToken),
    End,
}
