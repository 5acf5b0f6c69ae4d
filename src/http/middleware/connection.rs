//! Open connections, and the closing of idle ones.
//!
//! actix-web limits the time for the head of the *first* request on a connection, and the idle time between requests. A
//! client that sends its second request one byte at a time is limited by neither. So each connection records since when
//! it has no request in flight, and is closed after too long. The kernel limits clients that do not read an answer: it
//! sees every acknowledged byte.
//! When few connection slots are free, the connections that have been idle longest are closed, so that probes and new
//! clients always get in. The request limit is below the connection limit, so some connections are always idle.

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use parking_lot::Mutex;
use ray_history_metrics::http::Metrics;
use socket2::{SockRef, Socket};
use std::any::Any;
use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Bytes of an answer that the kernel buffers for a slow client. They count as our memory in a container, and without a
/// limit would grow to megabytes per connection.
const SEND_BUFFER: usize = 256 << 10;

/// One in `SHARE` connection slots is kept free for new clients.
const SHARE: usize = 8;

/// All open connections.
#[derive(Debug)]
pub(in crate::http) struct Connections {
    metrics: Arc<Metrics>,
    created_at: Instant,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Weak<Connection>>>,
    send_timeout: Duration,
    /// Number of open connections above which the longest idle are closed.
    crowded: usize,
}

/// One connection; dropped when actix-web drops it.
#[derive(Debug)]
pub(in crate::http) struct Connection {
    id: u64,
    /// A second handle of the socket, to shut it down.
    socket: Socket,
    in_flight: AtomicUsize,
    /// Milliseconds since `Connections::created_at`.
    idle_since: AtomicU64,
    /// `true` once the socket is shut down, until actix-web drops the connection.
    ending: AtomicBool,
    all: Arc<Connections>,
}

impl Connections {
    /// Returns a registry for at most `places` connections.
    pub(in crate::http) fn new(metrics: Arc<Metrics>, send_timeout: Duration, places: usize) -> Arc<Self> {
        let (created_at, next, open) = (Instant::now(), AtomicU64::default(), Mutex::default());
        Arc::new(Self { metrics, created_at, next, open, send_timeout, crowded: places - places / SHARE })
    }

    /// Registers an accepted connection; called by actix-web.
    pub(in crate::http) fn accepted(self: &Arc<Self>, stream: &dyn Any, data: &mut Extensions) {
        let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
        let socket = SockRef::from(stream);
        // If setting these limits fails, the connection is served without them.
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let _ = socket.set_tcp_user_timeout(Some(self.send_timeout));
        let Ok(socket) = socket.try_clone() else { return };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (in_flight, idle_since) = (AtomicUsize::default(), AtomicU64::new(self.now()));
        let (ending, all) = (AtomicBool::new(false), Arc::clone(self));
        let connection = Arc::new(Connection { id, socket, in_flight, idle_since, ending, all });
        let open = {
            let mut open = self.lock();
            open.insert(id, Arc::downgrade(&connection));
            open.len()
        };
        if open > self.crowded {
            self.close_longest_idle(id);
        }
        self.metrics.connections.inc();
        data.insert(connection);
    }

    /// Closes the connections that have been idle for longer than `bound`.
    pub(in crate::http) fn reap(&self, bound: Duration) {
        let now = self.now();
        let open: Vec<Arc<Connection>> = self.lock().values().filter_map(Weak::upgrade).collect();
        for connection in open {
            let idle = Duration::from_millis(now.saturating_sub(connection.idle_since.load(Ordering::Acquire)));
            if idle > bound {
                connection.end();
            }
        }
    }

    /// Closes the longest idle connections except `newest`: several at once, so that this runs seldom.
    fn close_longest_idle(&self, newest: u64) {
        let open: Vec<Arc<Connection>> = self.lock().values().filter_map(Weak::upgrade).collect();
        let ending = open.iter().filter(|connection| connection.ending.load(Ordering::Acquire)).count();
        let excess = (open.len() - ending).saturating_sub(self.crowded);
        let mut idle: Vec<(u64, Arc<Connection>)> = open
            .into_iter()
            .filter(|connection| connection.id != newest && connection.is_idle())
            .map(|connection| (connection.idle_since.load(Ordering::Acquire), connection))
            .collect();
        if excess == 0 || idle.is_empty() {
            return;
        }
        let count = (excess + self.crowded / SHARE / 2).min(idle.len());
        idle.select_nth_unstable_by_key(count - 1, |(since, connection)| (*since, connection.id));
        for (_, connection) in &idle[..count] {
            connection.end();
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.created_at.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, HashMap<u64, Weak<Connection>>> {
        self.open.lock()
    }
}

impl Connection {
    fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0 && !self.ending.load(Ordering::Acquire)
    }

    /// Shuts down the reading side of an idle connection, so that an answer still being written is not cut.
    fn end(&self) {
        if self.is_idle() && self.socket.shutdown(Shutdown::Read).is_ok() {
            self.ending.store(true, Ordering::Release);
            self.all.metrics.reaped.inc();
        }
    }

    /// Records that a complete request has arrived.
    pub(in crate::http) fn request_started(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Records that its answer was written to the connection.
    pub(in crate::http) fn request_finished(&self) {
        self.idle_since.store(self.all.now(), Ordering::Release);
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.lock().remove(&self.id);
        self.all.metrics.connections.dec();
    }
}
