//! The decisions: who a client is, and what that person may see.

use crate::clock::Clock;
use crate::cookie::Sealed;
use crate::credentials::Credentials;
use crate::decisions::Decisions;
use crate::identities::{Identities, Known};
use crate::identity::{Identity, Person, Way};
use crate::observer::{DecisionOutcome, LoginOutcome, Observer, State};
use crate::proxy::Nobody;
use crate::reviewer::Reviewer;
use crate::reviews::{NoReview, Reviews};
use crate::right::{Right, Scope};
use crate::settings::AccessSettings;
use crate::standing::Standing;
use crate::token::Token;
use aws_lc_rs::rand;
use futures_util::StreamExt;
use futures_util::stream;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

mod refused;
mod visible;

pub use refused::{LoginRefused, Refused, Undecided};
pub use visible::Visible;

/// Decides who a client is, and what that person may see.
#[derive(Debug)]
pub struct Access {
    settings: AccessSettings,
    clock: Clock,
    reviews: Arc<Reviews>,
    identities: Arc<Identities>,
    decisions: Arc<Decisions>,
}

impl Access {
    /// Returns an access that asks the reviewer, with empty caches.
    pub fn new(settings: AccessSettings, reviewer: Arc<dyn Reviewer>, observer: Arc<dyn Observer>) -> Self {
        let needs_permissions = settings.check.attributes(Right::Sessions, "").is_some();
        let standing = Standing::new(settings.reviews_tokens(), needs_permissions);
        let (clock, reviews) = (Clock::new(), Arc::new(Reviews::new(reviewer, observer, standing)));
        Self {
            clock,
            identities: Identities::new(&settings, Arc::clone(&reviews), clock, &secret::<32>()),
            decisions: Decisions::new(settings.cache, Arc::clone(&reviews), &secret()),
            reviews,
            settings,
        }
    }

    /// Returns the settings.
    pub fn settings(&self) -> &AccessSettings {
        &self.settings
    }

    /// Returns the state of reviews, which can be waited for.
    pub fn state(&self) -> watch::Receiver<State> {
        self.reviews.state()
    }

    /// Makes one review of each kind that requests need, so that the state is known without a request.
    pub async fn probe(&self) {
        if self.settings.reviews_tokens()
            && let Some(token) = Token::new("probe")
        {
            self.reviews.probe_token(&token, &self.settings.audiences).await;
        }
        if let Some(attributes) = self.settings.check.attributes(Right::Sessions, "") {
            let nobody = Identity::new("ray-history:probe", "", Vec::new(), BTreeMap::new());
            self.reviews.probe(&nobody, &attributes).await;
        }
    }

    /// Finds out the state of reviews, and asks again with growing pauses while they are not answered. Never ends.
    pub async fn keep_probed(&self) {
        let mut state = self.state();
        loop {
            self.probe().await;
            let mut pause = PROBE_PAUSES.0;
            while timeout(pause, state.wait_for(State::is_good)).await.is_err() {
                self.probe().await;
                pause = (pause * 2).min(PROBE_PAUSES.1);
            }
            let _ = state.wait_for(|state| !state.is_good()).await;
            sleep(PROBE_PAUSES.0).await;
        }
    }

    /// Returns the person behind a request: whom a proven proxy names, else who has the first token that is somebody's,
    /// else who logged in.
    pub async fn person(&self, credentials: &Credentials) -> Result<Person, Refused> {
        if let Some(proxy) = &self.settings.proxy {
            match proxy.identity(credentials) {
                Ok(identity) => return Ok(Person { identity: Arc::new(identity), way: Way::Proxy, expires: None }),
                Err(Nobody::Absent) => {}
                Err(Nobody::Refused) => return Err(Refused::Invalid),
                Err(Nobody::Malformed) => return Err(Refused::Malformed),
            }
        }
        let peer = self.peer(credentials);
        let mut refused = Refused::Anonymous;
        let tokens = if self.settings.bearer { &*credentials.tokens } else { &[] };
        for token in tokens {
            match self.of_token(token, peer).await {
                Ok(known) => return Ok(Person { identity: known.identity, way: Way::Bearer, expires: known.expires }),
                Err(reason) => refused = refused.max(reason),
            }
        }
        if let (Some(login), Some(value)) = (&self.settings.login, &credentials.cookie) {
            let opened = login.open(value, self.clock.now()).ok_or(Refused::Invalid);
            let found = match &opened {
                Ok(opened) => self.of_token(&opened.token, peer).await.map(|known| (known, opened.expires)),
                Err(refused) => Err(*refused),
            };
            match found {
                Ok((known, end)) => {
                    let expires = Some(known.expires.map_or(end, |expires| expires.min(end)));
                    return Ok(Person { identity: known.identity, way: Way::Cookie, expires });
                }
                Err(reason) => refused = refused.max(reason),
            }
        }
        if credentials.malformed && self.settings.bearer {
            refused = refused.max(self.identities.malformed(peer).into());
        }
        Err(refused)
    }

