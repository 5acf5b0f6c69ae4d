//! An upload in parts.

use super::super::body::{Content, answer, send};
use super::super::parts::{self, Abort};
use super::signed::Signed;
use super::{TO_PUT, refused, stream};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use ray_history_storage::connection::S3Connection;
use ray_history_storage::{Error, ErrorKind};

/// Puts an object, whole or not at all.
pub(super) async fn put(connection: &S3Connection, key: &str, content: Vec<Content>) -> Result<(), Error> {
    let S3Connection { client, bucket, payer } = connection;
    let request = client.create_multipart_upload().bucket(bucket).key(key).set_request_payer(payer.clone());
    let abort = client.abort_multipart_upload().bucket(bucket).key(key).set_request_payer(payer.clone());
    let owned = key.to_owned();
    let begun = parts::begin(key, async move {
        let begun = async { Box::pin(request.send()).await.map_err(|error| refused(&owned, error, TO_PUT)) };
        let begun = answer(&owned, begun).await?;
        let no_id = || Error::because(ErrorKind::Unavailable, &owned, "the store gave the upload no id");
        let id = begun.upload_id.ok_or_else(no_id)?;
        let abort = abort.upload_id(&id);
        Ok((id, Abort::by(async move { drop(abort.send().await) })))
    });
    let (id, abort) = begun.await?;
    abort.unless_done(Upload { connection, key, id }.run(content).await).await
}

struct Upload<'a> {
    connection: &'a S3Connection,
    key: &'a str,
    id: String,
}

impl Upload<'_> {
    async fn run(&self, content: Vec<Content>) -> Result<(), Error> {
        let S3Connection { client, bucket, payer } = self.connection;
        let parts = parts::put(content, |number, part| self.part(number, part)).await?;
        let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = client.complete_multipart_upload().bucket(bucket).key(self.key).upload_id(&self.id);
        let request = request.multipart_upload(all).set_request_payer(payer.clone());
        answer(self.key, async { Box::pin(request.send()).await.map_err(|error| refused(self.key, error, TO_PUT)) })
            .await?;
        Ok(())
    }

    async fn part(&self, number: u16, part: Content) -> Result<CompletedPart, Error> {
        let S3Connection { client, bucket, payer } = self.connection;
        let request = client.upload_part().bucket(bucket).key(self.key).upload_id(&self.id);
        let request = request.part_number(number.into()).set_content_length(i64::try_from(part.len()).ok());
        let request = request.set_request_payer(payer.clone());
        let signed = Signed::of(self.key, &part).await?;
        let put = send(self.key, part, |body| async move {
            Box::pin(request.body(stream(body)).customize().interceptor(signed).send())
                .await
                .map_err(|error| refused(self.key, error, TO_PUT))
        });
        Ok(CompletedPart::builder().part_number(number.into()).set_e_tag(put.await?.e_tag).build())
    }
}
