//! The test suite that every writer must pass; run it against a new one first. What was written is read through the
//! reading side of the same store.
//!
//! Each behaviour uses a prefix of its own, so the suite can run against a shared bucket.

mod files;
mod many;
mod objects;
mod unchanged;

pub use many::LIKE_OTHERS;

use super::StorageWrite;
use anyhow::{Context, bail, ensure};
use ray_history_storage::{Delimiter, Storage};
use std::path::Path;

/// A writer, and what the suite needs to know.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The writer.
    pub writer: &'a dyn StorageWrite,
    /// The reading side of the same store.
    pub reader: &'a dyn Storage,
    /// Ends with `/`; no object is below it.
    pub prefix: &'a str,
    /// A folder for files that are put; they are removed.
    pub scratch: &'a Path,
    /// Returns `true` if the server stores this key of `ODD_KEYS` or of [`LIKE_OTHERS`] unchanged.
    pub holds: &'a (dyn Fn(&str) -> bool + Sync),
    /// `false` for a server that checks a condition and writes in two steps, so that of several writers at once more
    /// than one may succeed.
    pub creates_atomically: bool,
    /// The same for `If::Unchanged`.
    pub replaces_atomically: bool,
}

/// Runs the whole suite.
pub async fn run(subject: Subject<'_>) -> anyhow::Result<()> {
    subject.replaces().await.context("replaces")?;
    subject.creates_once().await.context("creates_once")?;
    subject.creates_once_among_many().await.context("creates_once_among_many")?;
    subject.replaces_what_is_unchanged().await.context("replaces_what_is_unchanged")?;
    subject.replaces_once_among_many().await.context("replaces_once_among_many")?;
    subject.puts_empty_objects().await.context("puts_empty_objects")?;
    subject.keeps_odd_keys().await.context("keeps_odd_keys")?;
    subject.deletes().await.context("deletes")?;
    subject.deletes_any_number().await.context("deletes_any_number")?;
    subject.deletes_what_is_there().await.context("deletes_what_is_there")?;
    subject.deletes_no_key_that_is_like_another().await.context("deletes_no_key_that_is_like_another")?;
    subject.puts_files_around_the_first_upload_in_parts().await.context("puts_files")?;
    subject.puts_a_file_that_grows().await.context("puts_a_file_that_grows")?;
    subject.notices_files_that_end_early().await.context("notices_files_that_end_early")?;
    subject.leaves_nothing_else().await.context("leaves_nothing_else")
}

impl Subject<'_> {
    fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    async fn expect(&self, key: &str, expected: &[u8]) -> anyhow::Result<()> {
        let found = self.reader.read_all(key, expected.len() as u64).await?;
        if found == expected {
            return Ok(());
        }
        let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
        bail!("{key:?}: byte {differs:?} differs, of {} where {} are expected", found.len(), expected.len())
    }

    async fn expect_none(&self, key: &str) -> anyhow::Result<()> {
        let listed = self.reader.list_all(key, Delimiter::None).await?.objects;
        ensure!(listed.is_empty(), "{listed:?}");
        Ok(())
    }

    /// Checks that no unfinished object can be seen.
    async fn leaves_nothing_else(&self) -> anyhow::Result<()> {
        let listed = self.reader.list_all(self.prefix, Delimiter::None).await?;
        ensure!(listed.skipped.is_empty(), "{:?}", listed.skipped);
        for object in listed.objects {
            let name = object.key.strip_prefix(self.prefix).unwrap_or_default();
            let known = [
                "replace/",
                "create/",
                "many/",
                "unchanged/",
                "contended/",
                "empty/",
                "odd/",
                "delete/",
                "batch/",
                "file/",
            ];
            let is_known = known.iter().any(|folder| name.starts_with(folder)) && !name.contains("partial");
            ensure!(is_known, "{object:?}");
        }
        Ok(())
    }
}
