//! An upload in parts.

use super::super::body::{Content, answer};
use super::super::parts::{self, Abort};
use super::{Headers, put};
use http::Method;
use ray_history_storage::connection::{OssConnection, document_of, path, query, text_of};
use ray_history_storage::{Error, ErrorKind};
use std::fmt::Write;
use std::sync::Arc;

/// Puts an object, whole or not at all.
pub(super) async fn put_parts(connection: &Arc<OssConnection>, key: &str, content: Vec<Content>) -> Result<(), Error> {
    let path = path(key)?;
    let (id, abort) = parts::begin(key, begin(Arc::clone(connection), key.to_owned(), path.clone())).await?;
    abort.unless_done(run(connection, key, &path, &id, content).await).await
}

/// Begins an upload. Returns its id, and what aborts it.
async fn begin(connection: Arc<OssConnection>, key: String, path: String) -> Result<(String, Abort), Error> {
    let none = Content::Bytes(Vec::new().into());
    let begun = put(&connection, &key, Method::POST, &format!("{path}?uploads"), none, Headers::new()).await?;
    let document = answer(&key, document_of(&key, begun)).await?;
    let no_id = || Error::because(ErrorKind::Unavailable, &key, "the store gave the upload no id");
    let id = query(&text_of(&document, "UploadId").ok_or_else(no_id)?);
    let at = format!("{path}?uploadId={id}");
    let abort = Abort::by(async move {
        if let Ok(request) = connection.request(&key, Method::DELETE, &at, &[]).await {
            drop(connection.send(&key, super::TO_PUT, request).await);
        }
    });
    Ok((id, abort))
}

async fn run(connection: &OssConnection, key: &str, path: &str, id: &str, content: Vec<Content>) -> Result<(), Error> {
    let parts = parts::put(content, |number, part| {
        let at = format!("{path}?partNumber={number}&uploadId={id}");
        async move {
            let answer = put(connection, key, Method::PUT, &at, part, Headers::new()).await?;
            let etag = answer.headers().get("etag").and_then(|etag| etag.to_str().ok()).map(str::to_owned);
            etag.ok_or_else(|| Error::because(ErrorKind::Unavailable, key, "the store did not confirm a part"))
        }
    })
    .await?;
    let mut list = "<CompleteMultipartUpload>".to_owned();
    for (number, etag) in (1..).zip(&parts) {
        let etag = etag.replace(['<', '&'], ""); // Of hexadecimal digits, in quotes.
        let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    list.push_str("</CompleteMultipartUpload>");
    let at = format!("{path}?uploadId={id}");
    put(connection, key, Method::POST, &at, Content::Bytes(list.into()), Headers::new()).await.map(|_| ())
}
