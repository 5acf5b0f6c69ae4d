//! Reads of the conformance suite.

use super::super::{Delimiter, ErrorKind, ReadRange};
use super::Behaviour;
use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::StreamExt;

impl Behaviour<'_> {
    pub(super) async fn reads_ranges_and_tails(&self) -> anyhow::Result<()> {
        let key = self.put("read/ten", "0123456789").await?;
        for (range, expected) in [
            (ReadRange::Full, "0123456789"),
            (ReadRange::From(0), "0123456789"),
            (ReadRange::From(7), "789"),
            (ReadRange::From(10), ""),
            (ReadRange::From(1_000_000), ""),
            (ReadRange::Between(2, 5), "234"),
            (ReadRange::Between(8, 1_000_000), "89"),
            (ReadRange::Between(5, 5), ""),
            (ReadRange::Between(50, 60), ""),
            (ReadRange::Tail(3), "789"),
            (ReadRange::Tail(0), ""),
            (ReadRange::Tail(1_000_000), "0123456789"),
        ] {
            let body = self.store.read(&key, range).await.with_context(|| format!("{range:?}"))?;
            ensure!(body.meta.size == 10, "{range:?}: the size is the object's, not {}", body.meta.size);
            ensure!(body.range == range.within(10), "{range:?} served as {:?}", body.range);
            let bytes = body.read_all(10).await.with_context(|| format!("{range:?}"))?;
            ensure!(bytes == expected, "{range:?}: {bytes:?}");
        }
        Ok(())
    }

    pub(super) async fn reads_large_objects_in_pieces(&self) -> anyhow::Result<()> {
        let bytes: Bytes = (0..5_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let key = self.put("read/large", bytes.clone()).await?;
        let mut body = self.store.read(&key, ReadRange::Full).await?;
        let mut at = 0;
        while let Some(piece) = body.stream.next().await {
            let piece = piece?;
            ensure!(!piece.is_empty(), "an empty piece at {at}");
            ensure!(bytes.get(at..at + piece.len()) == Some(&piece[..]), "wrong bytes at {at}");
            at += piece.len();
        }
        ensure!(at == bytes.len(), "{at} bytes");
        let middle = self.store.read(&key, ReadRange::Between(999_999, 4_000_001)).await?;
        ensure!(middle.read_all(u64::MAX).await? == bytes.slice(999_999..4_000_001), "wrong bytes in the middle");
        Ok(())
    }

    pub(super) async fn reads_empty_objects(&self) -> anyhow::Result<()> {
        let key = self.put("read/empty", "").await?;
        for range in [ReadRange::Full, ReadRange::From(0), ReadRange::Between(0, 9), ReadRange::Tail(9)] {
            let body = self.store.read(&key, range).await.with_context(|| format!("{range:?}"))?;
            ensure!(body.is_empty() && body.meta.size == 0, "{range:?}: {body:?}");
            ensure!(body.read_all(0).await?.is_empty(), "{range:?}");
        }
        Ok(())
    }

    pub(super) async fn reads_the_metadata_of_a_listing(&self) -> anyhow::Result<()> {
        let key = self.put("meta/x", "12345").await?;
        let listed = self.store.list_all(&self.key("meta/"), Delimiter::None).await?.objects;
        let [listed] = listed.as_slice() else { anyhow::bail!("{listed:?}") };
        ensure!(listed.key == key && listed.size == 5, "{listed:?}");
        ensure!(listed.etag.is_some() && listed.modified.is_some(), "freshness needs both: {listed:?}");
        let read = self.store.read(&key, ReadRange::Tail(1)).await?.meta;
        ensure!((&read.key, read.size, &read.etag) == (&key, 5, &listed.etag), "{read:?}, but listed {listed:?}");
        Ok(())
    }

    pub(super) async fn notices_a_change(&self) -> anyhow::Result<()> {
        let key = self.put("change/x", "old").await?;
        let old = self.store.read(&key, ReadRange::Full).await?.meta.etag.context("no etag")?;
        let same = self.store.read_matching(&key, ReadRange::Full, Some(&old)).await?;
        ensure!(same.read_all(9).await? == "old", "an unchanged object is served");
        self.put("change/x", "other").await?;
        for range in [
            ReadRange::Full,
            ReadRange::From(1),
            ReadRange::Between(0, 2),
            ReadRange::Between(1, 1),
            ReadRange::Between(50, 60),
            ReadRange::Tail(2),
        ] {
            let read = self.store.read_matching(&key, range, Some(&old)).await;
            let error = read.err().with_context(|| format!("{range:?} of another version was read"))?;
            let changed = error.kind() == ErrorKind::PreconditionFailed && !error.is_transient();
            ensure!(changed, "{range:?}: {error:?}");
        }
        let new = self.store.list_all(&key, Delimiter::None).await?.objects.pop().and_then(|object| object.etag);
        ensure!(new.is_some_and(|new| new != old), "the listing shows the old ETag");
        Ok(())
    }

    /// Checks that a body holds the bytes of the version that was opened, or ends in an error.
    pub(super) async fn mixes_no_versions(&self) -> anyhow::Result<()> {
        let key = self.put("change/large", vec![b'o'; 5_000_000]).await?;
        let mut body = self.store.read(&key, ReadRange::From(10)).await?;
        let mut pieces = vec![body.stream.next().await.context("no bytes")??];
        self.put("change/large", vec![b'n'; 5_000_000]).await?;
        while let Some(Ok(piece)) = body.stream.next().await {
            pieces.push(piece);
        }
        ensure!(pieces.concat().iter().all(|byte| *byte == b'o'), "bytes of two versions in one body");
        Ok(())
    }

    pub(super) async fn reports_missing_keys(&self) -> anyhow::Result<()> {
        self.put("missing/folder/x", "").await?;
        for rest in ["missing/x", "missing/folder", "missing/folder/x/y", "missing/folder/X"] {
            let key = self.key(rest);
            for range in [ReadRange::Full, ReadRange::Tail(1)] {
                let error = self.store.read(&key, range).await.err().with_context(|| format!("{key:?} was read"))?;
                ensure!(error.kind() == ErrorKind::NotFound && !error.is_transient(), "{error:?}");
                ensure!(error.key() == key, "{error:?} is about {key:?}");
            }
        }
        Ok(())
    }

    pub(super) async fn refuses_large_objects(&self) -> anyhow::Result<()> {
        let key = self.put("read/big", "0123456789").await?;
        ensure!(self.store.read_all(&key, 10).await? == "0123456789", "a limit includes itself");
        let error = self.store.read_all(&key, 9).await.err().context("ten bytes within nine")?;
        ensure!(error.kind() == ErrorKind::TooLarge && !error.is_transient(), "{error:?}");
        Ok(())
    }
}
