//! The bucket, which need not be there at the start: it is connected at the first write, and counted.
//!
//! A configuration that is wrong or missing must not end the collector. Until it is right, every write fails and is
//! tried again, and events are kept in the spool.

use crate::metrics::StoreMetrics;
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_storage::Error;
use ray_history_storage_write::{If, Put, StorageWrite};
use std::fmt;
use std::fs::File;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Connects the bucket: reads the configuration anew at each call. The text says why it cannot be used.
pub type Connect =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Arc<dyn StorageWrite>, String>> + Send>> + Send + Sync>;

/// The bucket of the settings.
pub struct Store {
    connect: Connect,
    connected: Mutex<Option<Arc<dyn StorageWrite>>>,
    metrics: StoreMetrics,
}

impl Store {
    /// Returns a store that is connected when it is needed.
    pub fn new(connect: Connect, metrics: StoreMetrics) -> Self {
        Self { connect, connected: Mutex::default(), metrics }
    }

    /// Returns the connected store, and connects it if need be; the text says why the configuration cannot be used.
    pub async fn connected(&self) -> Result<Arc<dyn StorageWrite>, String> {
        if let Some(store) = &*self.connected.lock() {
            return Ok(Arc::clone(store));
        }
        let store = (self.connect)().await?;
        *self.connected.lock() = Some(Arc::clone(&store));
        Ok(store)
    }

    /// Returns when a time is over and the configuration cannot be used, with the reason; else never.
    pub async fn unusable_after(&self, time: Duration) -> String {
        tokio::time::sleep(time).await;
        match self.connected().await {
            Ok(_) => std::future::pending().await,
            Err(why) => why,
        }
    }

    async fn connected_for(&self, key: &str) -> Result<Arc<dyn StorageWrite>, Error> {
        self.connected().await.map_err(|why| Error::failed(key, why))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("connected", &self.connected.lock()).finish_non_exhaustive()
    }
}

#[async_trait]
impl StorageWrite for Store {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        let length = bytes.len() as u64;
        let written = async { self.connected_for(key).await?.put(key, bytes, condition).await }.await;
        self.metrics.count(key, length, written.as_ref().err());
        written
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let written = async { self.connected_for(key).await?.put_file(key, file, len).await }.await;
        self.metrics.count(key, len, written.as_ref().err());
        written
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.connected_for(key).await?.delete(key).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::Sink;
    use ray_history_storage_write::memory::MemoryWriter;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_configuration_that_cannot_be_used_is_not_waited_for() {
        let after = |connect: Connect| async move {
            let store = Store::new(connect, StoreMetrics::default());
            tokio::time::timeout(Duration::from_secs(60), store.unusable_after(Duration::from_secs(25))).await
        };
        let missing = after(Box::new(|| Box::pin(async { Err("no store is set".to_owned()) }))).await;
        assert_eq!(missing.as_deref(), Ok("no store is set"));
        let usable = after(Box::new(|| Box::pin(async { Ok(Arc::new(MemoryWriter::default()) as _) }))).await;
        assert!(usable.is_err(), "the store may be away: {usable:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_configuration_is_tried_again() {
        let memory = MemoryWriter::default();
        let calls = Arc::new(AtomicU32::new(0));
        let (writer, counted) = (memory.clone(), Arc::clone(&calls));
        let connect: Connect = Box::new(move || {
            let (writer, call) = (writer.clone(), counted.fetch_add(1, Ordering::Relaxed));
            Box::pin(async move {
                if call < 2 { Err("S3_BUCKET must be set".to_owned()) } else { Ok(Arc::new(writer) as _) }
            })
        });
        let metrics = StoreMetrics::default();
        let sink = Sink::new(Arc::new(Store::new(connect, metrics.clone())));
        let writing = tokio::spawn({
            let sink = sink.clone();
            async move { sink.put("cluster-metadata/x", Bytes::from_static(b"a")).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let trouble = sink.trouble().unwrap();
        assert!(trouble.message.contains("S3_BUCKET must be set"), "{}", trouble.message);
        writing.await.unwrap().unwrap();
        sink.put("b/node_events/x", Bytes::from_static(b"cd")).await.unwrap();
        assert_eq!((calls.load(Ordering::Relaxed), sink.trouble().is_none()), (3, true));
        let text = crate::metrics::render(&crate::metrics::Numbers::default(), &metrics).unwrap();
        for line in [
            "puts_total{kind=\"marker\"} 1",
            "puts_total{kind=\"events\"} 1",
            "put_bytes_total 3",
            "put_errors_total{kind=\"failed\"} 2",
        ] {
            assert!(text.contains(&format!("ray_history_collect_{line}\n")), "{line}: {text}");
        }
    }
}
