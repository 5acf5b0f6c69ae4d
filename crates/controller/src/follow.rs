//! Follows objects of one kind, and retries after every failure of the API server.
//!
//! Handles back-off, a forbidden `watch` (lists periodically instead), limits on the number of objects and the rate of
//! changes, and descriptions of troubles.
//! Events are passed on in order. Receivers compare full lists, because objects that vanished during an outage are not
//! reported one by one.

use super::client::TooLong;
use super::limits::shortened;
use super::pace::Pace;
use crate::api_error;
use futures_util::StreamExt;
use kube::api::ListParams;
use kube::runtime::watcher::{self, Error, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// Interval of lists while `watch` is forbidden.
const LISTING: Duration = Duration::from_secs(30);

/// First and longest pause between retries.
const FIRST_WAIT: Duration = Duration::from_millis(800);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Silence after which the API server is probed: a resumed watch reports nothing until an object changes.
const SILENCE: Duration = Duration::from_secs(5);

/// Objects per page of a list; reduced if pages get too long.
const PAGE: u32 = 250;

/// Most objects that are followed.
pub(super) const MAX_OBJECTS: usize = 50_000;

/// Pace of changes of many objects. A watch that is read too slowly is held back by TCP.
pub(super) const LIST_PACE: Pace = Pace::new(20_000, Duration::from_millis(1));

/// Interruptions within `FAILURE_WINDOW` that are not reported, because a single one is normal.
const INTERRUPTIONS: u32 = 3;

/// Time after which earlier failures are no longer counted.
const FAILURE_WINDOW: Duration = Duration::from_mins(2);

/// An event of a watch.
#[derive(Debug)]
pub(super) enum WatchEvent<K> {
    /// An event about an object or a list.
    Event(Event<K>),
    /// The watch has a problem, and retries by itself.
    Trouble(Trouble),
    /// The watch works, for the first time or again.
    Healthy,
}

/// Reason why a watch does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The API server does not know this kind: its CRD is not installed.
    NoSuchKind,
    /// Listing is forbidden.
    Forbidden(String),
    /// Listing is allowed, but watching is forbidden.
    ListingOnly,
    /// The API server does not answer, or answers with an error.
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

/// Follows objects until dropped; passes on changes at most at this pace.
pub(super) async fn follow<K>(
    api: Api<K>,
    config: watcher::Config,
    pace: Pace,
    on_event: impl FnMut(WatchEvent<K>) + Send,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut follower = Follower {
        api,
        config,
        pace,
        on_event,
        healthy: false,
        unproven: false,
        wait: FIRST_WAIT,
        page: PAGE,
        last_failure: None,
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
    on_event: H,
    /// `true` if the last report was that the watch works.
    healthy: bool,
    /// `true` if the watch failed after its list or is forbidden, so that a successful list proves nothing.
    unproven: bool,
    wait: Duration,
    page: u32,
    /// Time of the last failure.
    last_failure: Option<Instant>,
    failures: u32,
}

impl<K, H> Follower<K, H>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    H: FnMut(WatchEvent<K>) + Send,
{
    /// Runs one watch until it has to be restarted.
    async fn watch(&mut self) {
        let mut stream = pin!(watcher::watcher(self.api.clone(), self.config.clone().page_size(self.page)));
        let (mut listed, mut count) = (false, 0);
        loop {
            let next = if listed && !self.healthy {
                let Ok(next) = tokio::time::timeout(SILENCE, stream.next()).await else {
                    self.probe().await;
                    continue;
                };
                next
            } else {
                stream.next().await
            };
            match next {
                None => return,
                Some(Ok(event)) => {
                    let is_change = matches!(event, Event::Apply(_) | Event::Delete(_));
                    listed = !matches!(event, Event::Init) && (listed || matches!(event, Event::InitDone));
                    // `Init` proves nothing, because it comes before the request.
                    if !matches!(event, Event::Init) && !self.unproven {
                        self.wait = FIRST_WAIT;
                    }
                    count = if matches!(event, Event::InitApply(_)) { count + 1 } else { 0 };
                    if count > MAX_OBJECTS {
                        self.report_trouble(Trouble::Unreachable(format!(
                            "the list has more than {MAX_OBJECTS} objects"
                        )));
                        tokio::time::sleep(LONGEST_WAIT).await;
                        return;
                    }
                    (self.on_event)(WatchEvent::Event(event));
                    if is_change || (listed && !self.unproven) {
                        self.report_healthy();
                    }
                    let wait = if is_change { self.pace.delay(Instant::now()) } else { Duration::ZERO };
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

    /// Records an error and pauses. Returns `true` if the watch has to be restarted.
    async fn failed(&mut self, error: &Error, listed: bool) -> bool {
        tracing::debug!(error = shortened(api_error::text(error)), "watch interrupted");
        let trouble = trouble(error);
        if matches!(error, Error::WatchStartFailed(_)) && matches!(trouble, Some(Trouble::Forbidden(_))) {
            self.unproven = true;
            self.report_trouble(Trouble::ListingOnly);
            tokio::time::sleep(LISTING).await;
            return true;
        }
        let now = Instant::now();
        if self.last_failure.replace(now).is_some_and(|last| now - last > FAILURE_WINDOW) {
            (self.failures, self.wait, self.unproven) = (0, FIRST_WAIT, false);
        }
        self.failures += 1;
        self.unproven |= listed;
        // The stream would request the same version forever.
        let expired = matches!(error, Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410);
        // The change is lost, so a new list is needed.
        let unread = matches!(error, Error::WatchFailed(kube::Error::SerdeError(_)));
        let too_long = matches!(error, Error::InitialListFailed(cause) if is_too_long(cause));
        if too_long {
            self.page = (self.page / 4).max(1);
        }
        if let Some(trouble) = trouble.filter(|_| !expired) {
            self.report_trouble(trouble);
        } else if self.failures > INTERRUPTIONS {
            let why = format!("the watch is interrupted again and again: {}", api_error::text(error));
            self.report_trouble(Trouble::Unreachable(shortened(why)));
        }
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        expired || unread || too_long
    }

    /// Probes a silent watch by listing one object, because a working watch may be silent.
    async fn probe(&mut self) {
        let one = ListParams {
            label_selector: self.config.label_selector.clone(),
            field_selector: self.config.field_selector.clone(),
            ..ListParams::default().limit(1)
        };
        if let Ok(Ok(_)) = tokio::time::timeout(SILENCE, self.api.list(&one)).await {
            self.report_healthy();
        }
    }

    fn report_healthy(&mut self) {
        (self.unproven, self.failures) = (false, 0);
        if !self.healthy {
            self.healthy = true;
            (self.on_event)(WatchEvent::Healthy);
        }
    }

    fn report_trouble(&mut self, trouble: Trouble) {
        self.healthy = false;
        (self.on_event)(WatchEvent::Trouble(trouble));
    }
}

/// Returns the trouble behind an error, or `None` for normal ones: an expired version, a closed connection.
fn trouble(error: &Error) -> Option<Trouble> {
    let message = |status: &kube::core::Status| shortened(status.message.clone());
    let cause = match error {
        Error::InitialListFailed(cause) | Error::WatchStartFailed(cause) => cause,
        Error::WatchError(status) if status.code == 403 => return Some(Trouble::Forbidden(message(status))),
        Error::WatchError(_) | Error::WatchFailed(_) | Error::NoResourceVersion => return None,
    };
    Some(match cause {
        kube::Error::Api(status) if status.code == 404 => Trouble::NoSuchKind,
        kube::Error::Api(status) if [401, 403].contains(&status.code) => Trouble::Forbidden(message(status)),
        kube::Error::Api(status) => Trouble::Unreachable(format!("{} ({})", message(status), status.code)),
        other => Trouble::Unreachable(shortened(api_error::text(other))),
    })
}

/// Returns `true` if an answer exceeded the length limit.
fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<TooLong>)
}
