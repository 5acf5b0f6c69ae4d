//! Objects in memory.

use super::super::{If, Put};
use super::Subject;
use anyhow::ensure;
use bytes::Bytes;
use futures_util::future::join_all;
use ray_history_storage::Delimiter;
use ray_history_storage::conformance::ODD_KEYS;

/// Writers at once.
const MANY: usize = 8;

impl Subject<'_> {
    pub(super) async fn replaces(&self) -> anyhow::Result<()> {
        let key = self.key("replace/a/x");
        for text in ["old", "newer", "short", ""] {
            let put = self.writer.put(&key, text.into(), If::Any).await?;
            ensure!(put == Put::Written, "{text}: {put:?}");
            self.expect(&key, text.as_bytes()).await?;
        }
        let large: Bytes = vec![7; 3_000_000].into();
        self.writer.put(&key, large.clone(), If::Any).await?;
        self.expect(&key, &large).await
    }

    pub(super) async fn creates_once(&self) -> anyhow::Result<()> {
        let key = self.key("create/x");
        for (text, expected) in [("first", Put::Written), ("second", Put::Refused), ("third", Put::Refused)] {
            let put = self.writer.put(&key, text.into(), If::Absent).await?;
            ensure!(put == expected, "{text}: {put:?}");
            self.expect(&key, b"first").await?;
        }
        self.writer.delete(&key).await?;
        let put = self.writer.put(&key, "again".into(), If::Absent).await?;
        ensure!(put == Put::Written, "after it was deleted: {put:?}");
        self.expect(&key, b"again").await?;
        self.writer.put(&key, "replaced".into(), If::Any).await?;
        self.expect(&key, b"replaced").await
    }

    pub(super) async fn creates_once_among_many(&self) -> anyhow::Result<()> {
        for round in 0..4 {
            let key = self.key(&format!("many/{round}"));
            let writers = (0..MANY).map(|writer| {
                let key = &key;
                async move {
                    // 409 means that somebody else was at it: try again.
                    for _ in 0..20 {
                        match self.writer.put(key, format!("by {writer}").into(), If::Absent).await {
                            Err(error) if error.is_transient() => {}
                            put => return put,
                        }
                    }
                    self.writer.put(key, format!("by {writer}").into(), If::Absent).await
                }
            });
            let puts = join_all(writers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            let written: Vec<usize> = (0..MANY).filter(|writer| puts[*writer] == Put::Written).collect();
            ensure!(!written.is_empty(), "nobody has written {key}");
            if self.creates_atomically {
                ensure!(written.len() == 1, "{written:?} have written {key}");
                self.expect(&key, format!("by {}", written[0]).as_bytes()).await?;
            }
            let late = self.writer.put(&key, "late".into(), If::Absent).await?;
            ensure!(late == Put::Refused, "{late:?}");
        }
        Ok(())
    }

    pub(super) async fn puts_empty_objects(&self) -> anyhow::Result<()> {
        for (name, condition) in [("any", If::Any), ("absent", If::Absent)] {
            let key = self.key(&format!("empty/{name}"));
            let put = self.writer.put(&key, Bytes::new(), condition).await?;
            ensure!(put == Put::Written, "{name}: {put:?}");
            self.expect(&key, b"").await?;
        }
        let put = self.writer.put(&self.key("empty/absent"), "x".into(), If::Absent).await?;
        ensure!(put == Put::Refused, "an empty object is an object: {put:?}");
        let listed = self.reader.list_all(&self.key("empty/"), Delimiter::None).await?.objects;
        ensure!(listed.len() == 2 && listed.iter().all(|object| object.size == 0), "{listed:?}");
        Ok(())
    }

    pub(super) async fn keeps_odd_keys(&self) -> anyhow::Result<()> {
        let mut expected: Vec<String> =
            ODD_KEYS.iter().filter(|key| (self.holds)(key)).map(|key| self.key(&format!("odd/{key}"))).collect();
        for key in &expected {
            self.writer.put(key, key.clone().into(), If::Any).await?;
        }
        let listed = self.reader.list_all(&self.key("odd/"), Delimiter::None).await?.objects;
        let mut found: Vec<String> = listed.into_iter().map(|object| object.key).collect();
        found.sort_unstable();
        expected.sort_unstable();
        ensure!(found == expected, "{found:?}");
        for key in &expected {
            self.expect(key, key.as_bytes()).await?;
            let put = self.writer.put(key, "other".into(), If::Absent).await?;
            ensure!(put == Put::Refused, "{key:?}: {put:?}");
            self.writer.delete(key).await?;
            self.expect_none(key).await?;
        }
        Ok(())
    }

    pub(super) async fn deletes(&self) -> anyhow::Result<()> {
        let (key, near) = (self.key("delete/x"), self.key("delete/x.near"));
        self.writer.delete(&key).await?;
        self.writer.delete(&self.key("delete/no/such/folder")).await?;
        for key in [&key, &near] {
            self.writer.put(key, "x".into(), If::Any).await?;
        }
        for _ in 0..2 {
            self.writer.delete(&key).await?;
        }
        let listed = self.reader.list_all(&self.key("delete/"), Delimiter::None).await?.objects;
        ensure!(listed.len() == 1 && listed[0].key == near, "{listed:?}");
        Ok(())
    }
}
