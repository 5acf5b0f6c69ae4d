//! The parts of log files that facts were read from, kept packed until the session is persisted.

use bytes::Bytes;
use ray_history_tables::FactFile;

/// The parts of log files that facts were read from.
#[derive(Debug, Default)]
pub(crate) struct KeptFacts {
    files: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    node: String,
    path: String,
    /// LZ4, with the length in front.
    packed: Box<[u8]>,
}

impl KeptFacts {
    /// Adds a file.
    pub(super) fn add(&mut self, node: &str, path: &str, bytes: &[u8]) {
        let packed = lz4_flex::compress_prepend_size(bytes).into_boxed_slice();
        self.files.push(Kept { node: node.to_owned(), path: path.to_owned(), packed });
    }

    /// Returns all files as they were, sorted by node and path.
    pub(crate) fn unpacked(&self) -> Vec<FactFile> {
        let unpacked = |kept: &Kept| {
            let bytes = lz4_flex::decompress_size_prepended(&kept.packed).ok()?;
            Some(FactFile { node: kept.node.clone(), path: kept.path.clone(), bytes: Bytes::from(bytes) })
        };
        let mut files: Vec<FactFile> = self.files.iter().filter_map(unpacked).collect();
        files.sort();
        files
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let of = |kept: &Kept| size_of::<Kept>() + kept.node.len() + kept.path.len() + kept.packed.len();
        self.files.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_in_order() {
        let mut kept = KeptFacts::default();
        kept.add("b", "monitor.log", &b"text ".repeat(1_000));
        kept.add("a", "empty.log", b"");
        assert!(kept.weight() < 1_000);
        let files = kept.unpacked();
        assert_eq!(files.iter().map(|file| file.bytes.len()).collect::<Vec<_>>(), [0, 5_000]);
    }
}
