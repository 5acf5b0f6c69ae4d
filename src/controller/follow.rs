//! Follows objects of one kind through everything that may happen to an API server, and never gives up.
//!
//! Owns back-off, what to do where `watch` is forbidden (list now and then), and the words for what is wrong.
//! What is heard is passed on in order; whoever listens compares full lists, because objects that vanished while we
//! were away are not announced.

use crate::base::chain::chain;
use futures_util::StreamExt;
use kube::api::ListParams;
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

/// A watch that goes on where it was says nothing until something happens: after so much silence the API server is asked
/// whether all is well again.
const SILENCE: Duration = Duration::from_secs(5);

/// How many objects one page of a list holds.
const PAGE: u32 = 250;

/// What is heard.
#[derive(Debug)]
pub(super) enum Heard<K> {
    /// Something about an object, or about a list.
    Event(Event<K>),
    /// The watch has a problem. It goes on by itself.
    Trouble(Trouble),
    /// It works: for the first time, or again.
    Well,
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

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchKind => f.write_str("the API server does not know this kind"),
            Self::Forbidden(why) => write!(f, "forbidden: {why}"),
            Self::ListingOnly => f.write_str("listing is allowed, and watching is not"),
            Self::Unreachable(why) => write!(f, "the API server cannot be reached: {why}"),
        }
    }
}

/// Follows until dropped.
pub(super) async fn follow<K>(api: Api<K>, config: watcher::Config, hear: impl FnMut(Heard<K>) + Send)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut follower = Follower { api, config, hear, well: false, listing_only: false, wait: FIRST_WAIT };
    loop {
        follower.watch().await;
    }
}

struct Follower<K, H> {
    api: Api<K>,
    config: watcher::Config,
    hear: H,
    /// Whether the last that was said of the watch is that it works.
    well: bool,
    /// We may not watch, as far as we know: that a list came is no news.
    listing_only: bool,
    wait: Duration,
}

impl<K, H> Follower<K, H>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    H: FnMut(Heard<K>) + Send,
{
    /// One watch, until it has to begin anew.
    async fn watch(&mut self) {
        let mut stream = pin!(watcher::watcher(self.api.clone(), self.config.clone().page_size(PAGE)));
        let mut listed = false;
        loop {
            let next = if listed && !self.well {
                let Ok(next) = tokio::time::timeout(SILENCE, stream.next()).await else {
                    self.ask().await;
                    continue;
                };
                next
            } else {
                stream.next().await
            };
            match next {
                None => return,
                Some(Ok(event)) => {
                    let news = matches!(event, Event::Apply(_) | Event::Delete(_));
                    listed = !matches!(event, Event::Init) && (listed || matches!(event, Event::InitDone));
                    // The start of a list proves nothing: it comes before the request.
                    if !matches!(event, Event::Init) {
                        self.wait = FIRST_WAIT;
                    }
                    (self.hear)(Heard::Event(event));
                    if news || (listed && !self.listing_only) {
                        self.works();
                    }
                }
                Some(Err(error)) => {
                    if self.failed(&error).await {
                        return;
                    }
                }
            }
        }
    }

    /// Notes an error and waits a while; whether the watch has to begin anew.
    async fn failed(&mut self, error: &Error) -> bool {
        tracing::debug!(error = %chain(error), "watch interrupted");
        let trouble = trouble(error);
        if matches!(error, Error::WatchStartFailed(_)) && matches!(trouble, Some(Trouble::Forbidden(_))) {
            self.listing_only = true;
            self.troubled(Trouble::ListingOnly);
            tokio::time::sleep(LISTING).await;
            return true;
        }
        // The stream would ask for the same version for ever.
        let expired = matches!(error, Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410);
        if let Some(trouble) = trouble.filter(|_| !expired) {
            self.troubled(trouble);
        }
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        expired
    }

    /// A watch was silent, which may be because it works: asks for one object.
    async fn ask(&mut self) {
        let one = ListParams {
            label_selector: self.config.label_selector.clone(),
            field_selector: self.config.field_selector.clone(),
            ..ListParams::default().limit(1)
        };
        if let Ok(Ok(_)) = tokio::time::timeout(SILENCE, self.api.list(&one)).await {
            self.works();
        }
    }

    fn works(&mut self) {
        self.listing_only = false;
        if !self.well {
            self.well = true;
            (self.hear)(Heard::Well);
        }
    }

    fn troubled(&mut self, trouble: Trouble) {
        self.well = false;
        (self.hear)(Heard::Trouble(trouble));
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
        other => Trouble::Unreachable(chain(other)),
    })
}
