//! Batches: several objects by one request, and what becomes of those of which the store says nothing.

use super::super::StorageWrite;
use super::{Halt, Results, singly};
use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use ray_history_storage::Error;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most keys of a batch, of S3 and OSS.
const MOST: usize = 1000;
/// The most bytes of the keys of a batch. Escaped, they are less than the 2 MB of OSS.
const LONGEST: usize = 300 << 10;

/// A store that deletes several objects by one request.
#[async_trait]
pub(crate) trait Batches: StorageWrite {
    /// Asks for objects by one request. The keys fit into it, and there is at least one.
    async fn ask(&self, keys: &[&str]) -> Asked;

    /// Returns the note of whether the store refuses batches.
    fn refusals(&self) -> &Refusals;
}

/// The outcome of a batch.
pub(crate) enum Asked {
    /// The answer, with a result for each key that it names.
    Told(HashMap<String, Result<(), Error>>),
    /// The request failed, and single ones would, too.
    Failed(Error),
    /// The request was refused, or its answer was not understood, and single ones may still work. `lasting` says that any
    /// other batch would be refused, too: the store has none, or the identity may not use them.
    Refused { lasting: bool },
}

/// Says whether a store is known to refuse batches, so that no further request is wasted on it.
#[derive(Debug, Default)]
pub(crate) struct Refusals(AtomicBool);

impl Refusals {
    fn are_known(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes that the store deleted an object singly that it would not delete in a batch.
    fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Deletes objects in batches, and singly those that cannot be in one.
pub(crate) async fn delete<S: Batches + ?Sized>(store: &S, keys: &[String]) -> Results {
    let results = keys.iter().map(|_| None).collect();
    let mut run = Run { store, keys, results, halt: Halt::default() };
    let (plain, odd): (Vec<usize>, Vec<usize>) = (0..keys.len()).partition(|place| is_plain(&keys[*place]));
    let mut left = &plain[..];
    while !left.is_empty() {
        let (batch, rest) = left.split_at(fitting(left.iter().map(|place| keys[*place].len())));
        run.batch(batch).await;
        left = rest;
    }
    run.singly(&odd).await;
    let lost = |key: &String| Err(Error::failed(key, "it was not asked for"));
    run.results.into_iter().zip(keys).map(|(result, key)| result.unwrap_or_else(|| lost(key))).collect()
}

/// A call under way.
struct Run<'a, S: ?Sized> {
    store: &'a S,
    keys: &'a [String],
    /// By the places of the keys.
    results: Vec<Option<Result<(), Error>>>,
    halt: Halt,
}

impl<S: Batches + ?Sized> Run<'_, S> {
    async fn batch(&mut self, places: &[usize]) {
        if places.len() == 1 || self.store.refusals().are_known() || self.halt.error_for("").is_some() {
            return self.singly(places).await;
        }
        let keys: Vec<&str> = places.iter().map(|place| self.keys[*place].as_str()).collect();
        let asked = self.store.ask(&keys).await;
        match asked {
            Asked::Told(told) => self.take(places, &told).await,
            Asked::Failed(error) => self.fail(places, &error),
            Asked::Refused { lasting } => self.refused(places, lasting).await,
        }
    }

    /// Asks for the keys of a batch that was refused singly, if the first can be deleted so. Else the refusal is no matter
    /// of batches, and the other keys would be refused, too.
    async fn refused(&mut self, places: &[usize], lasting: bool) {
        let (first, rest) = places.split_at(1);
        self.singly(first).await;
        let failed = first.first().and_then(|place| self.results[*place].as_ref()?.as_ref().err());
        if let Some(error) = failed.map(|error| error.about(error.key())) {
            return self.fail(rest, &error);
        }
        if lasting {
            self.store.refusals().note();
        }
        self.singly(rest).await;
    }

    /// Takes the results that the store told, and asks for the other keys singly.
    async fn take(&mut self, places: &[usize], told: &HashMap<String, Result<(), Error>>) {
        let mut untold = Vec::new();
        for &place in places {
            let key = &self.keys[place];
            match told.get(key) {
                Some(Ok(())) => self.results[place] = Some(Ok(())),
                Some(Err(error)) => {
                    self.halt.note(error);
                    self.results[place] = Some(Err(error.about(key)));
                }
                None => untold.push(place),
            }
        }
        if untold.len() == places.len() {
            // It says nothing at all, so it has no batches.
            self.refused(places, true).await;
        } else {
            self.singly(&untold).await;
        }
    }

    async fn singly(&mut self, places: &[usize]) {
        let keys = places.iter().map(|place| self.keys[*place].as_str()).collect();
        let results = singly(self.store, keys, &self.halt).await;
        for (place, result) in places.iter().zip(results) {
            self.results[*place] = Some(result);
        }
    }

    /// Gives keys the error of the request that was for them.
    fn fail(&mut self, places: &[usize], error: &Error) {
        self.halt.set(error);
        for &place in places {
            self.results[place] = Some(Err(error.about(&self.keys[place])));
        }
    }
}

/// Returns how many of the keys with these lengths fit into a batch; at least one.
fn fitting(lengths: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fits = lengths.take(MOST).take_while(|length| {
        bytes += length;
        bytes <= LONGEST
    });
    fits.count().max(1)
}

/// Returns `true` for a key that every reader of XML understands as it was meant. XML cannot hold control characters, its
/// readers may change others that end lines, and some cut spaces off: the rest would be the key of another object.
fn is_plain(key: &str) -> bool {
    let is_odd =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    !key.is_empty() && !key.contains(is_odd) && key.trim() == key
}

/// Returns the `Content-MD5` of a body.
pub(crate) fn content_md5(body: &[u8]) -> String {
    BASE64_STANDARD.encode(Md5::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_as_long_as_stores_take() {
        for (lengths, expected) in [
            (vec![1; 999], 999),
            (vec![1; 1000], 1000),
            (vec![1; 1001], 1000),
            (vec![1024; 1000], 300),
            (vec![LONGEST + 1, 1], 1),
            (vec![LONGEST, 1], 1),
        ] {
            assert_eq!(fitting(lengths.into_iter()), expected);
        }
        let escaped: usize = LONGEST * "&quot;".len() + MOST * "<Object><Key></Key></Object>".len();
        assert!(escaped < 2_000_000, "{escaped}");
    }

    #[test]
    fn keys_that_xml_may_change_are_not_plain() {
        for plain in ["a", "a b", "a//b", "/a", "a/", "+%2F", "ü日🚀", "&<>\"']]>", "\\", "a\u{1fffe}"] {
            assert!(is_plain(plain), "{plain:?}");
        }
        for odd in
            ["", " a", "a ", "a\n", "a\rb", "\u{1}", "a\tb", "\u{7f}", "\u{85}a", "a\u{2028}b", "\u{ffff}", "\u{feff}a"]
        {
            assert!(!is_plain(odd), "{odd:?}");
        }
    }

    #[test]
    fn the_checksum_is_that_of_rfc_1864() {
        assert_eq!(content_md5(b""), "1B2M2Y8AsgTpgAmY7PhCfg==");
    }
}
