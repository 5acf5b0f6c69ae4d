//! Uploads the files of the spool: growing objects that keep their key and are written again, longer, until sealed.

use super::Sink;
use super::packer::{Packer, compress_in_memory};
use crate::spool::{Content, Destination, PutJob, Sealing, Spool};
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_core::base::name::SessionName;
use ray_history_core::base::time::Nanos;
use ray_history_storage::Error;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

/// Writes that run at the same time.
const AT_ONCE: usize = 4;
/// The pause between two questions for a node that is not known.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(1);
/// The shortest pause between two rounds that nothing but time begins.
const AGAIN_PAUSE: Duration = Duration::from_millis(20);

/// Uploads what the spool has, until it is dropped.
pub struct Uploader {
    spool: Arc<Spool>,
    sink: Sink,
    destination: Destination,
    sealing: Sealing,
    /// From the first record that is not stored to the flush.
    every: Duration,
    flush_all: AtomicBool,
    disk_trouble: Mutex<Option<String>>,
}

impl Uploader {
    /// Returns an uploader that flushes `every` so long after the first event. [`Self::run`] does the work.
    pub fn new(spool: Arc<Spool>, sink: Sink, destination: Destination, every: Duration, sealing: Sealing) -> Self {
        Self {
            spool,
            sink,
            destination,
            sealing,
            every,
            flush_all: AtomicBool::new(false),
            disk_trouble: Mutex::new(None),
        }
    }

