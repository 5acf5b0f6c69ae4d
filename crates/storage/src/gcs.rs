//! Google Cloud Storage: listings over gRPC, reads over HTTP, both with Google's client.
//!
//! The `ETag` of an object is its generation: both report it, and reads can be conditional on it.

mod credentials;
mod error;
mod renewed;

use super::config::GcsConfig;
use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, ObjectMeta, PageToken, ReadRange, Storage, wire};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use google_cloud_auth::credentials::Credentials;
use google_cloud_gax::error::Error as Refused;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::client::{Storage as Reads, StorageControl as Lists};
use google_cloud_storage::model_ext::{ObjectHighlights, ReadRange as Part};
use google_cloud_storage::read_object::ReadObjectResponse as Opened;
use google_cloud_storage::read_resume_policy::NeverResume;
use renewed::Renewed;

/// Why a part of an object is not read.
const OTHER_PART: &str = "the store sent more bytes than were requested";

/// A bucket.
#[derive(Debug)]
pub(super) struct Gcs {
    lists: Renewed<Lists>,
    reads: Renewed<Reads>,
    /// `projects/_/buckets/NAME`
    bucket: String,
}

impl Gcs {
    pub(super) async fn connect(config: &GcsConfig) -> Result<Self, Error> {
        let credentials = credentials::credentials(config)?;
        let reads = {
            let (credentials, endpoint) = (credentials.clone(), config.endpoint.clone());
            Renewed::new(move || reads(credentials.clone(), endpoint.clone()).boxed())
        };
        let endpoint = config.listing_endpoint.clone().or_else(|| config.endpoint.clone());
        let lists = Renewed::new(move || lists(credentials.clone(), endpoint.clone()).boxed());
        let bucket = format!("projects/_/buckets/{}", config.bucket);
        Ok(Self { lists: lists.await?, reads: reads.await?, bucket })
    }

    /// Opens a part of an object. The inner result is the store's response, for the caller to interpret.
    async fn open(&self, key: &str, part: Part, generation: Option<i64>) -> Result<Result<Opened, Refused>, Error> {
        let (reads, in_flight) = self.reads.get().await?;
        let request = reads.read_object(&self.bucket, key).set_read_range(part);
        let opened = match generation {
            Some(generation) => request.set_if_generation_match(generation).send().await,
            None => request.send().await,
        };
        in_flight.answered();
        Ok(opened)
    }
}

// Without retries, which `guarded` does for every store.

async fn reads(credentials: Credentials, endpoint: Option<String>) -> Result<Reads, Error> {
    let mut builder = Reads::builder().with_credentials(credentials).with_retry_policy(NeverRetry);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder.with_read_resume_policy(NeverResume).build().await.map_err(|error| Error::failed("", error))
}

async fn lists(credentials: Credentials, endpoint: Option<String>) -> Result<Lists, Error> {
    let mut builder = Lists::builder().with_credentials(credentials).with_retry_policy(NeverRetry);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder.build().await.map_err(|error| Error::failed("", error))
}

#[async_trait]
impl Storage for Gcs {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let (lists, in_flight) = self.lists.get().await?;
        let mut request = lists.list_objects().set_parent(&self.bucket).set_prefix(prefix).set_page_size(1000);
        if delimiter == Delimiter::Slash {
            request = request.set_delimiter("/");
        }
        if let Some(PageToken(token)) = page {
            request = request.set_page_token(token);
        }
        let listed = request.send().await;
        in_flight.answered();
        let listed = listed.map_err(|refused| error::listing_refused(prefix, &refused))?;
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
            return Err(Error::new(ErrorKind::PreconditionFailed, key)); // Not a generation.
        };
        let part = match range {
            ReadRange::Full | ReadRange::From(0) => Some(Part::all()),
            ReadRange::From(start) => Some(Part::offset(start)),
            ReadRange::Between(start, end) if start < end => Some(Part::segment(start, end - start)),
            ReadRange::Between(..) | ReadRange::Tail(0) => None,
            ReadRange::Tail(count) => Some(Part::tail(count)),
        };
        if let Some(part) = part {
            match self.open(key, part, generation).await? {
                Ok(object) => {
                    let meta = meta(key, &object.object(), if_match)?;
                    let served = range.within(meta.size);
                    let (key, left) = (key.to_owned(), served.end - served.start);
                    let pieces = stream::unfold((object, key, left), |(mut object, key, mut left)| async move {
                        let piece = next(&mut object, &key, &mut left).await?;
                        Some((piece, (object, key, left)))
                    });
                    return wire::body(meta, range, Some(served), pieces.boxed());
                }
                // Past the end; emulators answer with an invalid range instead of 416.
                Err(refused) if refused.http_status_code() == Some(416) || refused.is_deserialization() => {}
                Err(refused) => return Err(error::refused(key, &refused)),
            }
        }
        // Opened for its headers; its body is not read.
        let object = self.open(key, Part::all(), generation).await?.map_err(|refused| error::refused(key, &refused))?;
        wire::empty(meta(key, &object.object(), if_match)?, range)
    }
}

/// Returns the next piece of a range; `left` counts its missing bytes.
///
/// Google's client does not report which range it received. A whole object sent in place of a range is longer, so the
/// last piece is only returned if nothing follows it.
async fn next(object: &mut Opened, key: &str, left: &mut u64) -> Option<Result<Bytes, Error>> {
    let piece = match object.next().await? {
        Ok(piece) => piece,
        Err(broken) => return Some(Err(error::broken(key, broken))),
    };
    let before = std::mem::replace(left, left.saturating_sub(piece.len() as u64));
    let is_more = match *left {
        0 if before < piece.len() as u64 => true,
        0 => matches!(object.next().await, Some(Ok(more)) if !more.is_empty()),
        _ => false,
    };
    Some(if is_more { Err(Error::failed(key, OTHER_PART)) } else { Ok(piece) })
}

/// Reads the metadata from the headers. Checks the condition, because emulators ignore it.
fn meta(key: &str, object: &ObjectHighlights, if_match: Option<&str>) -> Result<ObjectMeta, Error> {
    let etag = Some(object.generation.to_string());
    if if_match.is_some() && if_match != etag.as_deref() {
        return Err(Error::new(ErrorKind::PreconditionFailed, key));
    }
    Ok(ObjectMeta { key: key.to_owned(), size: u64::try_from(object.size).unwrap_or_default(), etag, modified: None })
}
