//! Google Cloud Storage: listings over gRPC, reads over HTTP, both by Google's client.
//!
//! An object's `ETag` here is its generation: it is in both, and reads can be made conditional on it.

mod credentials;
mod error;

use super::config::GcsConfig;
use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, ObjectMeta, PageToken, ReadRange, Storage, wire};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::client::{Storage as Reads, StorageControl as Lists};
use google_cloud_storage::model_ext::{ObjectHighlights, ReadRange as Part};
use google_cloud_storage::read_resume_policy::NeverResume;

/// A bucket.
#[derive(Debug)]
pub(super) struct Gcs {
    lists: Lists,
    reads: Reads,
    /// `projects/_/buckets/NAME`
    bucket: String,
}

impl Gcs {
    pub(super) async fn connect(config: &GcsConfig) -> Result<Self, Error> {
        let credentials = credentials::credentials(config)?;
        // `guarded` tries again, for every store alike.
        let mut reads = Reads::builder().with_credentials(credentials.clone()).with_retry_policy(NeverRetry);
        let mut lists = Lists::builder().with_credentials(credentials).with_retry_policy(NeverRetry);
        if let Some(endpoint) = &config.endpoint {
            reads = reads.with_endpoint(endpoint);
        }
        if let Some(endpoint) = config.listing_endpoint.as_ref().or(config.endpoint.as_ref()) {
            lists = lists.with_endpoint(endpoint);
        }
        let unusable = |error: google_cloud_gax::client_builder::Error| Error::failed("", error);
        Ok(Self {
            reads: reads.with_read_resume_policy(NeverResume).build().await.map_err(unusable)?,
            lists: lists.build().await.map_err(unusable)?,
            bucket: format!("projects/_/buckets/{}", config.bucket),
        })
    }
}

#[async_trait]
impl Storage for Gcs {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let mut request = self.lists.list_objects().set_parent(&self.bucket).set_prefix(prefix).set_page_size(1000);
        if delimiter == Delimiter::Slash {
            request = request.set_delimiter("/");
        }
        if let Some(PageToken(token)) = page {
            request = request.set_page_token(token);
        }
        let listed = request.send().await.map_err(|refused| error::listing_refused(prefix, &refused))?;
        let objects = listed.objects.into_iter().map(|object| ObjectMeta {
            key: object.name,
            size: u64::try_from(object.size).unwrap_or_default(),
            etag: Some(object.generation.to_string()),
            modified: object
                .update_time
                .and_then(|time| time.seconds().checked_mul(1_000_000_000)?.checked_add(i64::from(time.nanos()))),
        });
        let next = Some(listed.next_page_token).filter(|token| !token.is_empty()).map(PageToken);
        Ok(ListPage { objects: objects.collect(), prefixes: listed.prefixes, skipped: Vec::new(), next })
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        if key.is_empty() {
            return Err(Error::invalid_key(key, "a key has at least one character"));
        }
        let Ok(generation) = if_match.map(str::parse::<i64>).transpose() else {
            return Err(Error::new(ErrorKind::PreconditionFailed, key)); // Not a tag of ours.
        };
        let open = |part: Part| {
            let request = self.reads.read_object(&self.bucket, key).set_read_range(part);
            match generation {
                Some(generation) => request.set_if_generation_match(generation),
                None => request,
            }
        };
        let part = match range {
            ReadRange::Full | ReadRange::From(0) => Some(Part::all()),
            ReadRange::From(start) => Some(Part::offset(start)),
            ReadRange::Between(start, end) if start < end => Some(Part::segment(start, end - start)),
            ReadRange::Between(..) | ReadRange::Tail(0) => None,
            ReadRange::Tail(count) => Some(Part::tail(count)),
        };
        if let Some(part) = part {
            match open(part).send().await {
                Ok(object) => {
                    let meta = meta(key, &object.object());
                    // Emulators pass over the condition.
                    if if_match.is_some() && if_match != meta.etag.as_deref() {
                        return Err(Error::new(ErrorKind::PreconditionFailed, key));
                    }
                    let served = range.within(meta.size);
                    let key = key.to_owned();
                    let pieces = stream::unfold((object, key), |(mut object, key)| async move {
                        let piece = object.next().await?;
                        let piece = piece.map_err(|broken| error::broken(&key, broken));
                        Some((piece, (object, key)))
                    });
                    return wire::body(meta, range, served, pieces.boxed());
                }
                // Past the end; emulators say it in a range that is none.
                Err(refused) if refused.http_status_code() == Some(416) || refused.is_deserialization() => {}
                Err(refused) => return Err(error::refused(key, &refused)),
            }
        }
        // Opened for what its headers tell; its body is not read.
        let object = open(Part::all()).send().await.map_err(|refused| error::refused(key, &refused))?;
        wire::empty(meta(key, &object.object()), range)
    }
}

fn meta(key: &str, object: &ObjectHighlights) -> ObjectMeta {
    let etag = Some(object.generation.to_string());
    ObjectMeta { key: key.to_owned(), size: u64::try_from(object.size).unwrap_or_default(), etag, modified: None }
}
