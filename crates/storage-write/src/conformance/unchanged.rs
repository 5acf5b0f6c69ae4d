//! Objects that are replaced only if they are still the ones that were read.

use super::super::{If, Put};
use super::Subject;
use anyhow::{Context, ensure};
use futures_util::future::join_all;
use ray_history_storage::ReadRange;

/// Writers at once.
const MANY: usize = 8;

impl Subject<'_> {
    async fn etag(&self, key: &str) -> anyhow::Result<String> {
        self.reader.read(key, ReadRange::Full).await?.meta.etag.context("the reading side reports no ETag")
    }

    pub(super) async fn replaces_what_is_unchanged(&self) -> anyhow::Result<()> {
        let key = self.key("unchanged/x");
        let put = self.writer.put(&key, "none".into(), If::Unchanged("1")).await?;
        ensure!(put == Put::Refused, "an object that is not there was replaced: {put:?}");
        self.expect_none(&key).await?;
        self.writer.put(&key, "first".into(), If::Any).await?;
        let first = self.etag(&key).await?;
        // Of the same length: it is not the size that counts.
        for (text, etag, expected, holds) in [
            ("other", "0", Put::Refused, "first"),
            ("newer", &*first, Put::Written, "newer"),
            ("again", &*first, Put::Refused, "newer"),
        ] {
            let put = self.writer.put(&key, text.into(), If::Unchanged(etag)).await?;
            ensure!(put == expected, "{text}: {put:?}");
            self.expect(&key, holds.as_bytes()).await?;
        }
        let newer = self.etag(&key).await?;
        self.writer.delete(&key).await?;
        let put = self.writer.put(&key, "late".into(), If::Unchanged(&newer)).await?;
        ensure!(put == Put::Refused, "an object that was deleted was replaced: {put:?}");
        self.expect_none(&key).await
    }

    /// Each writer adds its own character to what is there, and tries again if somebody else was faster.
    pub(super) async fn replaces_once_among_many(&self) -> anyhow::Result<()> {
        let key = self.key("contended/x");
        self.writer.put(&key, "".into(), If::Any).await?;
        let writers = (0..MANY).map(|writer| {
            let key = &key;
            async move {
                for _ in 0..100 {
                    let body = self.reader.read(key, ReadRange::Full).await?;
                    let etag = body.meta.etag.clone().context("the reading side reports no ETag")?;
                    let mut text = body.read_all(100).await?.to_vec();
                    text.extend_from_slice(writer.to_string().as_bytes());
                    match self.writer.put(key, text.into(), If::Unchanged(&etag)).await {
                        Ok(Put::Written) => return Ok(()),
                        // 409 means that somebody else was at it.
                        Ok(Put::Refused) => {}
                        Err(error) if error.is_transient() => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                anyhow::bail!("writer {writer} has not replaced {key} in 100 tries")
            }
        });
        for wrote in join_all(writers).await {
            wrote?;
        }
        let mut found = self.reader.read_all(&key, 100).await?.to_vec();
        found.sort_unstable();
        let expected: Vec<u8> = (0..MANY).flat_map(|writer| writer.to_string().into_bytes()).collect();
        ensure!(!self.replaces_atomically || found == expected, "{:?}", String::from_utf8_lossy(&found));
        Ok(())
    }
}
