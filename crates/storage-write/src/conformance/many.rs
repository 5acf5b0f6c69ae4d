//! Many objects that are deleted by one call.

use super::super::If;
use super::Subject;
use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use ray_history_storage::Delimiter;
use ray_history_storage::conformance::ODD_KEYS;
use std::collections::BTreeSet;

/// Pairs of keys: the second is what careless handling makes of the first.
pub const LIKE_OTHERS: [(&str, &str); 19] = [
    ("s/ in front", "s/in front"),
    ("s/behind ", "s/behind"),
    ("s/two  spaces", "s/two spaces"),
    ("s/a+b", "s/a b"),
    ("s/c%2Fd", "s/c/d"),
    ("s/%2525", "s/%25"),
    ("s/e&amp;f", "s/e&f"),
    ("s/<g>&h;\"'", "s/g"),
    ("s/i]]>", "s/i"),
    ("s/new\nline", "s/new line"),
    ("s/end\n", "s/end"),
    ("s/car\rriage", "s/car\nriage"),
    ("s/tab\t", "s/tab"),
    ("s/\u{1}control", "s/control"),
    ("s/\u{85}next", "s/next"),
    ("s/gr\u{f6}\u{df}e", "s/gro\u{308}\u{df}e"),
    ("s//slashes", "s/slashes"),
    ("/leading", "leading"),
    ("t/folder/", "t/folder/in it"),
];

/// Writers at once.
const MANY: usize = 16;

impl Subject<'_> {
    async fn put_all(&self, keys: &[String]) -> anyhow::Result<()> {
        let puts = stream::iter(keys).map(|key| self.writer.put(key, "".into(), If::Any));
        puts.buffer_unordered(MANY).try_for_each(|_| async { Ok(()) }).await.context("they cannot be put")
    }

    /// Deletes objects, of which each must succeed.
    async fn delete_all(&self, keys: &[String]) -> anyhow::Result<()> {
        let results = self.writer.delete_many(keys).await;
        ensure!(results.len() == keys.len(), "{} results of {} keys", results.len(), keys.len());
        for (key, result) in keys.iter().zip(results) {
            result.with_context(|| format!("{key:?}"))?;
        }
        Ok(())
    }

    /// Checks that there are these objects below `batch/`, and no other.
    async fn expect_left(&self, expected: &[String]) -> anyhow::Result<()> {
        let listed = self.reader.list_all(&self.key("batch/"), Delimiter::None).await?.objects;
        let found: BTreeSet<&str> = listed.iter().map(|object| object.key.as_str()).collect();
        let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
        let (more, less): (Vec<_>, Vec<_>) =
            (found.difference(&expected).take(5).collect(), expected.difference(&found).take(5).collect());
        ensure!(more.is_empty() && less.is_empty(), "left: {more:?}, gone: {less:?}");
        Ok(())
    }

    pub(super) async fn deletes_any_number(&self) -> anyhow::Result<()> {
        let near = [self.key("batch/n/0.near"), self.key("batch/n.near/0")];
        self.put_all(&near).await?;
        for count in [0, 1, 1000, 1001] {
            let keys: Vec<String> = (0..count).map(|n| self.key(&format!("batch/n/{n}"))).collect();
            self.put_all(&keys).await?;
            self.delete_all(&keys).await.with_context(|| format!("{count} keys"))?;
            self.expect_left(&near).await.with_context(|| format!("{count} keys"))?;
        }
        self.delete_all(&near).await?;
        self.expect_left(&[]).await
    }

    /// A key that is not there counts as deleted, and one may be named twice.
    pub(super) async fn deletes_what_is_there(&self) -> anyhow::Result<()> {
        let keys: Vec<String> = (0..40).map(|n| self.key(&format!("batch/folder {}/{n}", n % 4))).collect();
        let there: Vec<String> = keys.iter().step_by(3).cloned().collect();
        self.put_all(&there).await?;
        let mut asked = keys.clone();
        asked.extend(there);
        asked.push(self.key("batch/no/such/folder"));
        self.delete_all(&asked).await?;
        self.expect_left(&[]).await?;
        self.delete_all(&keys).await.context("again")
    }

    /// No odd key is taken for another one, whichever goes first.
    pub(super) async fn deletes_no_key_that_is_like_another(&self) -> anyhow::Result<()> {
        let held = |key: &&str| (self.holds)(key);
        let pairs = LIKE_OTHERS.iter().filter(|(odd, like)| held(odd) && held(like));
        let named = |key: &str| self.key(&format!("batch/{key}"));
        let (mut odd, mut like): (Vec<_>, Vec<_>) = pairs.map(|(odd, like)| (named(odd), named(like))).unzip();
        odd.extend(ODD_KEYS.iter().filter(|key| held(key)).map(|key| named(key)));
        for is_reversed in [false, true] {
            self.put_all(&odd).await?;
            self.put_all(&like).await?;
            if is_reversed {
                std::mem::swap(&mut odd, &mut like);
            }
            self.delete_all(&odd).await?;
            self.expect_left(&like).await?;
            self.delete_all(&like).await?;
            self.expect_left(&[]).await?;
        }
        Ok(())
    }
}
