//! A store in memory, for tests and benchmarks: a sorted map from key to bytes.
//!
//! Accepts every key of a bucket, including those that no folder can have: `/log/x`, `a//b`, and both `x/` and `x/y`.

use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, ObjectMeta, PageToken, ReadRange, Storage, sorted};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use parking_lot::{RwLock, RwLockReadGuard};
use std::collections::BTreeMap;

/// Keys per page, as in S3, GCS and OSS.
const PAGE: usize = 1000;

/// The store. Shared by reference; the next request sees a write.
#[derive(Debug)]
pub struct Memory {
    objects: RwLock<BTreeMap<String, Object>>,
    page: usize,
}

#[derive(Clone, Debug)]
struct Object {
    bytes: Bytes,
    version: u64,
    modified: i64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { objects: RwLock::default(), page: PAGE }
    }
}

impl Memory {
    /// Returns a store with pages of at most `page` keys (at least one).
    pub fn with_page_size(page: usize) -> Self {
        Self { page: page.max(1), ..Self::default() }
    }

    /// Puts an object, replacing one of the same key.
    pub fn put(&self, key: impl Into<String>, bytes: impl Into<Bytes>) {
        self.put_modified(key, bytes, 0);
    }

    /// Puts an object with its time of modification, in nanoseconds since 1970.
    pub fn put_modified(&self, key: impl Into<String>, bytes: impl Into<Bytes>, modified: i64) {
        let mut objects = self.objects.write();
        let key = key.into();
        let version = objects.get(&key).map_or(0, |old| old.version + 1);
        objects.insert(key, Object { bytes: bytes.into(), version, modified });
    }

    /// Puts an object if there is none of this key. Returns `true` if it was put.
    pub fn put_absent(&self, key: &str, bytes: impl Into<Bytes>) -> bool {
        let mut objects = self.objects.write();
        let is_absent = !objects.contains_key(key);
        if is_absent {
            objects.insert(key.to_owned(), Object { bytes: bytes.into(), version: 0, modified: 0 });
        }
        is_absent
    }

    /// Replaces an object if it still has this `ETag`. Returns `true` if it was replaced.
    pub fn put_unchanged(&self, key: &str, bytes: impl Into<Bytes>, etag: &str) -> bool {
        let mut objects = self.objects.write();
        let Some(object) = objects.get_mut(key) else { return false };
        let is_same = object.meta(key).etag.as_deref() == Some(etag);
        if is_same {
            *object = Object { bytes: bytes.into(), version: object.version + 1, modified: object.modified };
        }
        is_same
    }

    /// Removes an object. Returns `true` if there was one.
    pub fn remove(&self, key: &str) -> bool {
        self.objects.write().remove(key).is_some()
    }

    fn objects(&self) -> RwLockReadGuard<'_, BTreeMap<String, Object>> {
        self.objects.read()
    }
}

impl Object {
    fn meta(&self, key: &str) -> ObjectMeta {
        ObjectMeta {
            key: key.to_owned(),
            size: self.bytes.len() as u64,
            etag: Some(format!("{:x}-{:x}", self.bytes.len(), self.version)),
            modified: Some(self.modified),
        }
    }
}

#[async_trait]
impl Storage for Memory {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        Ok(sorted::page(&self.objects(), prefix, delimiter, page, self.page, |key, object| object.meta(key)))
    }

    fn listing_is_free(&self) -> bool {
        true
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let object = self.objects().get(key).cloned().ok_or_else(|| Error::new(ErrorKind::NotFound, key))?;
        let meta = object.meta(key);
        if if_match.is_some() && if_match != meta.etag.as_deref() {
            return Err(Error::new(ErrorKind::PreconditionFailed, key));
        }
        let range = range.within(meta.size);
        let bytes = object.bytes.slice(range.start as usize..range.end as usize);
        let piece = (!bytes.is_empty()).then_some(Ok(bytes));
        Ok(ObjectBody { meta, range, is_measured: true, stream: stream::iter(piece).boxed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_keys_that_no_folder_can_have() {
        let store = Memory::with_page_size(1);
        for key in ["/log/x", "a//b", "x/", "x/y", "x"] {
            store.put(key, "");
        }
        let all = store.list_all("", Delimiter::None).await.unwrap();
        let keys: Vec<_> = all.objects.into_iter().map(|object| object.key).collect();
        assert_eq!(keys, ["/log/x", "a//b", "x", "x/", "x/y"]);
        let top = store.list_all("", Delimiter::Slash).await.unwrap();
        assert_eq!(top.prefixes, ["/", "a/", "x/"]);
        let below = store.list_all("x/", Delimiter::Slash).await.unwrap();
        assert_eq!(below.objects.len(), 2);
    }
}
