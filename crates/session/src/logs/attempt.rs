//! Finds the output of an attempt in the stored files of a rotated log.

use super::LogPart;
use crate::load::LogObject;
use ray_history_core::logs::attempt_bytes::AttemptBytes;
use ray_history_storage::{self as storage, ReadRange, Storage};
use std::sync::Arc;

/// Returns the parts to read, oldest first, given the generations of the log, newest first. Returns `None` if no file
/// holds them.
///
/// If several files are long enough, the one with the attempt's token right before its first byte is used.
pub(crate) async fn parts_of(
    store: &Arc<dyn Storage>,
    attempt: &AttemptBytes,
    generations: &[&LogObject],
) -> Result<Option<Vec<LogPart>>, storage::Error> {
    let sizes: Vec<u64> = generations.iter().map(|file| file.size).collect();
    let chosen = match attempt.candidates(&sizes)[..] {
        [only] => Some(only),
        // The end of the output may not be stored: returns the stored part.
        [] => match generations.first() {
            Some(newest) if attempt.printed_nothing(newest.size) => Some(0),
            Some(newest) if begins_in(store, newest, attempt).await? => Some(0),
            _ => None,
        },
        [first, ..] => {
            let mut chosen = first;
            for candidate in attempt.candidates(&sizes) {
                if begins_in(store, generations[candidate], attempt).await? {
                    chosen = candidate;
                    break;
                }
            }
            Some(chosen)
        }
    };
    let parts = chosen.map(|chosen| attempt.parts(chosen, &sizes));
    Ok(parts.map(|parts| {
        let stored = parts.into_iter().filter_map(|part| Some((generations.get(part.file)?, part.bytes)));
        stored
            .map(|(file, bytes)| LogPart { file: (*file).clone(), start: bytes.start, end: Some(bytes.end) })
            .collect()
    }))
}

/// Returns `true` if the attempt's token is right before its first byte in a file.
async fn begins_in(store: &Arc<dyn Storage>, file: &LogObject, attempt: &AttemptBytes) -> Result<bool, storage::Error> {
    let (at, token) = (attempt.start, attempt.token.as_bytes());
    let Some(from) = at.checked_sub(token.len() as u64).filter(|_| at <= file.size) else { return Ok(false) };
    let found = store.read(&file.key, ReadRange::Between(from, at)).await?.read_all(token.len() as u64).await?;
    Ok(found == token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_storage::memory::Memory;

    #[tokio::test]
    async fn picks_the_file_with_token_before_first_byte() {
        let store = Memory::default();
        let files = [("new", "token\nx\nand more"), ("old", "....\ntoken\ny\n"), ("older", "token\nz\n")];
        for (key, text) in files {
            store.put(key, text);
        }
        let store: Arc<dyn Storage> = Arc::new(store);
        let files = files.map(|(key, text)| LogObject::new(key, text.len() as u64));
        let generations: Vec<&LogObject> = files.iter().collect();
        let found = async |start, end: Option<u64>| {
            let attempt = AttemptBytes { start, end, token: "token\n".into() };
            let parts = parts_of(&store, &attempt, &generations).await.unwrap()?;
            Some(parts.into_iter().map(|part| (part.file.key, part.start, part.end.unwrap())).collect::<Vec<_>>())
        };
        let part = |key: &str, start, end| (key.to_owned(), start, end);
        assert_eq!(found(6, Some(8)).await, Some(vec![part("new", 6, 8)]));
        assert_eq!(found(11, Some(13)).await, Some(vec![part("old", 11, 13)]), "the newest is long enough, too");
        assert_eq!(found(11, Some(3)).await, Some(vec![part("old", 11, 13), part("new", 0, 3)]), "across the seam");
        assert_eq!(found(6, Some(99)).await, Some(vec![part("new", 6, 99)]), "its end is not stored");
        assert_eq!(found(18, None).await, Some(vec![part("new", 16, 16)]), "it printed nothing");
        assert_eq!(found(99, None).await, None);
        assert_eq!(found(50, Some(60)).await, None);
    }
}
