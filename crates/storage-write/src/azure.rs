//! Writes to Azure Blob Storage: block blobs, long ones as blocks that are committed together.
//!
//! Blocks of an upload that failed cannot be deleted; Azure removes them with the next write of the blob, or after a
//! week. Their ids are unique, so no other upload takes them for its own.

use super::body::{Content, answer, send};
use super::{If, Put, StorageWrite, open_source, parts};
use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::Method;
use ray_history_storage::config::AzureConfig;
use ray_history_storage::connection::{AzureConnection, query};
use ray_history_storage::{Error, ErrorKind};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

const TO_WRITE: &str = "write blobs of the container (role Storage Blob Data Contributor)";
const TO_DELETE: &str = "delete blobs of the container (role Storage Blob Data Contributor)";

/// The writing side of a container.
#[derive(Debug)]
pub(crate) struct AzureWriter(AzureConnection);

type Headers = Vec<(&'static str, String)>;

impl AzureWriter {
    pub(crate) fn connect(config: &AzureConfig) -> Result<Self, Error> {
        Ok(Self(AzureConnection::open(config)?))
    }

    async fn put_content(&self, key: &str, url: &str, content: Content, mut headers: Headers) -> Result<(), Error> {
        headers.push(("content-length", content.len().to_string()));
        send(key, content, |body| async move {
            let mut request = self.0.request(key, Method::PUT, url, &headers).await?;
            *request.body_mut() = Some(reqwest::Body::wrap(body));
            self.0.send(key, TO_WRITE, request).await
        })
        .await
        .map(|_| ())
        .map_err(|error| name_container(key, error))
    }

    async fn put_whole(&self, key: &str, content: Content, mut headers: Headers) -> Result<(), Error> {
        headers.push(("x-ms-blob-type", "BlockBlob".to_owned()));
        self.put_content(key, &self.0.url(key)?, content, headers).await
    }

    async fn put_blocks(&self, key: &str, blocks: Vec<Content>) -> Result<(), Error> {
        let url = self.0.url(key)?;
        let upload = RandomState::new().hash_one(key);
        let ids = parts::put(blocks, |number, block| {
            // All ids of a blob have the same length.
            let id = BASE64_STANDARD.encode(format!("{upload:016x}-{number:05}"));
            let url = format!("{url}?comp=block&blockid={}", query(&id));
            async move { self.put_content(key, &url, block, Headers::new()).await.map(|()| id) }
        })
        .await?;
        let ids = ids.join("</Uncommitted><Uncommitted>");
        let list = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><Uncommitted>{ids}</Uncommitted></BlockList>"
        );
        self.put_content(key, &format!("{url}?comp=blocklist"), Content::Bytes(list.into()), Headers::new()).await
    }
}

#[async_trait]
impl StorageWrite for AzureWriter {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        let header = match condition {
            If::Any => None,
            If::Absent => Some(("if-none-match", "*".to_owned())),
            If::Unchanged(etag) => Some(("if-match", format!("\"{etag}\""))),
        };
        match self.put_whole(key, Content::Bytes(bytes), header.into_iter().collect()).await {
            Ok(()) => Ok(Put::Written),
            Err(error) if condition != If::Any && error.kind() == ErrorKind::PreconditionFailed => Ok(Put::Refused),
            Err(error) => Err(error),
        }
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let file = Arc::new(open_source(key, file, len)?);
        match parts::of(&file, len) {
            blocks if blocks.is_empty() => self.put_whole(key, Content::File(file, 0..len), Headers::new()).await,
            blocks => self.put_blocks(key, blocks).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let url = self.0.url(key)?;
        let headers = [("x-ms-delete-snapshots", "include".to_owned())];
        let deleted = answer(key, async {
            let request = self.0.request(key, Method::DELETE, &url, &headers).await?;
            self.0.send(key, TO_DELETE, request).await
        });
        match deleted.await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A key that is written is never missing, so 404 means the container.
fn name_container(key: &str, error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::because(ErrorKind::NoBucket, key, "check its name, and the account"),
        _ => error,
    }
}
