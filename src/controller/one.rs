//! Follows one object by its name, and tells of every change of it.
//!
//! An object that cannot be read is told of as such: it must not stop anything.

use super::follow::{Heard, Trouble, follow};
use super::pace::Pace;
use super::words::shortened;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How fast one object may change: each change may be a store to open.
const CHANGES: Pace = Pace::new(30, Duration::from_secs(1));

/// News of an object.
#[derive(Clone, Debug)]
pub(super) enum News<K> {
    /// It is like this now.
    Is(Box<K>),
    /// It is there and cannot be read.
    Malformed(String),
    /// There is none.
    Absent,
    /// It cannot be watched; what was told last may be old.
    Trouble(Trouble),
}

/// Begins to follow an object; ends when the set is dropped.
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
        follow(api, config, CHANGES, |heard| {
            let news = match heard {
                Heard::Trouble(trouble) => News::Trouble(trouble),
                // What there is, or that there is nothing, has been told.
                Heard::Well => return,
                Heard::Event(Event::Init) => {
                    found = false;
                    return;
                }
                Heard::Event(Event::InitDone) if found => return,
                Heard::Event(Event::InitDone | Event::Delete(_)) => News::Absent,
                Heard::Event(Event::InitApply(object) | Event::Apply(object)) => {
                    found = true;
                    object.0.map_or_else(
                        |invalid| News::Malformed(shortened(invalid.error)),
                        |object| News::Is(Box::new(object)),
                    )
                }
            };
            let _ = sender.send(news);
        })
        .await;
    });
    receiver
}
