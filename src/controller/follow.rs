//! Follows objects of one kind through everything that may happen to an API server, and never gives up.
//!
//! Owns back-off, what to do where `watch` is forbidden (list now and then), bounds of how much is listed and how fast
//! things may change, and the words for what is wrong.
//! What is heard is passed on in order; whoever listens compares full lists, because objects that vanished while we
//! were away are not announced.

use super::client::TooLong;
use super::pace::Pace;
use super::words::shortened;
use futures_util::StreamExt;
use kube::api::ListParams;
use kube::runtime::watcher::{self, Error, Event};
use kube::{Api, Resource};
use ray_history_core::base::chain::chain;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// How often things are listed where they may not be watched.
const LISTING: Duration = Duration::from_secs(30);

/// Between tries, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(800);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A watch that goes on where it was says nothing until something happens: after so much silence the API server is asked
/// whether all is well again.
const SILENCE: Duration = Duration::from_secs(5);

/// How many objects one page of a list holds; fewer, where they are so big that pages get too long.
const PAGE: u32 = 250;

/// How many objects are followed at most.
pub(super) const MOST: usize = 50_000;

/// How fast many objects may change. A watch that is read more slowly than it is written waits on the wire.
pub(super) const MANY: Pace = Pace::new(20_000, Duration::from_millis(1));

/// How often a watch may be interrupted within `TOGETHER` before that is told: once is part of an ordinary day.
const INTERRUPTIONS: u32 = 3;

/// Failures that are farther apart have nothing to do with each other.
const TOGETHER: Duration = Duration::from_mins(2);

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

/// Follows until dropped; changes are heard at most at this pace.
pub(super) async fn follow<K>(api: Api<K>, config: watcher::Config, pace: Pace, hear: impl FnMut(Heard<K>) + Send)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut follower = Follower {
        api,
        config,
        pace,
        hear,
        well: false,
        doubtful: false,
        wait: FIRST_WAIT,
        page: PAGE,
        failed: None,
        failures: 0,
    };
    loop {
        follower.watch().await;
    }
}

struct Follower<K, H> {
    api: Api<K>,
    config: watcher::Config,
    pace: Pace,
    hear: H,
    /// Whether the last that was said of the watch is that it works.
    well: bool,
    /// A watch failed after its list, or is forbidden: that a list came is no news.
    doubtful: bool,
    wait: Duration,
    page: u32,
    /// When something failed last, and how often together.
    failed: Option<Instant>,
    failures: u32,
}

impl<K, H> Follower<K, H>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    H: FnMut(Heard<K>) + Send,
{
    /// One watch, until it has to begin anew.
    async fn watch(&mut self) {
        let mut stream = pin!(watcher::watcher(self.api.clone(), self.config.clone().page_size(self.page)));
        let (mut listed, mut count) = (false, 0);
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
                    if !matches!(event, Event::Init) && !self.doubtful {
                        self.wait = FIRST_WAIT;
                    }
                    count = if matches!(event, Event::InitApply(_)) { count + 1 } else { 0 };
                    if count > MOST {
                        self.troubled(Trouble::Unreachable(format!("the list has more than {MOST} objects")));
                        tokio::time::sleep(LONGEST_WAIT).await;
                        return;
                    }
                    (self.hear)(Heard::Event(event));
                    if news || (listed && !self.doubtful) {
                        self.works();
                    }
                    let wait = if news { self.pace.turn(Instant::now()) } else { Duration::ZERO };
                    if !wait.is_zero() {
                        tokio::time::sleep(wait).await;
                    }
                }
                Some(Err(error)) => {
                    if self.failed(&error, listed).await {
                        return;
                    }
                }
            }
        }
    }

    /// Notes an error and waits a while; whether the watch has to begin anew.
    async fn failed(&mut self, error: &Error, listed: bool) -> bool {
        tracing::debug!(error = shortened(chain(error)), "watch interrupted");
        let trouble = trouble(error);
        if matches!(error, Error::WatchStartFailed(_)) && matches!(trouble, Some(Trouble::Forbidden(_))) {
            self.doubtful = true;
            self.troubled(Trouble::ListingOnly);
            tokio::time::sleep(LISTING).await;
            return true;
        }
        let now = Instant::now();
        if self.failed.replace(now).is_some_and(|last| now - last > TOGETHER) {
            (self.failures, self.wait, self.doubtful) = (0, FIRST_WAIT, false);
        }
        self.failures += 1;
        self.doubtful |= listed;
        // The stream would ask for the same version for ever.
        let expired = matches!(error, Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410);
        // What it was about is lost: only a list tells.
        let unread = matches!(error, Error::WatchFailed(kube::Error::SerdeError(_)));
        let too_long = matches!(error, Error::InitialListFailed(cause) if is_too_long(cause));
        if too_long {
            self.page = (self.page / 4).max(1);
        }
        if let Some(trouble) = trouble.filter(|_| !expired) {
            self.troubled(trouble);
        } else if self.failures > INTERRUPTIONS {
            let why = format!("the watch is interrupted again and again: {}", chain(error));
            self.troubled(Trouble::Unreachable(shortened(why)));
        }
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        expired || unread || too_long
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
        (self.doubtful, self.failures) = (false, 0);
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
    let said = |status: &kube::core::Status| shortened(status.message.clone());
    let cause = match error {
        Error::InitialListFailed(cause) | Error::WatchStartFailed(cause) => cause,
        Error::WatchError(status) if status.code == 403 => return Some(Trouble::Forbidden(said(status))),
        Error::WatchError(_) | Error::WatchFailed(_) | Error::NoResourceVersion => return None,
    };
    Some(match cause {
        kube::Error::Api(status) if status.code == 404 => Trouble::NoSuchKind,
        kube::Error::Api(status) if [401, 403].contains(&status.code) => Trouble::Forbidden(said(status)),
        kube::Error::Api(status) => Trouble::Unreachable(format!("{} ({})", said(status), status.code)),
        other => Trouble::Unreachable(shortened(chain(other))),
    })
}

/// Whether an answer was longer than it may be.
fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<TooLong>)
}
