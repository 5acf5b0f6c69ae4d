//! Follows objects of one kind through everything that may happen to an API server, and never gives up.
//!
//! Owns back-off, what to do where `watch` is forbidden (list now and then), and the words for what is wrong.
//! What is heard is passed on in order; whoever listens compares full lists, because objects that vanished while we
//! were away are not announced.

use futures_util::StreamExt;
use kube::runtime::watcher::{self, Error, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

/// How often things are listed where they may not be watched.
const LISTING: Duration = Duration::from_secs(30);

/// Between tries, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(800);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How many objects one page of a list holds.
const PAGE: u32 = 250;

/// What is heard.
#[derive(Debug)]
pub(super) enum Heard<K> {
    /// Something about an object, or about a list.
    Event(Event<K>),
    /// The watch has a problem. It goes on by itself; a list or an event says that the problem is over.
    Trouble(Trouble),
}

/// What keeps us from watching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The API server does not know this kind: its CRD is not installed.
    NoSuchKind,
    /// We may not list.
    Forbidden(String),
    /// We may list, and not watch.
    ListingOnly,
    /// The API server does not answer, or not as it should.
    Unreachable(String),
}

/// Follows until dropped.
pub(super) async fn follow<K>(api: Api<K>, config: watcher::Config, mut hear: impl FnMut(Heard<K>) + Send)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut wait = FIRST_WAIT;
    loop {
        let mut stream = pin!(watcher::watcher(api.clone(), config.clone().page_size(PAGE)));
        while let Some(next) = stream.next().await {
            let error = match next {
                Ok(event) => {
                    // The start of a list proves nothing: it comes before the request.
                    if !matches!(event, Event::Init) {
                        wait = FIRST_WAIT;
                    }
                    hear(Heard::Event(event));
                    continue;
                }
                Err(error) => error,
            };
            tracing::debug!(%error, "watch interrupted");
            let trouble = trouble(&error);
            if matches!(error, Error::WatchStartFailed(_)) && matches!(trouble, Some(Trouble::Forbidden(_))) {
                hear(Heard::Trouble(Trouble::ListingOnly));
                tokio::time::sleep(LISTING).await;
                break;
            }
            let expired = matches!(&error, Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410);
            if let Some(trouble) = trouble.filter(|_| !expired) {
                hear(Heard::Trouble(trouble));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            if expired {
                // The stream would ask for the same version for ever.
                break;
            }
        }
    }
}

/// The trouble behind an error; none, when it is part of an ordinary day: a version that expired, a cut connection.
fn trouble(error: &Error) -> Option<Trouble> {
    let cause = match error {
        Error::InitialListFailed(cause) | Error::WatchStartFailed(cause) => cause,
        Error::WatchError(status) if status.code == 403 => return Some(Trouble::Forbidden(status.message.clone())),
        Error::WatchError(_) | Error::WatchFailed(_) | Error::NoResourceVersion => return None,
    };
    Some(match cause {
        kube::Error::Api(status) if status.code == 404 => Trouble::NoSuchKind,
        kube::Error::Api(status) if [401, 403].contains(&status.code) => Trouble::Forbidden(status.message.clone()),
        kube::Error::Api(status) => Trouble::Unreachable(format!("{} ({})", status.message, status.code)),
        other => Trouble::Unreachable(other.to_string()),
    })
}
