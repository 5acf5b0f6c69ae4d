//! Growing compressed files: one deflate stream for each, flushed to a byte boundary each time.
//!
//! A file is always a whole gzip: the stream so far, an empty final block, and the trailer, which the next flush
//! overwrites. So the ratio is almost that of one stream, however small the flushes are. The state of a stream is large,
//! so only a few live at a time; the one that was idle longest ends its member, and a later flush begins another. After
//! a restart all streams are gone, and a file that has something new is compressed from its beginning.

use flate2::{Compress, Compression, Crc, FlushCompress, write::GzEncoder};
use ray_history_core::base::time::Nanos;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Streams that live at the same time.
const STREAMS: usize = 8;
/// The level of compression: higher ones cost more than they bring for events.
const LEVEL: u32 = 3;
/// Bytes that are read, or compressed, at once.
const STEP: usize = 64 << 10;
/// The header of a member: deflate, no name, no time, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty final block with fixed codes.
const FINAL_BLOCK: [u8; 2] = [0x03, 0x00];

/// The compressed files that grow.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    streams: HashMap<Nanos, Stream>,
    /// The positions at which the next member of the others begins: in the plain file, and in the compressed one.
    ended: HashMap<Nanos, (u64, u64)>,
    turn: u64,
}

/// The member of a file that grows.
#[derive(Debug)]
struct Stream {
    deflate: Compress,
    crc: Crc,
    /// The length of the plain file that is compressed.
    plain: u64,
    /// The length of the compressed file, without the end of its last member.
    len: u64,
    turn: u64,
}

impl Packer {
    /// Compresses a plain file on, up to `end`, and returns the size of the compressed one.
    pub(crate) fn pack(&mut self, name: Nanos, plain: &Path, compressed: &Path, end: u64) -> io::Result<u64> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(compressed)?;
        let mut stream = match self.streams.remove(&name) {
            Some(stream) => stream,
            None => Stream::begin(&file, self.ended.remove(&name).unwrap_or_default())?,
        };
        let size = stream.grow(&File::open(plain)?, &file, end)?;
        self.turn += 1;
        stream.turn = self.turn;
        self.streams.insert(name, stream);
        self.end_oldest();
        Ok(size)
    }

    /// Forgets a file: it is sealed, or begins again.
    pub(crate) fn forget(&mut self, name: Nanos) {
        self.streams.remove(&name);
        self.ended.remove(&name);
    }

    fn end_oldest(&mut self) {
        if self.streams.len() <= STREAMS {
            return;
        }
        let oldest = self.streams.iter().min_by_key(|(_, stream)| stream.turn).map(|(name, _)| *name);
        if let Some((name, stream)) = oldest.and_then(|name| Some((name, self.streams.remove(&name)?))) {
            self.ended.insert(name, (stream.plain, stream.len + END));
        }
    }
}

/// The length of the end of a member.
const END: u64 = 10;

impl Stream {
    fn begin(file: &File, (plain, len): (u64, u64)) -> io::Result<Self> {
        file.set_len(len)?;
        file.write_all_at(&HEADER, len)?;
        let deflate = Compress::new(Compression::new(LEVEL), false);
        Ok(Self { deflate, crc: Crc::new(), plain, len: len + HEADER.len() as u64, turn: 0 })
    }

    fn grow(&mut self, plain: &File, compressed: &File, end: u64) -> io::Result<u64> {
        let mut input = vec![0; STEP];
        let mut output = Vec::with_capacity(STEP);
        while self.plain < end {
            let most = usize::try_from(end - self.plain).unwrap_or(STEP).min(STEP);
            let read = plain.read_at(input.get_mut(..most).unwrap_or_default(), self.plain)?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let bytes = input.get(..read).unwrap_or_default();
            self.crc.update(bytes);
            self.plain += read as u64;
            self.compress(bytes, FlushCompress::None, &mut output, compressed)?;
        }
        self.compress(&[], FlushCompress::Sync, &mut output, compressed)?;
        let mut tail = [0; END as usize];
        tail[..2].copy_from_slice(&FINAL_BLOCK);
        tail[2..6].copy_from_slice(&self.crc.sum().to_le_bytes());
        tail[6..].copy_from_slice(&self.crc.amount().to_le_bytes());
        compressed.write_all_at(&tail, self.len)?;
        Ok(self.len + END)
    }

    fn compress(
        &mut self,
        mut input: &[u8],
        flush: FlushCompress,
        output: &mut Vec<u8>,
        file: &File,
    ) -> io::Result<()> {
        loop {
            output.clear();
            let before = self.deflate.total_in();
            self.deflate.compress_vec(input, output, flush).map_err(io::Error::other)?;
            let taken = usize::try_from(self.deflate.total_in() - before).unwrap_or(usize::MAX);
            input = input.get(taken..).unwrap_or_default();
            file.write_all_at(output, self.len)?;
            self.len += output.len() as u64;
            // Room that is left over means that nothing waits in the stream.
            if input.is_empty() && output.len() < output.capacity() {
                return Ok(());
            }
        }
    }
}