    /// Uploads, for ever.
    pub async fn run(&self) {
        let mut packer = Packer::default();
        let mut puts = JoinSet::new();
        let mut busy = BTreeSet::new();
        loop {
            let is_long = self.spool.make_room();
            let all = self.flush_all.swap(false, Ordering::Relaxed);
            let due = self.spool.due(self.every, &self.sealing, all);
            if is_long || !due.files.is_empty() {
                packer = self.compress(packer, due.files).await;
            }
            self.start_puts(&mut puts, &mut busy).await;
            let next = self.next_look();
            tokio::select! {
                () = self.spool.wake().notified() => {}
                Some(done) = puts.join_next() => {
                    if let Ok((job, size)) = done {
                        busy.remove(&job.file);
                        self.finish(job, size).await;
                    }
                }
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// Returns when there is something to do by time alone.
    fn next_look(&self) -> Option<Instant> {
        let now = Instant::now();
        let due = self.spool.due(self.every, &self.sealing, false);
        // What became due meanwhile, or could not be done.
        let again = (!due.files.is_empty()).then(|| now + AGAIN_PAUSE);
        let unknown = self.spool.is_waiting().then(|| now + UNKNOWN_PAUSE);
        due.next.into_iter().chain(again).chain(unknown).min()
    }

    /// Waits until everything is stored that was accepted before the call.
    pub async fn flush_now(&self) {
        let wanted = self.spool.unstored();
        self.flush_all.store(true, Ordering::Relaxed);
        self.spool.wake().notify_one();
        self.until(|spool| spool.has_stored(&wanted)).await;
    }

    /// Seals all files of a session that has ended, or whose node has, and waits until they are stored. Events that
    /// come later begin new files.
    pub async fn close_session(&self, session: &SessionName) {
        let files = self.spool.close(Some(session));
        self.spool.wake().notify_one();
        self.until(|spool| spool.has_finished(&files)).await;
    }

    /// Returns the spool whose files are uploaded.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Returns why the disk of the spool cannot be used; `None` if the last attempt succeeded.
    pub fn disk_trouble(&self) -> Option<String> {
        self.disk_trouble.lock().clone()
    }

    async fn until(&self, done: impl Fn(&Spool) -> bool) {
        loop {
            let stored = self.spool.stored().notified();
            tokio::pin!(stored);
            stored.as_mut().enable();
            if done(&self.spool) {
                return;
            }
            stored.await;
        }
    }

    /// Compresses and seals files, and brings everything to the disk.
    async fn compress(&self, mut packer: Packer, files: Vec<Nanos>) -> Packer {
        let (spool, sealing) = (Arc::clone(&self.spool), self.sealing);
        let work = spawn_blocking(move || {
            let mut result = Ok(());
            for file in files {
                result = pack(&spool, &mut packer, &sealing, file).and(result);
            }
            (packer, spool.sync().and(result))
        });
        // It ends early only with the process.
        let Ok((packer, result)) = work.await else { return Packer::default() };
        *self.disk_trouble.lock() = result.err().map(|error| error.to_string());
        packer
    }

    async fn start_puts(&self, puts: &mut JoinSet<(PutJob, Result<u64, Error>)>, busy: &mut BTreeSet<Nanos>) {
        let free = AT_ONCE.saturating_sub(puts.len());
        if free == 0 {
            return;
        }
        let jobs = match self.spool.put_jobs(busy, &self.destination, free) {
            Ok(jobs) => jobs,
            Err(error) => {
                *self.disk_trouble.lock() = Some(error.to_string());
                return;
            }
        };
        for job in jobs {
            // Read before the file grows further.
            let read = spawn_blocking(move || (read(&job.content), job)).await;
            let Ok((body, job)) = read else { continue };
            let body = match body {
                Ok(body) => body,
                Err(error) => {
                    *self.disk_trouble.lock() = Some(error.to_string());
                    self.spool.not_written(&job);
                    continue;
                }
            };
            busy.insert(job.file);
            let sink = self.sink.clone();
            puts.spawn(async move {
                let result = match &body {
                    Body::Bytes(bytes) => sink.put(&job.key, bytes.clone()).await.map(|()| bytes.len() as u64),
                    Body::File(file, len) => sink.put_file(&job.key, file, *len).await.map(|()| *len),
                };
                (job, result)
            });
        }
    }

    async fn finish(&self, job: PutJob, size: Result<u64, Error>) {
        let spool = Arc::clone(&self.spool);
        let noted = spawn_blocking(move || {
            let noted = match size {
                Ok(size) => spool.written(&job, size),
                Err(error) => Err(io::Error::other(error)),
            };
            if noted.is_err() {
                spool.not_written(&job);
            }
            noted
        });
        if let Ok(Err(error)) = noted.await {
            *self.disk_trouble.lock() = Some(error.to_string());
        }
    }
}

impl fmt::Debug for Uploader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploader").field("spool", &self.spool).finish_non_exhaustive()
    }
}

/// The body of a write.
enum Body {
    Bytes(Bytes),
    File(File, u64),
}

fn read(content: &Content) -> io::Result<Body> {
    match content {
        Content::Growing(path, size) => {
            let mut bytes = Vec::with_capacity(usize::try_from(*size).unwrap_or_default());
            File::open(path)?.take(*size).read_to_end(&mut bytes)?;
            if bytes.len() as u64 != *size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Body::Bytes(bytes.into()))
        }
        Content::Sealed(path, size) => Ok(Body::File(File::open(path)?, *size)),
        Content::Plain(path, end) => Ok(Body::Bytes(compress_in_memory(path, *end)?.into())),
    }
}

/// Compresses what is new of a file, and seals it if its time has come.
fn pack(spool: &Spool, packer: &mut Packer, sealing: &Sealing, file: Nanos) -> io::Result<()> {
    while let Some(job) = spool.pack_job(file, sealing) {
        let compressed = if job.plain == job.compressed {
            Ok(job.end)
        } else {
            packer.pack(file, &job.plain, &job.compressed, job.end)
        };
        match compressed {
            Ok(size) if spool.compressed(file, &job, size, sealing) => {}
            Ok(_) => break,
            Err(error) => {
                packer.forget(file);
                spool.not_compressed(file);
                return Err(error);
            }
        }
    }
    spool.seal(file).inspect_err(|_| {
        packer.forget(file);
        spool.not_compressed(file);
    })?;
    if !spool.grows(file) {
        packer.forget(file);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
