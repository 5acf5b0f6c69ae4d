//! Open connections, and the end of those that hold a place without asking anything.
//!
//! actix-web bounds the head of the *first* request on a connection, and idleness between requests; a client that
//! sends one byte of its second request now and then is bounded by neither. So each connection remembers since when it
//! has had no request in flight, and one that stays so for too long is closed. What a client does not take of an
//! answer is bounded by the kernel, which sees every byte that is acknowledged.
//! Before places run out, those that have been idle for longest give theirs up: probes and people get in, whoever else
//! keeps connections open. Requests are bounded below connections, so there are always idle ones.

use crate::metrics::http::Metrics;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::{SockRef, Socket};
use std::any::Any;
use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Bytes of an answer that the kernel keeps for a slow client. They count as our memory in a container, and would
/// grow to megabytes for each by themselves.
const SEND_BUFFER: usize = 256 << 10;

/// This part of the places is kept free for those that come.
const SHARE: usize = 8;

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    metrics: Arc<Metrics>,
    began: Instant,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Weak<Connection>>>,
    send_timeout: Duration,
    /// From so many open ones on, the longest idle are closed.
    crowded: usize,
}

/// One connection; lives as long as actix-web keeps it.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    /// A second handle of the socket, to end it from outside.
    socket: Socket,
    in_flight: AtomicUsize,
    /// Milliseconds since `Connections::began`.
    idle_since: AtomicU64,
    /// It was told to end, and actix-web has not noticed yet.
    ending: AtomicBool,
    all: Arc<Connections>,
}

impl Connections {
    /// Watches over at most `places` connections.
    pub(super) fn new(metrics: Arc<Metrics>, send_timeout: Duration, places: usize) -> Arc<Self> {
        let (began, next, open) = (Instant::now(), AtomicU64::default(), Mutex::default());
        Arc::new(Self { metrics, began, next, open, send_timeout, crowded: places - places / SHARE })
    }

    /// Called by actix-web for each accepted connection.
    pub(super) fn accepted(self: &Arc<Self>, stream: &dyn Any, data: &mut Extensions) {
        let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
        let socket = SockRef::from(stream);
        // A connection without these bounds is served all the same.
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
            self.make_room(id);
        }
        self.metrics.connections.inc();
        data.insert(connection);
    }

    /// Closes what has asked nothing for so long.
    pub(super) fn reap(&self, bound: Duration) {
        let now = self.now();
        let open: Vec<Arc<Connection>> = self.lock().values().filter_map(Weak::upgrade).collect();
        for connection in open {
            let idle = Duration::from_millis(now.saturating_sub(connection.idle_since.load(Ordering::Acquire)));
            if idle > bound {
                connection.end();
            }
        }
    }

    /// Closes the longest idle connections, some at once so that this is seldom; but not the one that just came.
    fn make_room(&self, newest: u64) {
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
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Weak<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0 && !self.ending.load(Ordering::Acquire)
    }

    /// Ends an idle connection. An answer that is still on its way out is not cut: only reading ends.
    fn end(&self) {
        if self.is_idle() && self.socket.shutdown(Shutdown::Read).is_ok() {
            self.ending.store(true, Ordering::Release);
            self.all.metrics.reaped.inc();
        }
    }

    /// A request has come whole.
    pub(super) fn busy(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Its answer was handed over.
    pub(super) fn idle(&self) {
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