/// Compresses the beginning of a file in memory, for a disk without room.
pub(crate) fn compress_in_memory(plain: &Path, end: u64) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    let copied = io::copy(&mut File::open(plain)?.take(end), &mut encoder)?;
    if copied < end {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    encoder.flush()?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::MultiGzDecoder;
    use proptest::prelude::*;
    use std::path::PathBuf;

    struct Files {
        dir: tempfile::TempDir,
    }

    impl Files {
        fn paths(&self, name: i64) -> (PathBuf, PathBuf) {
            (self.dir.path().join(format!("{name}.jsonl")), self.dir.path().join(format!("{name}.gz")))
        }

        fn append(&self, name: i64, bytes: &[u8]) -> u64 {
            let mut file = OpenOptions::new().create(true).append(true).open(self.paths(name).0).unwrap();
            file.write_all(bytes).unwrap();
            file.metadata().unwrap().len()
        }

        fn pack(&self, packer: &mut Packer, name: i64, end: u64) -> Vec<u8> {
            let (plain, compressed) = self.paths(name);
            let size = packer.pack(name, &plain, &compressed, end).unwrap();
            let bytes = std::fs::read(compressed).unwrap();
            assert_eq!(bytes.len() as u64, size);
            bytes
        }
    }

    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap();
        out
    }

    fn record(n: u64) -> Vec<u8> {
        let hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!(r#"{{"eventId":"{hash:x}","eventType":"TASK_LIFECYCLE_EVENT","sessionName":"session_2026","taskLifecycleEvent":{{"n":{n}}}}}"#)
            .into_bytes()
    }

    #[test]
    fn every_flush_leaves_a_whole_file_of_one_member() {
        let files = Files { dir: tempfile::tempdir().unwrap() };
        let mut packer = Packer::default();
        let mut expected = Vec::new();
        for n in 0..200 {
            let record = record(n);
            expected.extend_from_slice(&record);
            let end = files.append(7, &record);
            let bytes = files.pack(&mut packer, 7, end);
            let mut out = Vec::new();
            flate2::bufread::GzDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
            assert!(out == expected, "flush {n}");
        }
    }

    /// Also an end that is not that of the file, and input longer than one step.
    #[test]
    fn long_input_and_input_beyond_the_end() {
        let files = Files { dir: tempfile::tempdir().unwrap() };
        let mut packer = Packer::default();
        let noise: Vec<u8> = (0..300_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        files.append(1, &noise);
        for end in [1, 200_000, 200_000, 300_000] {
            let bytes = files.pack(&mut packer, 1, end);
            assert!(decoded(&bytes) == noise[..end as usize], "{end}");
        }
        assert!(packer.pack(1, &files.paths(1).0, &files.paths(1).1, 300_001).is_err());
        assert!(decoded(&compress_in_memory(&files.paths(1).0, 1000).unwrap()) == noise[..1000]);
    }

    /// The room that the spool keeps for a compressed form is enough for random bytes, however small the flushes are.
    #[test]
    fn random_bytes_grow_no_more_than_is_kept_for_them() {
        let mut state = 1u64;
        let mut noise = |len: usize| -> Vec<u8> {
            let mut byte = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            };
            (0..len).map(|_| byte()).collect()
        };
        for step in [1, 50, 1_000, 20_000, 300_000, 3_000_000] {
            let files = Files { dir: tempfile::tempdir().unwrap() };
            let (mut packer, mut before) = (Packer::default(), 0);
            for _ in 0..10 {
                let end = files.append(1, &noise(step));
                let size = files.pack(&mut packer, 1, end).len() as u64;
                let most = crate::spool::compressed_at_most(step as u64);
                assert!(size - before <= most, "{step} bytes became {}, {most} are kept", size - before);
                before = size;
            }
        }
    }

    #[test]
    fn small_flushes_cost_little() {
        let files = Files { dir: tempfile::tempdir().unwrap() };
        let mut packer = Packer::default();
        for round in 0..100 {
            let records: Vec<u8> = (0..10).flat_map(|n| record(round * 10 + n)).collect();
            let end = files.append(1, &records);
            files.pack(&mut packer, 1, end);
        }
        let flushed = std::fs::metadata(files.paths(1).1).unwrap().len();
        let whole = compress_in_memory(&files.paths(1).0, files.append(1, b"")).unwrap().len() as u64;
        assert!(flushed < whole * 5 / 4, "{flushed} bytes, {whole} in one piece");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// More files than streams, in any order, with restarts.
        #[test]
        fn files_are_whole_however_streams_come_and_go(turns in prop::collection::vec((0i64..12, 0u8..20), 1..150)) {
            let files = Files { dir: tempfile::tempdir().unwrap() };
            let mut packer = Packer::default();
            let mut contents: HashMap<i64, Vec<u8>> = HashMap::new();
            for (n, (name, restart)) in turns.into_iter().enumerate() {
                if restart == 0 {
                    packer = Packer::default();
                }
                let record = record(n as u64);
                contents.entry(name).or_default().extend_from_slice(&record);
                let end = files.append(name, &record);
                let bytes = files.pack(&mut packer, name, end);
                prop_assert_eq!(&decoded(&bytes), &contents[&name]);
                prop_assert!(packer.streams.len() <= STREAMS);
            }
        }
    }
}