    /// Reviews the first token of a request, and returns its person and a cookie. Other credentials do not count.
    pub async fn login(&self, credentials: &Credentials) -> Result<(Person, Sealed), LoginRefused> {
        let result = self.log_in(credentials).await;
        self.reviews.observer.logged_in(match &result {
            Ok(_) => LoginOutcome::Accepted,
            Err(LoginRefused::Off | LoginRefused::TooLarge) => LoginOutcome::Impossible,
            Err(LoginRefused::Refused(Refused::TooMany)) => LoginOutcome::TooMany,
            Err(LoginRefused::Refused(Refused::Undecided)) => LoginOutcome::Undecided,
            Err(LoginRefused::Refused(_)) => LoginOutcome::Refused,
        });
        result
    }

    async fn log_in(&self, credentials: &Credentials) -> Result<(Person, Sealed), LoginRefused> {
        let login = self.settings.login.as_ref().ok_or(LoginRefused::Off)?;
        let peer = self.peer(credentials);
        let token = match credentials.tokens.first() {
            Some(token) => token,
            None if credentials.malformed => return Err(Refused::from(self.identities.malformed(peer)).into()),
            None => return Err(Refused::Anonymous.into()),
        };
        let known = self.of_token(token, peer).await?;
        let sealed = login.seal(token, self.clock.now(), known.expires).map_err(|_| LoginRefused::TooLarge)?;
        let expires = Some(sealed.expires);
        Ok((Person { identity: known.identity, way: Way::Cookie, expires }, sealed))
    }

    /// Returns the identity behind a token.
    async fn of_token(&self, token: &Token, peer: IpAddr) -> Result<Known, Refused> {
        self.identities.of(token, peer).await.map_err(Refused::from)
    }

    /// Returns the address whose failures count: the connection's, unless the proxy names its client.
    fn peer(&self, credentials: &Credentials) -> IpAddr {
        let believed = self.settings.proxy.as_ref().is_some_and(|proxy| proxy.is_source(credentials.peer));
        credentials.forwarded.filter(|_| believed).unwrap_or(credentials.peer)
    }

    /// Returns `true` if a person has a right in a namespace, or in all of them. The empty name means all namespaces.
    pub async fn may(&self, person: &Person, right: Right, namespace: &str) -> Result<bool, Undecided> {
        self.decide(person, right, namespace, false).await.map(Scope::is_given)
    }

    /// Returns the scope of a person's right in a namespace; asks again when a denial is over ten seconds old.
    pub async fn scope_now(&self, person: &Person, right: Right, namespace: &str) -> Result<Scope, Undecided> {
        self.decide(person, right, namespace, true).await
    }

    async fn decide(&self, person: &Person, right: Right, namespace: &str, at_once: bool) -> Result<Scope, Undecided> {
        let (result, cached) = match self.decided(&person.identity, right, namespace, at_once) {
            Some(scope) => (Ok(scope), true),
            // In a box of its own, because nearly all requests are decided already.
            None => Box::pin(self.review(&person.identity, right, namespace, at_once)).await,
        };
        self.reviews.observer.decided(
            match result {
                Ok(Scope::Everywhere | Scope::Namespace) => DecisionOutcome::Allowed,
                Ok(Scope::Nowhere) => DecisionOutcome::Denied,
                Err(Undecided) => DecisionOutcome::Undecided,
            },
            cached,
        );
        result
    }

