//! The logs' work on the disk, one piece at a time: the process has few blocking threads, and acknowledgements of
//! events wait for one.

use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// The turn of a piece of work. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<()>>);

impl Disk {
    /// Runs `work` on a blocking thread, once no other work is there; `None` if it panicked. What has begun goes on, and
    /// keeps its turn, if this is dropped.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let turn = Arc::clone(&self.0).lock_owned().await;
        let running = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        running.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;
    use tokio::time::timeout;

    /// Work that was given up still keeps the next one waiting, and takes no second thread.
    #[tokio::test]
    async fn one_piece_of_work_runs_at_a_time() {
        let disk = Disk::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let (first, second) = (Arc::clone(&is_over), is_over);
        let long = disk.run(move || {
            std::thread::sleep(Duration::from_millis(100));
            first.store(true, Ordering::SeqCst);
        });
        assert!(timeout(Duration::from_millis(10), long).await.is_err());
        assert!(disk.clone().run(move || second.load(Ordering::SeqCst)).await.unwrap());
    }
}
