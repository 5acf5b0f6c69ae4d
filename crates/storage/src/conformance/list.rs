//! Listings of the conformance suite.

use super::super::Delimiter;
use super::{Behaviour, ODD_KEYS};
use anyhow::ensure;

/// A number of keys that needs more than two pages in every cloud.
const MANY: usize = 2_345;

impl Behaviour<'_> {
    /// Returns the keys and prefixes below `rest`, sorted, without the suite's prefix.
    async fn list(&self, rest: &str, delimiter: Delimiter) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let all = self.store.list_all(&self.key(rest), delimiter).await?;
        ensure!(all.skipped.is_empty(), "skipped {:?}", all.skipped);
        let cut = |key: String| key.strip_prefix(self.prefix).map_or_else(|| format!("outside: {key}"), str::to_owned);
        let mut keys: Vec<_> = all.objects.into_iter().map(|object| cut(object.key)).collect();
        let mut prefixes: Vec<_> = all.prefixes.into_iter().map(cut).collect();
        keys.sort_unstable();
        prefixes.sort_unstable();
        Ok((keys, prefixes))
    }

    pub(super) async fn lists_every_key_once_over_many_pages(&self) -> anyhow::Result<()> {
        let mut expected = Vec::new();
        for n in 0..MANY {
            let key = format!("many/{}/{n:04}", n % 3);
            self.put(&key, "x").await?;
            expected.push(key);
        }
        expected.sort_unstable();
        let first = self.store.list(&self.key("many/"), Delimiter::None, None).await?;
        ensure!(first.next.is_some(), "all {MANY} keys came on one page: paging is not tested");
        ensure!(first.len() < MANY, "a page with a successor holds everything");
        let (keys, prefixes) = self.list("many/", Delimiter::None).await?;
        ensure!(keys == expected, "{} keys of {MANY}", keys.len());
        ensure!(prefixes.is_empty(), "prefixes without a delimiter: {prefixes:?}");
        Ok(())
    }

    pub(super) async fn rolls_up_at_the_delimiter(&self) -> anyhow::Result<()> {
        for key in ["tree/a.txt", "tree/a/1", "tree/a/2/3", "tree/a-b/1", "tree/b/1", "tree/c"] {
            self.put(key, "").await?;
        }
        let (keys, prefixes) = self.list("tree/", Delimiter::Slash).await?;
        ensure!(keys == ["tree/a.txt", "tree/c"], "{keys:?}");
        ensure!(prefixes == ["tree/a-b/", "tree/a/", "tree/b/"], "{prefixes:?}");
        let (keys, prefixes) = self.list("tree/a", Delimiter::Slash).await?;
        ensure!(keys == ["tree/a.txt"], "{keys:?}");
        ensure!(prefixes == ["tree/a-b/", "tree/a/"], "{prefixes:?}");
        let (keys, prefixes) = self.list("tree/a", Delimiter::None).await?;
        ensure!(keys == ["tree/a-b/1", "tree/a.txt", "tree/a/1", "tree/a/2/3"], "{keys:?}");
        ensure!(prefixes.is_empty(), "{prefixes:?}");
        Ok(())
    }

    pub(super) async fn rolls_up_over_many_pages(&self) -> anyhow::Result<()> {
        let mut expected = Vec::new();
        for n in 0..MANY / 2 {
            for leaf in ["x", "y/z"] {
                self.put(&format!("wide/{n:04}/{leaf}"), "").await?;
            }
            expected.push(format!("wide/{n:04}/"));
        }
        let (keys, prefixes) = self.list("wide/", Delimiter::Slash).await?;
        ensure!(keys.is_empty(), "{} keys", keys.len());
        ensure!(prefixes == expected, "{} prefixes of {}", prefixes.len(), expected.len());
        Ok(())
    }

    pub(super) async fn separates_similar_prefixes(&self) -> anyhow::Result<()> {
        for key in ["near/rc_de/s/x", "near/rc_default/s/x"] {
            self.put(key, "").await?;
        }
        let (keys, _) = self.list("near/rc_de/", Delimiter::None).await?;
        ensure!(keys == ["near/rc_de/s/x"], "{keys:?}");
        let (keys, _) = self.list("near/rc_de", Delimiter::None).await?;
        ensure!(keys.len() == 2, "{keys:?}");
        let (keys, _) = self.list("near/rc_de/s/x", Delimiter::None).await?;
        ensure!(keys == ["near/rc_de/s/x"], "a whole key is a prefix of itself: {keys:?}");
        Ok(())
    }

    pub(super) async fn keeps_odd_keys_as_they_are(&self) -> anyhow::Result<()> {
        let mut expected: Vec<_> =
            ODD_KEYS.iter().filter(|key| self.fill.holds(key)).map(|key| format!("odd/{key}")).collect();
        for key in &expected {
            self.put(key, key.clone()).await?;
        }
        let (keys, _) = self.list("odd/", Delimiter::None).await?;
        expected.sort_unstable();
        ensure!(keys == expected, "{keys:?}");
        for key in &expected {
            let bytes = self.store.read_all(&self.key(key), 1000).await?;
            ensure!(bytes == key.as_bytes(), "{key:?} holds {bytes:?}");
            let (only, _) = self.list(key, Delimiter::None).await?;
            ensure!(only == [key.as_str()], "{only:?}");
        }
        Ok(())
    }

    pub(super) async fn lists_nothing_below_an_empty_prefix(&self) -> anyhow::Result<()> {
        for prefix in ["none/", "none/at/all/", "no"] {
            let page = self.store.list(&self.key(prefix), Delimiter::Slash, None).await?;
            ensure!(page.is_empty() && page.next.is_none(), "{prefix:?}: {page:?}");
        }
        Ok(())
    }
}
