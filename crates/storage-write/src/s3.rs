//! Writes to Amazon S3, and to servers with its protocol.
//!
//! Bodies are streamed, and read once more before, for the hash in their signature (`signed`).

mod batch;
mod conditions;
mod signed;
mod upload;

use super::body::{Body, Content, answer, send};
use super::many::batches::{self, Refusals};
use super::{If, Put, StorageWrite, open_source, parts};
use async_trait::async_trait;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use conditions::Conditions;
use ray_history_storage::config::S3Config;
use ray_history_storage::connection::S3Connection;
use ray_history_storage::{Error, ErrorKind};
use signed::Signed;
use std::fs::File;
use std::sync::Arc;

const TO_PUT: &str = "s3:PutObject and s3:AbortMultipartUpload on the bucket";
const TO_HEAD: &str = "s3:ListBucket and s3:GetObject on the bucket, because it refuses conditional writes";
const TO_DELETE: &str = "s3:DeleteObject on the bucket";

/// The writing side of a bucket.
#[derive(Debug)]
pub(crate) struct S3Writer {
    connection: S3Connection,
    conditions: Conditions,
    refusals: Refusals,
}

type Refused<E> = SdkError<E, HttpResponse>;

impl S3Writer {
    pub(crate) async fn connect(config: &S3Config) -> Result<Self, Error> {
        let connection = S3Connection::open(config).await?;
        Ok(Self { connection, conditions: Conditions::default(), refusals: Refusals::default() })
    }

    /// Puts an object by one request, and returns the store's refusal apart from other errors.
    async fn put_whole(&self, key: &str, content: Content, condition: If<'_>) -> Result<Attempt, Error> {
        check(key)?;
        let S3Connection { client, bucket, payer } = &self.connection;
        let request = client.put_object().bucket(bucket).key(key).set_request_payer(payer.clone());
        let request = match condition {
            If::Any => request,
            If::Absent => request.if_none_match("*"),
            If::Unchanged(etag) => request.if_match(quoted(etag)),
        };
        let request = request.set_content_length(i64::try_from(content.len()).ok());
        let signed = Signed::of(key, &content).await?;
        send(key, content, |body| async move {
            match Box::pin(request.body(stream(body)).customize().interceptor(signed).send()).await {
                Ok(_) => Ok(Attempt::Written),
                Err(error @ SdkError::ServiceError(_)) => Ok(Attempt::Refused(Box::new(error))),
                Err(error) => Err(refused(key, error, TO_PUT)),
            }
        })
        .await
    }

    async fn put_always(&self, key: &str, content: Content) -> Result<(), Error> {
        match self.put_whole(key, content, If::Any).await? {
            Attempt::Written => Ok(()),
            Attempt::Refused(error) => Err(refused(key, *error, TO_PUT)),
        }
    }

    /// Returns `true` if a condition holds now, for stores that do not check it.
    async fn holds(&self, key: &str, condition: If<'_>) -> Result<bool, Error> {
        let S3Connection { client, bucket, payer } = &self.connection;
        let request = client.head_object().bucket(bucket).key(key).set_request_payer(payer.clone());
        let found = answer(key, async {
            match Box::pin(request.send()).await {
                Ok(head) => Ok(Some(head.e_tag.unwrap_or_default())),
                Err(error) => match S3Connection::refused(key, error, TO_HEAD) {
                    missing if missing.kind() == ErrorKind::NotFound => Ok(None),
                    error => Err(error),
                },
            }
        });
        let found = found.await?;
        Ok(match condition {
            If::Any => true,
            If::Absent => found.is_none(),
            If::Unchanged(etag) => found == Some(quoted(etag)),
        })
    }
}

/// The outcome of a put that the store answered.
enum Attempt {
    Written,
    Refused(Box<Refused<PutObjectError>>),
}

#[async_trait]
impl StorageWrite for S3Writer {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        let content = Content::Bytes(bytes);
        if condition == If::Any {
            return self.put_always(key, content).await.map(|()| Put::Written);
        }
        if self.conditions.are_sent() {
            match self.put_whole(key, content.clone(), condition).await? {
                Attempt::Written => return Ok(Put::Written),
                Attempt::Refused(error) if conditions::is_unsupported(&error) => {}
                // There is nothing to replace.
                Attempt::Refused(error) if condition != If::Absent && error.code() == Some("NoSuchKey") => {
                    return Ok(Put::Refused);
                }
                Attempt::Refused(error) => {
                    return match refused(key, *error, TO_PUT) {
                        changed if changed.kind() == ErrorKind::PreconditionFailed => Ok(Put::Refused),
                        error => Err(error),
                    };
                }
            }
        }
        if !self.holds(key, condition).await? {
            return Ok(Put::Refused);
        }
        self.put_always(key, content).await?;
        self.conditions.are_unsupported();
        Ok(Put::Written)
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        check(key)?;
        let file = Arc::new(open_source(key, file, len)?);
        match parts::of(&file, len) {
            parts if parts.is_empty() => self.put_always(key, Content::File(file, 0..len)).await,
            parts => Box::pin(upload::put(&self.connection, key, parts)).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        check(key)?;
        let S3Connection { client, bucket, payer } = &self.connection;
        let request = client.delete_object().bucket(bucket).key(key).set_request_payer(payer.clone());
        answer(key, async {
            match Box::pin(request.send()).await {
                Ok(_) => Ok(()),
                Err(error) => match S3Connection::refused(key, error, TO_DELETE) {
                    missing if missing.kind() == ErrorKind::NotFound => Ok(()),
                    error => Err(error),
                },
            }
        })
        .await
    }

    async fn delete_many(&self, keys: &[String]) -> Vec<Result<(), Error>> {
        batches::delete(self, keys).await
    }
}

fn check(key: &str) -> Result<(), Error> {
    if key.is_empty() { Err(Error::invalid_key(key, "a key has at least one character")) } else { Ok(()) }
}

/// Returns an `ETag` as S3 writes it: the reading side reports it without quotes.
fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

fn stream(body: Body) -> ByteStream {
    ByteStream::new(SdkBody::from_body_1_x(body))
}

/// Converts the error of a write. A key that is written is never missing, so 404 means the bucket.
fn refused<E>(key: &str, error: Refused<E>, needs: &'static str) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let error = S3Connection::refused(key, error, needs);
    match error.kind() {
        ErrorKind::NotFound => Error::because(ErrorKind::NoBucket, key, "check the bucket's name and the endpoint"),
        _ => error,
    }
}
