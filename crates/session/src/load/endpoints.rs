//! Reads stored answers of the live dashboard: detects compression by content, as for event files, and makes the JSON
//! strict.

use super::facts::{MAX_FILE, Unreadable};
use super::fetch;
use super::objects::SessionObjects;
use crate::Error;
use crate::load_permit::LoadPermit;
use crate::progress::Counters;
use flate2::read::MultiGzDecoder;
use futures_util::{StreamExt, stream};
use ray_history_core::base::stored_json;
use ray_history_storage::{ReadRange, Storage};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// Bytes unpacked between two updates of the memory count.
const UNPACKED_AT_ONCE: usize = 1 << 20;
/// Answers read concurrently.
const FETCHES: usize = 8;

/// Stored answers of the live dashboard, by URL without its leading `/`.
pub(super) struct Endpoints {
    pub(super) bodies: BTreeMap<String, Box<str>>,
    pub(super) unreadable: Unreadable,
    /// Bodies that are not JSON: reading them again does not help.
    pub(super) damaged: Unreadable,
}

/// Reads the stored answers.
pub(super) async fn read_endpoints(
    store: &Arc<dyn Storage>,
    objects: &SessionObjects,
    counters: &Counters,
    permit: &Arc<LoadPermit>,
) -> Result<Endpoints, Error> {
    counters.expect(objects.endpoints.len() as u64, objects.endpoints.values().map(|object| object.size).sum());
    let mut fetched = stream::iter(objects.endpoints.clone())
        .map(|(name, object)| async move {
            // Counted before it is read, because bodies are kept.
            permit.add(object.size);
            let body = fetch::read(&**store, &object.key, ReadRange::Full, MAX_FILE, counters).await;
            counters.file();
            (name, object, body)
        })
        .buffer_unordered(FETCHES);
    let mut read = Endpoints { bodies: BTreeMap::new(), unreadable: Vec::new(), damaged: Vec::new() };
    while let Some((name, object, body)) = fetched.next().await {
        match body {
            Ok(body) => {
                let packed = body.len();
                let mut copies = permit.hold(0);
                let strict = permit.run(move || strict(&body, MAX_FILE, |bytes| copies.set(bytes as u64)));
                match strict.await? {
                    Ok(body) => {
                        permit.add(body.len().saturating_sub(packed) as u64);
                        read.bodies.insert(name, body);
                    }
                    Err(why) => read.damaged.push((object.key, why)),
                }
            }
            Err(error) => read.unreadable.push((object.key, error.to_string())),
        }
    }
    Ok(read)
}

/// Unpacks a stored answer, of at most `longest` bytes, and returns it as strict JSON, or the reason why it is none. Calls
/// `holds` with the bytes held in addition to `stored`.
pub(crate) fn strict(stored: &[u8], longest: u64, mut holds: impl FnMut(usize)) -> Result<Box<str>, String> {
    let mut unpacked = Vec::new();
    let body = if stored.starts_with(&[0x1f, 0x8b]) {
        let mut decoder = MultiGzDecoder::new(stored).take(longest + 1);
        loop {
            holds(2 * unpacked.len() + UNPACKED_AT_ONCE); // The buffer doubles.
            let read = (&mut decoder).take(UNPACKED_AT_ONCE as u64).read_to_end(&mut unpacked);
            if read.map_err(|error| format!("cannot be unpacked: {error}"))? == 0 {
                break;
            }
        }
        if unpacked.len() as u64 > longest {
            return Err(format!("longer than {} MiB unpacked", longest >> 20));
        }
        &unpacked
    } else {
        stored
    };
    // The buffer of strict JSON is twice as long, and the result is copied. So is text that is not UTF-8.
    let repaired = if std::str::from_utf8(body).is_ok() { 0 } else { 2 * body.len() };
    holds(unpacked.capacity() + repaired + 3 * body.len());
    let strict = stored_json::strict(body).ok_or("neither JSON nor what Python accepts as JSON")?;
    Ok(strict.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::gzip;

    #[test]
    fn detects_format_by_content() {
        let strict = |stored: &[u8]| strict(stored, MAX_FILE, |_| ());
        assert_eq!(strict(b"\xef\xbb\xbf{\"a\": Infinity}").as_deref(), Ok("{\"a\": null}"));
        assert_eq!(strict(&gzip(b"[1]")).as_deref(), Ok("[1]"));
        assert!(strict(&gzip(b"[1]")[..12]).unwrap_err().contains("unpacked"));
        assert!(strict(b"<html>").unwrap_err().contains("JSON"));
        let bomb = gzip(&vec![b' '; (MAX_FILE + 2) as usize]);
        assert!(strict(&bomb).unwrap_err().contains("longer than 64 MiB"));
    }
}
