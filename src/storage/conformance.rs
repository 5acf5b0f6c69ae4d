//! What every store must do, as one suite: run it against a new store before anything else.
//!
//! Each behaviour works below a prefix of its own, so the suite can run against a shared bucket.
//! Keys are such that a folder can hold them too; what only buckets can hold is tested with the stores.

mod list;
mod read;

use super::Storage;
use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;

/// How the suite fills a store, which the store itself cannot.
#[async_trait]
pub trait Fill: Sync {
    /// Puts an object.
    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()>;

    /// Whether the server keeps this one of `ODD_KEYS` as it is.
    fn holds(&self, _key: &str) -> bool {
        true
    }
}

/// Keys that are legal everywhere and mangled easily; some are in real buckets.
pub const ODD_KEYS: [&str; 10] = [
    "fetched_endpoints/restful__api__v0__placement_groups?detail=1&limit=10000",
    "job_events/+AAAAA==/n-2026-05-13-10",
    "job_events/A/AAAA==/n-2026-05-13-10",
    "logs/a b  c.out",
    "logs/100%25%2F.out",
    "logs/größe-日本-🚀.out",
    "logs/it's \"quoted\" [x] {y} #1;~!@$^*().out",
    "logs/back\\slash.out",
    "logs/.hidden",
    "_default/x",
];

/// Runs the whole suite; `prefix` ends with `/` and nothing is below it yet. The store's pages must hold at most a
/// few thousand keys, or paging is not tested.
pub async fn run(store: &dyn Storage, fill: &dyn Fill, prefix: &str) -> anyhow::Result<()> {
    let behaviour = Behaviour { store, fill, prefix };
    behaviour.lists_every_key_once_over_many_pages().await.context("lists_every_key_once_over_many_pages")?;
    behaviour.rolls_up_at_the_delimiter().await.context("rolls_up_at_the_delimiter")?;
    behaviour.rolls_up_over_many_pages().await.context("rolls_up_over_many_pages")?;
    behaviour.tells_prefixes_of_each_other_apart().await.context("tells_prefixes_of_each_other_apart")?;
    behaviour.keeps_odd_keys_as_they_are().await.context("keeps_odd_keys_as_they_are")?;
    behaviour.lists_nothing_where_nothing_is().await.context("lists_nothing_where_nothing_is")?;
    behaviour.reads_ranges_and_tails().await.context("reads_ranges_and_tails")?;
    behaviour.reads_large_objects_in_pieces().await.context("reads_large_objects_in_pieces")?;
    behaviour.reads_empty_objects().await.context("reads_empty_objects")?;
    behaviour.says_what_a_listing_says().await.context("says_what_a_listing_says")?;
    behaviour.notices_a_change().await.context("notices_a_change")?;
    behaviour.mixes_no_versions().await.context("mixes_no_versions")?;
    behaviour.says_that_a_key_is_missing().await.context("says_that_a_key_is_missing")?;
    behaviour.refuses_what_is_too_large().await.context("refuses_what_is_too_large")
}

struct Behaviour<'a> {
    store: &'a dyn Storage,
    fill: &'a dyn Fill,
    prefix: &'a str,
}

impl Behaviour<'_> {
    fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    async fn put(&self, rest: &str, bytes: impl Into<Bytes>) -> anyhow::Result<String> {
        let key = self.key(rest);
        self.fill.put(&key, bytes.into()).await?;
        Ok(key)
    }
}
