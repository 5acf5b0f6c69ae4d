//! Batches of S3: `DeleteObjects`.
//!
//! They have a `Content-MD5` in place of the checksum that the SDK would send: Amazon takes both, and several servers
//! with its protocol only this one.

use super::super::body::answer;
use super::super::many::batches::{Asked, Batches, Refusals, content_md5};
use super::{Refused, S3Writer, TO_DELETE, refused};
use async_trait::async_trait;
use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::delete_objects::{DeleteObjectsError, DeleteObjectsOutput};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use ray_history_storage::connection::{S3Connection, refused_key};
use ray_history_storage::{Error, ErrorKind};

#[async_trait]
impl Batches for S3Writer {
    async fn ask(&self, keys: &[&str]) -> Asked {
        let first = keys.first().copied().unwrap_or_default();
        let unmade = |error| Error::failed(first, error);
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(*key).build());
        let delete = objects.collect::<Result<Vec<_>, _>>().and_then(|objects| {
            // Not quiet: of a key of which nothing is said, nothing is known.
            Delete::builder().set_objects(Some(objects)).quiet(false).build()
        });
        let S3Connection { client, bucket, payer } = &self.connection;
        let request = match delete {
            Ok(delete) => client.delete_objects().bucket(bucket).delete(delete).set_request_payer(payer.clone()),
            Err(error) => return Asked::Failed(unmade(error)),
        };
        let request = request.customize().interceptor(S3Connection::bounded()).mutate_request(with_md5);
        match answer(first, async { Ok(Box::pin(request.send()).await) }).await {
            Ok(Ok(told)) => told_of(told),
            Ok(Err(error)) => meaning(first, error),
            Err(late) => Asked::Failed(late),
        }
    }

    fn refusals(&self) -> &Refusals {
        &self.refusals
    }
}

/// Replaces the checksum of a body.
fn with_md5(request: &mut HttpRequest) {
    let Some(md5) = request.body().bytes().map(content_md5) else { return };
    let headers = request.headers_mut();
    let others: Vec<String> = headers
        .iter()
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.starts_with("x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm")
        .collect();
    for name in others {
        headers.remove(name);
    }
    headers.insert("content-md5", md5);
}

fn told_of(answer: DeleteObjectsOutput) -> Asked {
    let deleted = answer.deleted.into_iter().flatten().filter_map(|object| Some((object.key?, Ok(()))));
    let failed = answer.errors.into_iter().flatten().filter_map(|error| {
        let key = error.key?;
        let refused = refused_key(&key, error.code.as_deref().unwrap_or_default(), TO_DELETE);
        let result = if refused.kind() == ErrorKind::NotFound { Ok(()) } else { Err(refused) };
        Some((key, result))
    });
    // If both are said of a key, it was not deleted.
    Asked::Told(deleted.chain(failed).collect())
}

fn meaning(key: &str, error: Refused<DeleteObjectsError>) -> Asked {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let code = error.code().unwrap_or_default().to_owned();
    let error = refused(key, error, TO_DELETE);
    match (status, &*code) {
        (200..=299, _) => Asked::Refused { lasting: false },
        (405 | 501, _)
        | (403, "" | "AccessDenied")
        | (400, "" | "InvalidArgument" | "InvalidRequest" | "NotImplemented") => Asked::Refused { lasting: true },
        (400, _) if error.kind() == ErrorKind::Failed => Asked::Refused { lasting: false },
        _ => Asked::Failed(error),
    }
}
