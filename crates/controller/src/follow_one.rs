//! Follows one object by name, and reports every change.
//!
//! An object that cannot be parsed is reported as malformed and stops nothing.

use super::follow::{Trouble, WatchEvent, follow};
use super::limits::shortened;
use super::pace::Pace;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Pace of changes of one object, because each change may open a store.
const CHANGES: Pace = Pace::new(30, Duration::from_secs(1));

/// A report about an object.
#[derive(Clone, Debug)]
pub(super) enum News<K> {
    /// The current object.
    Present(Box<K>),
    /// The object exists and cannot be parsed.
    Malformed(String),
    /// The object does not exist.
    Absent,
    /// The object cannot be watched, so the last report may be out of date.
    Trouble(Trouble),
}

/// Starts to follow an object; ends when the set is dropped.
pub(super) fn follow_one<K>(
    api: Api<DeserializeGuard<K>>,
    name: &str,
    tasks: &mut JoinSet<()>,
) -> mpsc::UnboundedReceiver<News<K>>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let (sender, receiver) = mpsc::unbounded_channel();
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    tasks.spawn(async move {
        let mut found = false;
        follow(api, config, CHANGES, |event| {
            let news = match event {
                WatchEvent::Trouble(trouble) => News::Trouble(trouble),
                // The object or its absence has been reported already.
                WatchEvent::Healthy => return,
                WatchEvent::Event(Event::Init) => {
                    found = false;
                    return;
                }
                WatchEvent::Event(Event::InitDone) if found => return,
                WatchEvent::Event(Event::InitDone | Event::Delete(_)) => News::Absent,
                WatchEvent::Event(Event::InitApply(object) | Event::Apply(object)) => {
                    found = true;
                    object.0.map_or_else(
                        |invalid| News::Malformed(shortened(invalid.error)),
                        |object| News::Present(Box::new(object)),
                    )
                }
            };
            let _ = sender.send(news);
        })
        .await;
    });
    receiver
}
