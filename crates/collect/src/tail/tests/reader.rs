//! A small reader of what a collector stored: segments and settled files of one node.

use super::world::SPOOL;
use ray_history_manifest::segment::{Frame, Index, read_frame, read_index};
use ray_history_storage::memory::Memory;
use ray_history_storage::{Delimiter, Storage};
use std::collections::BTreeMap;

/// All that is stored of a node's logs.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// Settled files, by path below `logs/`.
    pub(super) settled: BTreeMap<String, Vec<u8>>,
    /// Frames of all segments, with their bytes.
    pub(super) frames: Vec<(Frame, Vec<u8>)>,
    /// The numbers of the segments.
    pub(super) segments: Vec<u64>,
}

impl Stored {
    pub(super) async fn read(store: &Memory, prefix: &str) -> Self {
        let mut stored = Self::default();
        for object in store.list_all(prefix, Delimiter::None).await.unwrap().objects {
            let bytes = store.read_all(&object.key, u64::MAX).await.unwrap();
            let below = object.key.strip_prefix(prefix).unwrap();
            if let Some(path) = below.strip_prefix("logs/") {
                stored.settled.insert(path.to_owned(), bytes.to_vec());
                continue;
            }
            let name = below.strip_prefix(&format!("ray-history/{SPOOL}/logs-")).unwrap();
            stored.segments.push(name.strip_suffix(".seg").unwrap().parse().unwrap());
            let Index::Frames(frames) = read_index(&bytes, bytes.len() as u64).unwrap() else { panic!("no index") };
            for frame in frames {
                let member = &bytes[frame.frame as usize..][..frame.size as usize];
                let text = read_frame(&frame, member).unwrap();
                stored.frames.push((frame, text));
            }
        }
        stored
    }

    /// Returns the bytes of a file as a reader shows them: the settled object, and what segments have behind it. `id`
    /// picks one of several files of a path. A byte that is found nowhere is `None`.
    pub(super) fn text(&self, path: &str, id: Option<&str>) -> Vec<Option<u8>> {
        let mut text: Vec<Option<u8>> = self.settled.get(path).into_iter().flatten().map(|byte| Some(*byte)).collect();
        for (frame, bytes) in &self.frames {
            if frame.path == path && id.is_none_or(|id| frame.file == id) {
                let end = frame.end() as usize;
                text.resize(text.len().max(end), None);
                for (place, byte) in text[frame.at as usize..end].iter_mut().zip(bytes) {
                    assert!(place.is_none_or(|known| known == *byte), "{path} differs at {}", frame.at);
                    *place = Some(*byte);
                }
            }
        }
        text
    }

    /// Returns the whole text of a file that has no hole.
    pub(super) fn whole(&self, path: &str) -> String {
        let bytes = self.text(path, None).into_iter().map(|byte| byte.expect("a hole"));
        String::from_utf8(bytes.collect()).unwrap()
    }
}
