//! Writes to Alibaba Cloud OSS.

mod batch;
mod upload;

use super::body::{Content, answer, send};
use super::many::batches::{self, Refusals};
use super::{If, Put, StorageWrite, open_source, parts};
use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use ray_history_storage::config::OssConfig;
use ray_history_storage::connection::{OssConnection, path};
use ray_history_storage::{Error, ErrorKind};
use reqwest::Response;
use std::fs::File;
use std::sync::Arc;

const TO_PUT: &str = "oss:PutObject and oss:AbortMultipartUpload on the bucket";
const TO_HEAD: &str = "oss:GetObject on the bucket, because OSS has no condition for replacing an object";
const TO_DELETE: &str = "oss:DeleteObject on the bucket";

/// The writing side of a bucket.
#[derive(Debug)]
pub(crate) struct OssWriter {
    connection: Arc<OssConnection>,
    refusals: Refusals,
}

type Headers = Vec<(&'static str, String)>;

impl OssWriter {
    pub(crate) fn connect(config: &OssConfig) -> Result<Self, Error> {
        Ok(Self { connection: Arc::new(OssConnection::open(config)?), refusals: Refusals::default() })
    }

    /// Returns `true` if an object still has this `ETag`.
    async fn is_unchanged(&self, key: &str, etag: &str) -> Result<bool, Error> {
        let headers = [("if-match", format!("\"{etag}\""))];
        let asked = answer(key, async {
            let request = self.connection.request(key, Method::HEAD, &path(key)?, &headers).await?;
            self.connection.send(key, TO_HEAD, request).await
        });
        match asked.await {
            Ok(_) => Ok(true),
            Err(error) if [ErrorKind::NotFound, ErrorKind::PreconditionFailed].contains(&error.kind()) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Sends a request with a body.
async fn put(
    connection: &OssConnection,
    key: &str,
    method: Method,
    path: &str,
    content: Content,
    mut headers: Headers,
) -> Result<Response, Error> {
    headers.push(("content-length", content.len().to_string()));
    send(key, content, |body| async move {
        let mut request = connection.request(key, method, path, &headers).await?;
        *request.body_mut() = Some(reqwest::Body::wrap(body));
        connection.send(key, TO_PUT, request).await
    })
    .await
    .map_err(|error| match error.kind() {
        // A key that is written is never missing, so 404 means the bucket.
        ErrorKind::NotFound => Error::because(ErrorKind::NoBucket, key, "check its name, and the region"),
        _ => error,
    })
}

#[async_trait]
impl StorageWrite for OssWriter {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        if let If::Unchanged(etag) = condition
            && !self.is_unchanged(key, etag).await?
        {
            return Ok(Put::Refused);
        }
        let only_absent = condition == If::Absent;
        let condition = only_absent.then(|| ("x-oss-forbid-overwrite", "true".to_owned()));
        let headers = condition.into_iter().collect();
        match put(&self.connection, key, Method::PUT, &path(key)?, Content::Bytes(bytes), headers).await {
            Ok(_) => Ok(Put::Written),
            Err(error) if only_absent && error.kind() == ErrorKind::PreconditionFailed => Ok(Put::Refused),
            Err(error) => Err(error),
        }
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let file = Arc::new(open_source(key, file, len)?);
        match parts::of(&file, len) {
            parts if parts.is_empty() => {
                let content = Content::File(file, 0..len);
                put(&self.connection, key, Method::PUT, &path(key)?, content, Headers::new()).await.map(|_| ())
            }
            parts => upload::put_parts(&self.connection, key, parts).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let path = path(key)?;
        let deleted = answer(key, async {
            let request = self.connection.request(key, Method::DELETE, &path, &[]).await?;
            self.connection.send(key, TO_DELETE, request).await
        });
        match deleted.await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn delete_many(&self, keys: &[String]) -> Vec<Result<(), Error>> {
        batches::delete(self, keys).await
    }
}
