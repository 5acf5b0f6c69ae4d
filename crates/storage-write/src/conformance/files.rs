//! Files, whole and in parts.

use super::super::If;
use super::Subject;
use anyhow::{Context, ensure};
use ray_history_storage::ErrorKind;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// The longest file that is put by one request.
const WHOLE: u64 = 64 << 20;

/// A file that is removed with the value.
struct Scratch {
    path: PathBuf,
    file: File,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns bytes that differ at each place.
fn pattern(length: u64) -> Vec<u8> {
    let words = (0..length.div_ceil(8)).map(|word| word.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    let mut bytes = words.flatten().collect::<Vec<u8>>();
    bytes.truncate(length as usize);
    bytes
}

impl Subject<'_> {
    fn file(&self, name: &str, bytes: &[u8]) -> anyhow::Result<Scratch> {
        let path = self.scratch.join(name);
        let mut file = File::options().read(true).append(true).create_new(true).open(&path)?;
        file.write_all(bytes)?;
        Ok(Scratch { path, file })
    }

    pub(super) async fn puts_files_around_the_first_upload_in_parts(&self) -> anyhow::Result<()> {
        let bytes = pattern(WHOLE + 1);
        let mut source = self.file("large", &bytes)?;
        source.file.seek(std::io::SeekFrom::Start(5))?;
        for len in [0, 1, WHOLE - 1, WHOLE, WHOLE + 1] {
            let key = self.key("file/large");
            self.writer.put_file(&key, &source.file, len).await.with_context(|| format!("{len} bytes"))?;
            self.expect(&key, &bytes[..len as usize]).await.with_context(|| format!("{len} bytes"))?;
        }
        ensure!(source.file.stream_position()? == 5, "the position of the file has moved");
        self.writer.delete(&self.key("file/large")).await?;
        Ok(())
    }

    pub(super) async fn puts_a_file_that_grows(&self) -> anyhow::Result<()> {
        let bytes = pattern(6_000_000);
        let source = self.file("growing", &bytes)?;
        let (stop, mut appended) = (Arc::new(AtomicBool::new(false)), source.file.try_clone()?);
        let stopped = Arc::clone(&stop);
        let (has_grown, grown) = mpsc::channel();
        let writer = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) && appended.write_all(b"later").is_ok() {
                // Nobody waits for the second time.
                let _ = has_grown.send(());
                thread::sleep(Duration::from_millis(1));
            }
        });
        // A busy machine may put the whole file before the thread begins.
        grown.recv()?;
        let key = self.key("file/growing");
        let put = self.writer.put_file(&key, &source.file, bytes.len() as u64).await;
        stop.store(true, Ordering::Relaxed);
        ensure!(writer.join().is_ok(), "the file was not written");
        put?;
        ensure!(source.file.metadata()?.len() > bytes.len() as u64, "the file did not grow");
        self.expect(&key, &bytes).await
    }

    pub(super) async fn notices_files_that_end_early(&self) -> anyhow::Result<()> {
        let key = self.key("file/short");
        self.writer.put(&key, "old".into(), If::Any).await?;
        let source = self.file("short", b"0123456789")?;
        for len in [11, WHOLE + 1] {
            let error = self.writer.put_file(&key, &source.file, len).await.err().context("it was put")?;
            ensure!(error.kind() == ErrorKind::Source && !error.is_transient(), "{error:?}");
            self.expect(&key, b"old").await?;
        }
        Ok(())
    }
}
