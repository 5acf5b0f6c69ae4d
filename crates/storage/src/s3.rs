//! Amazon S3, and servers with its protocol: `MinIO`, Ceph, versitygw.
//!
//! One request per call: the SDK's retries and its protection against stalled streams are off, because `guarded` does
//! both for every store. Errors must never contain a server's own message.

mod capped;
mod client;
mod encoding;
mod error;
mod paging;

use super::config::S3Config;
use super::wire::{self, RangeRequest};
use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, ObjectMeta, PageToken, ReadRange, Storage};
use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{EncodingType, RequestPayer};
use capped::Capped;
pub use client::S3Connection;
use futures_util::stream::{self, StreamExt};

/// A bucket.
#[derive(Debug)]
pub(super) struct S3 {
    client: Client,
    bucket: String,
    payer: Option<RequestPayer>,
}

impl S3 {
    pub(super) async fn connect(config: &S3Config) -> Result<Self, Error> {
        let S3Connection { client, bucket, payer } = S3Connection::open(config).await?;
        Ok(Self { client, bucket, payer })
    }

    /// Reads the metadata of an object with a HEAD.
    async fn head(&self, key: &str, if_match: Option<&str>) -> Result<ObjectMeta, Error> {
        let request = self.client.head_object().bucket(&self.bucket).key(key);
        let request = request.set_if_match(if_match.map(quoted)).set_request_payer(self.payer.clone());
        let head = request.customize().interceptor(Capped::Object).send().await;
        let head = head.map_err(|refused| error::refused(key, refused))?;
        Ok(ObjectMeta {
            key: key.to_owned(),
            size: bytes(head.content_length()).unwrap_or_default(),
            etag: head.e_tag().and_then(wire::etag),
            modified: head.last_modified().and_then(nanoseconds),
        })
    }
}

#[async_trait]
impl Storage for S3 {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let request = request.set_delimiter((delimiter == Delimiter::Slash).then(|| "/".to_owned()));
        // XML cannot contain some characters that a key may have: one such key would fail the whole page.
        let request = request.encoding_type(EncodingType::Url);
        let request = paging::request_page(request, page).set_request_payer(self.payer.clone());
        let request = request.customize().interceptor(paging::RequireComplete).interceptor(Capped::Listing);
        let listed = request.send().await.map_err(|refused| error::listing_refused(prefix, refused))?;
        let listed = encoding::decode(listed);
        let next = paging::next_token(&listed).map_err(|why| Error::failed(prefix, why))?;
        let objects = listed.contents.unwrap_or_default().into_iter().filter_map(|object| {
            Some(ObjectMeta {
                size: bytes(object.size).unwrap_or_default(),
                etag: object.e_tag.as_deref().and_then(wire::etag),
                modified: object.last_modified.as_ref().and_then(nanoseconds),
                key: object.key?,
            })
        });
        let prefixes = listed.common_prefixes.unwrap_or_default().into_iter().filter_map(|common| common.prefix);
        Ok(ListPage { objects: objects.collect(), prefixes: prefixes.collect(), skipped: Vec::new(), next })
    }

    /// Directory buckets (S3 Express), which have this suffix, are listed in no order.
    fn lists_in_order(&self) -> bool {
        !self.bucket.ends_with("--x-s3")
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        if key.is_empty() {
            return Err(Error::invalid_key(key, "a key has at least one character"));
        }
        let part = match RangeRequest::from(range) {
            RangeRequest::Whole => None,
            RangeRequest::Part(part) => Some(part),
            RangeRequest::Head => return wire::empty(self.head(key, if_match).await?, range),
        };
        let request = self.client.get_object().bucket(&self.bucket).key(key).set_range(part);
        let request = request.set_if_match(if_match.map(quoted)).set_request_payer(self.payer.clone());
        let object = match request.customize().interceptor(Capped::Object).send().await {
            Ok(object) => object,
            Err(refused) if error::is_past_the_end(&refused) => {
                return wire::empty(self.head(key, if_match).await?, range);
            }
            Err(refused) => return Err(error::refused(key, refused)),
        };
        let served = wire::served(object.content_range(), bytes(object.content_length()));
        let (size, served) = served.map_err(|why| Error::failed(key, why))?.unzip();
        let meta = ObjectMeta {
            key: key.to_owned(),
            size: size.unwrap_or_default(),
            etag: object.e_tag().and_then(wire::etag),
            modified: object.last_modified().and_then(nanoseconds),
        };
        let key = key.to_owned();
        let pieces = stream::unfold((object.body, key), |(mut body, key)| async move {
            let piece = body.next().await?;
            Some((piece.map_err(|broken| Error::because(ErrorKind::Truncated, &key, broken)), (body, key)))
        });
        wire::body(meta, range, served, pieces.boxed())
    }
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn bytes(length: Option<i64>) -> Option<u64> {
    length.and_then(|length| u64::try_from(length).ok())
}

fn nanoseconds(time: &aws_sdk_s3::primitives::DateTime) -> Option<i64> {
    i64::try_from(time.as_nanos()).ok()
}
