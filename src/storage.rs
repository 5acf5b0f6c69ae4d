//! Read-only object storage behind one trait: list keys, read bytes.
//!
//! Owns what a key, a listing, a range and a storage error are, and every store that can answer for them:
//! `local` (a folder that holds what a bucket would hold) and `memory` (a map, for tests). `faulty` wraps any store
//! and breaks it on purpose; `conformance` is the one suite that every store must pass.
//!
//! Must never write to a store, and must never know what keys mean: that is `layout`. Called by `session` only.
//!
//! # Why a listing is a page and not a stream
//!
//! A page is one paid request. The catalog budgets requests, so it must see them; `list_all` is for everybody else.

#[cfg(feature = "azure")]
mod azure;
pub mod config;
pub mod conformance;
mod connect;
mod error;
pub mod faulty;
#[cfg(feature = "gcs")]
mod gcs;
pub mod guarded;
mod list;
pub mod local;
pub mod memory;
#[cfg(feature = "oss")]
mod oss;
mod paging;
mod read;
#[cfg(any(feature = "s3", feature = "azure", feature = "oss", feature = "gcs"))]
mod refusal;
#[cfg(any(feature = "azure", feature = "oss"))]
mod rest;
#[cfg(feature = "s3")]
mod s3;
#[cfg(any(feature = "s3", feature = "azure", feature = "oss"))]
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

/// A bucket, or what stands for one.
///
/// Keys are UTF-8, split by `/`, relative to the bucket. They are never normalised: `a//b` is not `a/b`.
#[async_trait]
pub trait Storage: Debug + Send + Sync + 'static {
    /// One page of the objects whose keys start with `prefix`; no order is promised.
    ///
    /// With `Delimiter::Slash`, keys with a further `/` after the prefix are rolled up into `ListPage::prefixes`.
    /// A prefix that no key has gives an empty page, never an error. Pass `ListPage::next` back for the next page,
    /// with the same prefix and delimiter.
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error>;

    /// Whether listing costs neither money nor much time (a folder, memory), so that everything may be listed at every
    /// refresh. A wrapper passes on what the store inside says.
    fn listing_is_free(&self) -> bool {
        false
    }

    /// Whether each page of a listing has greater keys than the one before. A wrapper passes on what the store inside
    /// says.
    fn lists_in_order(&self) -> bool {
        true
    }

    /// Opens an object. With `if_match`, only while the object still has that `ETag`
    /// (`ErrorKind::PreconditionFailed` otherwise).
    ///
    /// A range is cut to what the object has: one that begins at or past the end gives an empty body, not an error.
    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error>;

    /// Opens an object as it is now.
    async fn read(&self, key: &str, range: ReadRange) -> Result<ObjectBody, Error> {
        self.read_matching(key, range, None).await
    }

    /// A whole object of at most `limit` bytes (`ErrorKind::TooLarge` otherwise, before anything is read).
    async fn read_all(&self, key: &str, limit: u64) -> Result<Bytes, Error> {
        self.read(key, ReadRange::Full).await?.read_all(limit).await
    }

    /// The pages of a listing, each asked for when the one before has been taken: whoever fetches what a page names
    /// while it polls for the next one overlaps both.
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

    /// All pages of a listing, joined.
    async fn list_all(&self, prefix: &str, delimiter: Delimiter) -> Result<ListPage, Error> {
        let mut all = ListPage::default();
        let mut pages = self.list_pages(prefix, delimiter);
        while let Some(page) = pages.next().await {
            all.append(page?);
        }
        Ok(all)
    }
}

/// Which page of a listing comes next.
enum Next {
    First,
    Page(PageToken),
    End,
}
