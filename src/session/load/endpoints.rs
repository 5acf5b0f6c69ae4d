//! Reads stored answers of the live dashboard: told by content, as event files are, and made strict JSON.

use super::facts::{MAX_FILE, Unreadable};
use super::fetch;
use super::held::Held;
use super::objects::SessionObjects;
use crate::session::Error;
use crate::session::progress::Counters;
use flate2::read::MultiGzDecoder;
use futures_util::{StreamExt, stream};
use ray_history_core::base::stored_json;
use ray_history_storage::{ReadRange, Storage};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// Bytes unpacked between two looks at what is held.
const UNPACKED_AT_ONCE: usize = 1 << 20;
/// Answers read at once.
const FETCHES: usize = 8;

/// Stored answers of the live dashboard, by URL without its leading `/`.
pub(super) struct Endpoints {
    pub(super) bodies: BTreeMap<String, Box<str>>,
    pub(super) unreadable: Unreadable,
    /// Bodies that are no JSON: reading them again does not help.
    pub(super) damaged: Unreadable,
}

/// Reads the stored answers.
pub(super) async fn read_endpoints(
    store: &Arc<dyn Storage>,
    objects: &SessionObjects,
    counters: &Counters,
    held: &Arc<Held>,
) -> Result<Endpoints, Error> {
    counters.expect(objects.endpoints.len() as u64, objects.endpoints.values().map(|object| object.size).sum());
    let mut fetched = stream::iter(objects.endpoints.clone())
        .map(|(name, object)| async move {
            // Counted before it is read: bodies stay.
            held.add(object.size);
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
                let mut copies = held.hold(0);
                let strict = held.run(move || strict(&body, |bytes| copies.set(bytes as u64)));
                match strict.await? {
                    Ok(body) => {
                        held.add(body.len().saturating_sub(packed) as u64);
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

/// A stored answer as strict JSON, unpacked; the error says why it is none. Tells the bytes that it holds beside what it
/// was given.
fn strict(stored: &[u8], mut holds: impl FnMut(usize)) -> Result<Box<str>, String> {
    let mut unpacked = Vec::new();
    let body = if stored.starts_with(&[0x1f, 0x8b]) {
        let mut decoder = MultiGzDecoder::new(stored).take(MAX_FILE + 1);
        loop {
            holds(2 * unpacked.len() + UNPACKED_AT_ONCE); // Its buffer doubles.
            let read = (&mut decoder).take(UNPACKED_AT_ONCE as u64).read_to_end(&mut unpacked);
            if read.map_err(|error| format!("not to be unpacked: {error}"))? == 0 {
                break;
            }
        }
        if unpacked.len() as u64 > MAX_FILE {
            return Err(format!("longer than {} MiB unpacked", MAX_FILE >> 20));
        }
        &unpacked
    } else {
        stored
    };
    // Made strict it is twice as long at most, and its buffer has room for as much.
    holds(unpacked.capacity() + 3 * body.len());
    let strict = stored_json::strict(body).ok_or("neither JSON nor what Python takes for it")?;
    Ok(strict.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn bodies_are_told_by_content() {
        let strict = |stored: &[u8]| strict(stored, |_| ());
        let gzip = |text: &[u8]| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(text).unwrap();
            packed.finish().unwrap()
        };
        assert_eq!(strict(b"\xef\xbb\xbf{\"a\": Infinity}").as_deref(), Ok("{\"a\": null}"));
        assert_eq!(strict(&gzip(b"[1]")).as_deref(), Ok("[1]"));
        assert!(strict(&gzip(b"[1]")[..12]).unwrap_err().contains("unpacked"));
        assert!(strict(b"<html>").unwrap_err().contains("JSON"));
        let bomb = gzip(&vec![b' '; (MAX_FILE + 2) as usize]);
        assert!(strict(&bomb).unwrap_err().contains("longer than 64 MiB"));
    }
}
