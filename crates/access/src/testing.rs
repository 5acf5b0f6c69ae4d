//! A reviewer in memory, for tests: it counts reviews, and fails when told to.

use crate::identity::Identity;
use crate::reviewer::{Decision, ReviewError, Reviewed, Reviewer};
use crate::right::Attributes;
use crate::token::Token;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

/// A reviewer in memory.
#[derive(Default)]
pub struct FakeReviewer {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Identities and audiences by token.
    tokens: HashMap<String, (Identity, Vec<String>)>,
    /// Permissions: user or group, `verb resource`, namespace.
    allowed: HashSet<(String, String, String)>,
    fault: Option<ReviewError>,
    /// Namespaces in which permissions are reviewed one by one, and whether that is forbidden.
    namespaces: BTreeMap<String, bool>,
    uncertain: bool,
    delay: Duration,
    token_reviews: usize,
    access_reviews: Vec<(String, String, String)>,
    in_flight: usize,
    most_in_flight: usize,
}

/// Hides the tokens.
impl fmt::Debug for FakeReviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeReviewer").finish_non_exhaustive()
    }
}

impl FakeReviewer {
    /// Returns a reviewer that knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the token of a user without groups, with the audiences of which it has.
    pub fn add_token(&self, token: &str, user: &str, audiences: &[&str]) {
        let identity = Identity::new(user, "", vec!["system:authenticated".to_owned()], BTreeMap::new());
        self.add_identity(token, identity, audiences);
    }

    /// Adds the token of an identity.
    pub fn add_identity(&self, token: &str, identity: Identity, audiences: &[&str]) {
        let audiences = audiences.iter().map(|&audience| audience.to_owned()).collect();
        self.inner.lock().tokens.insert(token.to_owned(), (identity, audiences));
    }

    /// Removes a token.
    pub fn remove_token(&self, token: &str) {
        self.inner.lock().tokens.remove(token);
    }

    /// Gives a user or group a permission such as `get sessions.history.ray.io/log`; the empty namespace means all.
    pub fn allow(&self, who: &str, what: &str, namespace: &str) {
        self.inner.lock().allowed.insert((who.to_owned(), what.to_owned(), namespace.to_owned()));
    }

    /// Takes a permission away.
    pub fn deny(&self, who: &str, what: &str, namespace: &str) {
        self.inner.lock().allowed.remove(&(who.to_owned(), what.to_owned(), namespace.to_owned()));
    }

    /// Fails all reviews from now on, or none.
    pub fn fail(&self, fault: Option<ReviewError>) {
        self.inner.lock().fault = fault;
    }

    /// Reviews permissions in this namespace apart from others, and forbids that or not.
    pub fn set_namespace(&self, namespace: &str, is_forbidden: bool) {
        self.inner.lock().namespaces.insert(namespace.to_owned(), is_forbidden);
    }

    /// Reviews permissions in this namespace no more.
    pub fn remove_namespace(&self, namespace: &str) {
        self.inner.lock().namespaces.remove(namespace);
    }

    /// Marks decisions as uncertain.
    pub fn set_uncertain(&self, uncertain: bool) {
        self.inner.lock().uncertain = uncertain;
    }

    /// Lets each review take so long.
    pub fn set_delay(&self, delay: Duration) {
        self.inner.lock().delay = delay;
    }

    /// Returns the number of reviews of tokens so far.
    pub fn token_reviews(&self) -> usize {
        self.inner.lock().token_reviews
    }

    /// Returns the reviews of permissions so far: user, `verb resource`, namespace.
    pub fn access_reviews(&self) -> Vec<(String, String, String)> {
        self.inner.lock().access_reviews.clone()
    }

    /// Returns the most reviews that were in flight at a time.
    pub fn most_in_flight(&self) -> usize {
        self.inner.lock().most_in_flight
    }

    /// Waits as long as a review takes, and fails as told.
    async fn wait(&self) -> Result<(), ReviewError> {
        let _in_flight = InFlight::new(self);
        let delay = self.inner.lock().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.inner.lock().fault.clone().map_or(Ok(()), Err)
    }
}

struct InFlight<'a>(&'a FakeReviewer);

impl<'a> InFlight<'a> {
    fn new(reviewer: &'a FakeReviewer) -> Self {
        let mut inner = reviewer.inner.lock();
        inner.in_flight += 1;
        inner.most_in_flight = inner.most_in_flight.max(inner.in_flight);
        drop(inner);
        Self(reviewer)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().in_flight -= 1;
    }
}

impl Reviewer for FakeReviewer {
    fn token_review<'a>(
        &'a self,
        token: &'a Token,
        audiences: &'a [String],
    ) -> BoxFuture<'a, Result<Reviewed, ReviewError>> {
        async move {
            self.inner.lock().token_reviews += 1;
            self.wait().await?;
            let inner = self.inner.lock();
            Ok(match inner.tokens.get(token.expose()) {
                Some((identity, has)) => Reviewed::Authenticated {
                    identity: identity.clone(),
                    audiences: has.iter().filter(|has| audiences.contains(has)).cloned().collect(),
                },
                None => Reviewed::Unauthenticated,
            })
        }
        .boxed()
    }

    fn access_review<'a>(
        &'a self,
        identity: &'a Identity,
        attributes: &'a Attributes,
    ) -> BoxFuture<'a, Result<Decision, ReviewError>> {
        async move {
            let what = format!("{} {}", attributes.verb, attributes.resource_name());
            let asked = (identity.user().to_owned(), what.clone(), attributes.namespace.clone());
            self.inner.lock().access_reviews.push(asked);
            self.wait().await?;
            let inner = self.inner.lock();
            if inner.namespaces.get(&attributes.namespace) == Some(&true) {
                let (namespace, why) = (attributes.namespace.clone(), "localsubjectaccessreviews".to_owned());
                return Err(ReviewError::ForbiddenIn { namespace, why });
            }
            let has = |who: &String, namespace: &str| {
                inner.allowed.contains(&(who.clone(), what.clone(), namespace.to_owned()))
            };
            let user = identity.user().to_owned();
            let mut who = std::iter::once(&user).chain(identity.groups());
            let allowed = who.any(|who| has(who, "") || has(who, &attributes.namespace));
            Ok(Decision { allowed, uncertain: inner.uncertain })
        }
        .boxed()
    }

    fn namespaces(&self) -> Vec<String> {
        self.inner.lock().namespaces.keys().cloned().collect()
    }
}
