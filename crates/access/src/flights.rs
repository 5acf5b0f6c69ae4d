//! One piece of work for each key at a time; all who want its result share it.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A result on its way; `None` if the work was lost.
pub(crate) type Flight<V> = Shared<BoxFuture<'static, Option<V>>>;

/// Work in flight, by key.
#[derive(Debug)]
pub(crate) struct Flights<K, V: Clone>(Arc<Mutex<HashMap<K, Flight<V>>>>);

/// The place of somebody who wants a result.
pub(crate) enum Joined<V: Clone> {
    /// The result, because it came meanwhile.
    There(V),
    /// A flight.
    Flight(Flight<V>),
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Joins the flight of a key, or begins one. The work goes on when nobody waits for it any more.
    ///
    /// `there` looks for the result where the work leaves it, which is before its flight ends.
    pub(crate) fn join<F>(&self, key: K, there: impl FnOnce() -> Option<V>, work: impl FnOnce() -> F) -> Joined<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut flights = self.0.lock();
        if let Some(flight) = flights.get(&key) {
            return Joined::Flight(flight.clone());
        }
        if let Some(result) = there() {
            return Joined::There(result);
        }
        let (sender, receiver) = oneshot::channel();
        let flight = receiver.map(Result::ok).boxed().shared();
        flights.insert(key.clone(), flight.clone());
        drop(flights);
        let landing = Landing { key, flights: Arc::clone(&self.0) };
        let work = work();
        tokio::spawn(async move {
            let result = work.await;
            drop(landing);
            drop(sender.send(result));
        });
        Joined::Flight(flight)
    }
}

/// Removes a flight at its end, even if the work panics.
struct Landing<K: Eq + Hash, V: Clone> {
    key: K,
    flights: Arc<Mutex<HashMap<K, Flight<V>>>>,
}

impl<K: Eq + Hash, V: Clone> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}
