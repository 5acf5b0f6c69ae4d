//! Writes to Google Cloud Storage: its JSON API.
//!
//! An object of any size is put by one request, which Google stores whole or not at all. Its uploads in parts would
//! bring only resumption, and a call here is one attempt.

use super::body::{Content, answer, send};
use super::{If, Put, StorageWrite, open_source};
use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use ray_history_storage::config::GcsConfig;
use ray_history_storage::connection::GcsConnection;
use ray_history_storage::{Error, ErrorKind};
use std::fs::File;
use std::sync::Arc;

const TO_PUT: &str = "storage.objects.create and, to replace objects, storage.objects.delete on the bucket (role \
                      Storage Object User)";
const TO_DELETE: &str = "storage.objects.delete on the bucket (role Storage Object User)";

/// The writing side of a bucket.
#[derive(Debug)]
pub(crate) struct GcsWriter(GcsConnection);

impl GcsWriter {
    pub(crate) fn connect(config: &GcsConfig) -> Result<Self, Error> {
        Ok(Self(GcsConnection::open(config)?))
    }

    async fn put_content(&self, key: &str, content: Content, condition: If<'_>) -> Result<Put, Error> {
        let condition = match condition {
            If::Any => String::new(),
            If::Absent => "&ifGenerationMatch=0".to_owned(),
            // The ETag that the reading side reports is the generation.
            If::Unchanged(etag) => match etag.parse::<u64>() {
                Ok(generation) => format!("&ifGenerationMatch={generation}"),
                Err(_) => return Ok(Put::Refused),
            },
        };
        let name = GcsConnection::name(key)?;
        let path = format!("/upload/storage/v1/b/{}/o?uploadType=media&name={name}{condition}", self.0.bucket());
        let length = content.len();
        let put = send(key, content, |body| async move {
            let mut request = self.0.request(key, Method::POST, &path).await?;
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
            *request.body_mut() = Some(reqwest::Body::wrap(body));
            self.0.send(key, TO_PUT, request).await
        });
        match put.await {
            Ok(_) => Ok(Put::Written),
            Err(error) => match error.kind() {
                ErrorKind::PreconditionFailed if !condition.is_empty() => Ok(Put::Refused),
                // A key that is written is never missing.
                ErrorKind::NotFound => Err(Error::because(ErrorKind::NoBucket, key, "check the bucket's name")),
                _ => Err(error),
            },
        }
    }
}

#[async_trait]
impl StorageWrite for GcsWriter {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        self.put_content(key, Content::Bytes(bytes), condition).await
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let file = Arc::new(open_source(key, file, len)?);
        self.put_content(key, Content::File(file, 0..len), If::Any).await.map(|_| ())
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let path = format!("/storage/v1/b/{}/o/{}", self.0.bucket(), GcsConnection::name(key)?);
        let deleted = answer(key, async {
            let request = self.0.request(key, Method::DELETE, &path).await?;
            self.0.send(key, TO_DELETE, request).await
        });
        match deleted.await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
