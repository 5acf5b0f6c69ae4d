//! Access in force: off, not known yet, or on.

use crate::access::Access;
use crate::observer::{Observer, State};
use crate::reviewer::Reviewer;
use crate::settings::AccessSettings;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Access as it is now.
#[derive(Clone, Debug, Default)]
pub enum Mode {
    /// Everybody may see everything.
    Open,
    /// The first settings are not in force yet, so that nobody may see anything.
    #[default]
    Closed,
    /// Kubernetes decides.
    On(Arc<Access>),
}

/// Access in force, which changes with the settings.
#[derive(Debug)]
pub struct CurrentAccess {
    mode: watch::Sender<Mode>,
    observer: Arc<dyn Observer>,
}

impl CurrentAccess {
    /// Returns an access that is closed until settings are applied.
    pub fn closed(observer: Arc<dyn Observer>) -> Self {
        Self { mode: watch::Sender::default(), observer }
    }

    /// Returns an access that is open.
    pub fn open() -> Self {
        Self { mode: watch::Sender::new(Mode::Open), observer: Arc::new(crate::observer::Ignore) }
    }

    /// Returns the access in force. A request asks once and keeps what it gets.
    pub fn get(&self) -> Mode {
        self.mode.borrow().clone()
    }

    /// Returns the state of reviews; `None` if everybody may see everything, or nobody anything.
    pub fn reviews(&self) -> Option<State> {
        match &*self.mode.borrow() {
            Mode::Open | Mode::Closed => None,
            Mode::On(access) => Some(access.state().borrow().clone()),
        }
    }

    /// Puts settings in force; `None` opens everything to everybody. Settings that are in force already keep what was
    /// decided. Settings with a problem must not come here: then the previous ones stay.
    ///
    /// `also` changes what else these settings say. No request gets an access meanwhile, so that the old rules do not
    /// show a new store, nor new rules the old one.
    pub fn apply(&self, settings: Option<AccessSettings>, reviewer: &Arc<dyn Reviewer>, also: impl FnOnce()) {
        self.mode.send_modify(|mode| {
            also();
            let next = match (settings, &*mode) {
                (None, Mode::Open) => return,
                (None, _) => {
                    tracing::warn!(
                        "access is not controlled: whoever reaches this server sees every session (spec.access.mode)"
                    );
                    Mode::Open
                }
                (Some(settings), Mode::On(access)) if *access.settings() == settings => return,
                (Some(settings), _) => {
                    Mode::On(Arc::new(Access::new(settings, Arc::clone(reviewer), Arc::clone(&self.observer))))
                }
            };
            *mode = next;
        });
    }

    /// Keeps the state of reviews known without requests: whenever settings were applied, and while reviews fail. Never
    /// ends.
    pub async fn keep_probed(&self) {
        let mut modes = self.mode.subscribe();
        loop {
            let mode = modes.borrow_and_update().clone();
            let probing = async {
                match mode {
                    Mode::On(access) => {
                        tokio::join!(access.keep_probed(), report(access.state()));
                    }
                    Mode::Open | Mode::Closed => std::future::pending().await,
                }
            };
            tokio::select! {
                () = probing => {}
                _ = modes.changed() => {}
            }
        }
    }
}

/// Writes to the log that reviews fail, and that they are answered again, at most once in [`PAUSE`].
async fn report(mut state: watch::Receiver<State>) {
    let mut failed = false;
    loop {
        let now = state.borrow_and_update().clone();
        let failure = match &now {
            State::Unknown | State::Reviewing => None,
            State::Unreachable(why) => Some(("the API server cannot be asked who may see what", String::new(), why)),
            State::Forbidden(why) => Some(("the API server may not be asked who may see what", String::new(), why)),
            State::ForbiddenIn { namespaces, why } => {
                Some(("the API server may not be asked about some namespaces", namespaces.join(","), why))
            }
        };
        if let Some((problem, namespaces, why)) = &failure {
            tracing::warn!(namespaces, why, "{problem}; nobody new is let in there");
        } else if failed {
            tracing::info!("the API server says again who may see what");
        }
        if failure.is_some() || failed {
            tokio::time::sleep(PAUSE).await;
        }
        failed = failure.is_some();
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Pause between two lines about reviews.
const PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeReviewer;

    #[test]
    fn equal_settings_keep_what_was_decided() {
        let current = CurrentAccess::closed(Arc::new(crate::observer::Ignore));
        let reviewer: Arc<dyn Reviewer> = Arc::new(FakeReviewer::new());
        assert!(matches!(current.get(), Mode::Closed));
        let on = |settings: AccessSettings| {
            current.apply(Some(settings), &reviewer, || ());
            let Mode::On(access) = current.get() else { panic!("access is not on") };
            access
        };
        let first = on(AccessSettings::default());
        assert!(Arc::ptr_eq(&first, &on(AccessSettings::default())));
        let other = on(AccessSettings { bearer: false, ..AccessSettings::default() });
        assert!(!Arc::ptr_eq(&first, &other));
        current.apply(None, &reviewer, || ());
        assert!(matches!(current.get(), Mode::Open));
        assert!(matches!(CurrentAccess::open().get(), Mode::Open));
    }

    /// The state is known soon after each change, although nobody asks for anything.
    #[tokio::test(start_paused = true)]
    async fn the_state_of_reviews_follows_the_settings() {
        let current = Arc::new(CurrentAccess::closed(Arc::new(crate::observer::Ignore)));
        let probing = tokio::spawn({
            let current = Arc::clone(&current);
            async move { current.keep_probed().await }
        });
        let soon = async || tokio::time::sleep(Duration::from_secs(1)).await;
        let fake = Arc::new(FakeReviewer::new());
        let reviewer: Arc<dyn Reviewer> = Arc::clone(&fake) as Arc<dyn Reviewer>;
        soon().await;
        assert_eq!(current.reviews(), None);
        current.apply(Some(AccessSettings::default()), &reviewer, || ());
        assert_eq!(current.reviews(), Some(State::Unknown));
        soon().await;
        assert_eq!(current.reviews(), Some(State::Reviewing));
        // The same settings with other namespaces, one of which may not be reviewed.
        fake.set_namespace("team-b", true);
        current.apply(Some(AccessSettings::default()), &reviewer, || ());
        soon().await;
        assert!(matches!(current.reviews(), Some(State::ForbiddenIn { .. })));
        fake.set_namespace("team-b", false);
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(current.reviews(), Some(State::Reviewing));
        current.apply(None, &reviewer, || ());
        let made = fake.token_reviews();
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!((current.reviews(), fake.token_reviews()), (None, made));
        probing.abort();
    }
}
