//! Reviews by the API server: `TokenReview`, `SubjectAccessReview`, and `LocalSubjectAccessReview` where the server has
//! rights in single namespaces only.
//!
//! Answers are read here and not by kube's client, which writes what it cannot parse to the log: a `TokenReview` contains
//! the token.

use crate::api_error;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Request;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use parking_lot::Mutex;
use ray_history_access::{Attributes, Decision, Identity, ReviewError, Reviewed, Reviewer, Token};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};

const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// Time for which a server that has rights in single namespaces does not ask for all namespaces again.
const LOCAL_FOR: Duration = Duration::from_mins(10);

/// Time for which a server without any right does not look for one again.
const NOWHERE_FOR: Duration = Duration::from_secs(5);

/// Asks the API server.
pub struct KubernetesReviewer {
    client: Client,
    /// Namespaces whose sessions are served; empty for all.
    namespaces: Mutex<Vec<String>>,
    /// The finding after reviews for all namespaces were forbidden. Whoever looks holds it.
    finding: tokio::sync::Mutex<Option<Finding>>,
}

/// The rights of a server that may not ask for all namespaces, as they were found.
#[derive(Debug)]
struct Finding {
    found: Found,
    until: Instant,
    /// The namespaces that were served.
    namespaces: Vec<String>,
}

/// The rights of a server that may not ask for all namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// It may ask in single namespaces.
    Local,
    /// It may ask nowhere, with the API server's words.
    Nowhere(String),
}

impl KubernetesReviewer {
    /// Returns a reviewer that asks through this client.
    pub fn new(client: Client) -> Self {
        Self { client, namespaces: Mutex::default(), finding: tokio::sync::Mutex::default() }
    }

    /// Notes the namespaces whose sessions are served; empty for all.
    pub fn set_namespaces(&self, namespaces: &[String]) {
        *self.namespaces.lock() = namespaces.to_vec();
    }

    async fn post<T: Serialize + DeserializeOwned>(&self, path: &str, object: &T) -> Result<T, ReviewError> {
        let unreachable = |error: &(dyn std::error::Error + 'static)| ReviewError::Unreachable(api_error::text(error));
        let body = serde_json::to_vec(object).map_err(|error| unreachable(&error))?;
        let request = Request::post(path).header(http::header::CONTENT_TYPE, "application/json").body(body);
        let request = request.map_err(|error| unreachable(&error))?;
        let text = self.client.request_text(request).await.map_err(|error| match error {
            kube::Error::Api(status) if status.code == 403 => ReviewError::Forbidden(status.message),
            error => unreachable(&error),
        })?;
        // The error says no more than a line and a column: the text may contain a token.
        serde_json::from_str(&text)
            .map_err(|error| ReviewError::Unreachable(format!("the answer is no review (line {})", error.line())))
    }

    /// Asks about a permission with the rights for all namespaces.
    async fn review(&self, identity: &Identity, attributes: &Attributes) -> Result<Decision, ReviewError> {
        let review = SubjectAccessReview { spec: spec(identity, attributes), ..SubjectAccessReview::default() };
        let answer = self.post(ACCESS_REVIEWS, &review).await?;
        decision(answer.status)
    }

    /// Asks about a permission in one namespace with the rights there.
    async fn review_in(
        &self,
        namespace: &str,
        identity: &Identity,
        attributes: &Attributes,
    ) -> Result<Decision, ReviewError> {
        let attributes = Attributes { namespace: namespace.to_owned(), ..attributes.clone() };
        let metadata = ObjectMeta { namespace: Some(namespace.to_owned()), ..ObjectMeta::default() };
        let spec = spec(identity, &attributes);
        let review = LocalSubjectAccessReview { metadata, spec, ..LocalSubjectAccessReview::default() };
        let path = format!("/apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews");
        decision(self.post(&path, &review).await?.status)
    }

    /// Returns a finding that still holds.
    fn current(&self, finding: Option<&Finding>) -> Option<Found> {
        let holds = |of: &&Finding| Instant::now() < of.until && of.namespaces == *self.namespaces.lock();
        finding.filter(holds).map(|finding| finding.found.clone())
    }

    /// Looks for a namespace in which this server may ask, by the question of a request.
    async fn find(&self, why: String, identity: &Identity, attributes: &Attributes) -> Result<Found, ReviewError> {
        let mut finding = self.finding.lock().await;
        if let Some(found) = self.current(finding.as_ref()) {
            return Ok(found);
        }
        let namespaces = self.namespaces.lock().clone();
        // The grant for all namespaces is the one that most servers lack.
        let (mut found, mut holds_for) = (Found::Nowhere(why), NOWHERE_FOR);
        for namespace in &namespaces {
            match self.review_in(namespace, identity, attributes).await {
                Ok(_) => {
                    (found, holds_for) = (Found::Local, LOCAL_FOR);
                    break;
                }
                Err(ReviewError::Unreachable(why)) => return Err(ReviewError::Unreachable(why)),
                Err(_) => {}
            }
        }
        *finding = Some(Finding { found: found.clone(), until: Instant::now() + holds_for, namespaces });
        Ok(found)
    }

    /// Asks with the rights for all namespaces, and, if there are none, with those in one namespace. Then nobody has a
    /// permission in all namespaces, or in one that is not served, as far as this server can tell.
    async fn access(&self, identity: &Identity, attributes: &Attributes) -> Result<Decision, ReviewError> {
        let known = self.current(self.finding.lock().await.as_ref());
        let found = match known {
            Some(found) => found,
            None => match self.review(identity, attributes).await {
                Err(ReviewError::Forbidden(why)) => self.find(why, identity, attributes).await?,
                decided => return decided,
            },
        };
        if let Found::Nowhere(why) = found {
            return Err(ReviewError::Forbidden(why));
        }
        let namespace = &attributes.namespace;
        if !self.namespaces.lock().contains(namespace) {
            return Ok(Decision { allowed: false, uncertain: false });
        }
        self.review_in(namespace, identity, attributes).await.map_err(|error| match error {
            ReviewError::Forbidden(why) => ReviewError::ForbiddenIn { namespace: namespace.clone(), why },
            error => error,
        })
    }
}

/// Hides the client, whose settings contain a token.
impl std::fmt::Debug for KubernetesReviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubernetesReviewer").field("namespaces", &self.namespaces).finish_non_exhaustive()
    }
}