    /// Returns the scope of a right if no review is needed for it.
    fn decided(&self, identity: &Identity, right: Right, namespace: &str, at_once: bool) -> Option<Scope> {
        match self.settings.check.fixed(right) {
            Some(true) => Some(Scope::Everywhere),
            Some(false) => Some(Scope::Nowhere),
            None => {
                // Nobody has a permission in a namespace that cannot exist.
                let namespace = is_namespace(namespace).then_some(namespace);
                self.decisions.scope(identity, right, namespace, at_once)
            }
        }
    }

    /// Returns the scope of a right, and `true` if no review was made for it.
    async fn review(
        &self,
        identity: &Arc<Identity>,
        right: Right,
        namespace: &str,
        at_once: bool,
    ) -> (Result<Scope, Undecided>, bool) {
        let everywhere = self.reviewed(identity, right, "", at_once).await;
        if let Ok((true, cached)) = everywhere {
            return (Ok(Scope::Everywhere), cached);
        }
        let (all, cached_all) = match everywhere {
            Ok((_, cached)) => (Ok(Scope::Nowhere), cached),
            Err(undecided) => (Err(undecided), false),
        };
        if !is_namespace(namespace) {
            return (all, cached_all);
        }
        match self.reviewed(identity, right, namespace, at_once).await {
            Ok((true, cached)) => (Ok(Scope::Namespace), cached && cached_all),
            Ok((false, cached)) => (all, cached && cached_all),
            Err(undecided) => (Err(undecided), false),
        }
    }

    /// Returns the decision about one permission, and `true` if it was there.
    async fn reviewed(
        &self,
        identity: &Arc<Identity>,
        right: Right,
        namespace: &str,
        at_once: bool,
    ) -> Result<(bool, bool), Undecided> {
        let attributes = self.settings.check.attributes(right, namespace).ok_or(Undecided)?;
        let decided = self.decisions.of(identity, right, attributes, at_once).await;
        decided.map(|decided| (decided.allowed, decided.cached)).map_err(|NoReview| Undecided)
    }

    /// Returns those of the namespaces whose sessions a person may see.
    pub async fn visible(
        &self,
        person: &Person,
        namespaces: impl IntoIterator<Item = &str>,
    ) -> Result<Visible, Undecided> {
        let (identity, right) = (&person.identity, Right::Sessions);
        if let Some(fixed) = self.settings.check.fixed(right) {
            return Ok(if fixed { Visible::All } else { Visible::Namespaces(HashSet::new()) });
        }
        if self.reviewed(identity, right, "", false).await?.0 {
            return Ok(Visible::All);
        }
        let (mut visible, mut unknown) = (HashSet::new(), Vec::new());
        for namespace in namespaces.into_iter().filter(|namespace| is_namespace(namespace)) {
            match self.decisions.fresh(identity, right, namespace) {
                Some(true) => drop(visible.insert(namespace.to_owned())),
                Some(false) => {}
                None => unknown.push(namespace),
            }
        }
        let mut reviews = stream::iter(unknown)
            .map(|namespace| async move { (namespace, self.reviewed(identity, right, namespace, false).await) })
            .buffer_unordered(AT_ONCE);
        while let Some((namespace, decided)) = reviews.next().await {
            if decided?.0 {
                visible.insert(namespace.to_owned());
            }
        }
        drop(reviews);
        Ok(Visible::Namespaces(visible))
    }

    /// Returns the cookie of a token that was reviewed and ends at a time.
    pub fn seal(&self, token: &Token, expires: Option<SystemTime>) -> Result<Sealed, LoginRefused> {
        let login = self.settings.login.as_ref().ok_or(LoginRefused::Off)?;
        login.seal(token, self.clock.now(), expires).map_err(|_| LoginRefused::TooLarge)
    }
}

/// The first and the longest pause between two probes.
const PROBE_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Reviews that one list waits for at a time.
const AT_ONCE: usize = 32;

/// Returns `true` for a name that a namespace of Kubernetes can have.
fn is_namespace(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// Returns a key under which tokens or names are hashed, made at the start.
#[expect(clippy::expect_used, reason = "a system without randomness cannot serve anybody")]
fn secret<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).expect("the system has randomness");
    bytes
}

#[cfg(test)]
mod tests;