impl Reviewer for KubernetesReviewer {
    fn token_review<'a>(
        &'a self,
        token: &'a Token,
        audiences: &'a [String],
    ) -> BoxFuture<'a, Result<Reviewed, ReviewError>> {
        async move {
            let audiences = (!audiences.is_empty()).then(|| audiences.to_vec());
            let spec = TokenReviewSpec { audiences, token: token.expose().to_owned() };
            let review = TokenReview { spec, ..TokenReview::default() };
            let status = self.post(TOKEN_REVIEWS, &review).await?.status.unwrap_or_default();
            let (Some(true), Some(user)) = (status.authenticated, status.user) else {
                return Ok(Reviewed::Unauthenticated);
            };
            let identity = Identity::new(
                user.username.unwrap_or_default(),
                user.uid.unwrap_or_default(),
                user.groups.unwrap_or_default(),
                user.extra.unwrap_or_default(),
            );
            Ok(Reviewed::Authenticated { identity, audiences: status.audiences.unwrap_or_default() })
        }
        .boxed()
    }

    fn access_review<'a>(
        &'a self,
        identity: &'a Identity,
        attributes: &'a Attributes,
    ) -> BoxFuture<'a, Result<Decision, ReviewError>> {
        self.access(identity, attributes).boxed()
    }

    fn namespaces(&self) -> Vec<String> {
        // While somebody looks, nothing is known.
        let found = self.finding.try_lock().ok().and_then(|finding| self.current(finding.as_ref()));
        if found == Some(Found::Local) { self.namespaces.lock().clone() } else { Vec::new() }
    }
}

fn spec(identity: &Identity, attributes: &Attributes) -> SubjectAccessReviewSpec {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    SubjectAccessReviewSpec {
        user: some(identity.user()),
        uid: some(identity.uid()),
        groups: Some(identity.groups().to_vec()),
        extra: Some(identity.extra().clone()),
        resource_attributes: Some(ResourceAttributes {
            verb: some(attributes.verb),
            group: some(attributes.group),
            resource: some(attributes.resource),
            subresource: some(attributes.subresource),
            namespace: some(&attributes.namespace),
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    }
}

/// Returns the decision of an answer. A denial that an authorizer insists on counts as one even if it is also allowed.
fn decision(status: Option<SubjectAccessReviewStatus>) -> Result<Decision, ReviewError> {
    let status = status.ok_or_else(|| ReviewError::Unreachable("the answer has no decision".to_owned()))?;
    let uncertain = status.evaluation_error.is_some_and(|error| !error.is_empty());
    Ok(Decision { allowed: status.allowed && status.denied != Some(true), uncertain })
}
