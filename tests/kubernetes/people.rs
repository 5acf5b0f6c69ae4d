//! People and `ServiceAccounts` that ask the program, and the rights that RBAC gives them.

use crate::control_plane::ControlPlane;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// People whom a control plane knows by their tokens.
const PEOPLE: usize = 100;

/// Returns the lines of people for the file of tokens that an API server reads at its start.
pub(crate) fn tokens() -> String {
    (0..PEOPLE).fold(String::new(), |mut lines, number| {
        let Person { token, user, group } = Person::number(number);
        let _ = writeln!(lines, "{token},{user},uid-{number},\"{group}\"");
        lines
    })
}

/// Somebody whom the API server knows, with rights of their own in no test but one.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) token: String,
    pub(crate) user: String,
    /// The group that only this person is in.
    pub(crate) group: String,
}

impl Person {
    /// Returns a person whom no other scenario has.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(number < PEOPLE, "more people are needed");
        Self::number(number)
    }

    fn number(number: usize) -> Self {
        Self {
            token: format!("planted-token-of-person-{number}"),
            user: format!("person-{number}"),
            group: format!("group-of-person-{number}"),
        }
    }

    /// Returns the subject of a binding.
    pub(crate) fn subject(&self) -> Value {
        json!({"kind": "User", "name": self.user, "apiGroup": "rbac.authorization.k8s.io"})
    }

    /// Returns the subject of a binding for the group of this person.
    pub(crate) fn subject_by_group(&self) -> Value {
        json!({"kind": "Group", "name": self.group, "apiGroup": "rbac.authorization.k8s.io"})
    }
}

/// Creates a `ServiceAccount`, and returns it as a person with a new token for these audiences; none for the API server.
pub(crate) async fn account(plane: &ControlPlane, namespace: &str, name: &str, audiences: &[&str]) -> Person {
    let metadata = json!({"name": name, "namespace": namespace});
    plane.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})).await;
    let accounts: Api<ServiceAccount> = Api::namespaced(plane.admin(), namespace);
    let audiences = Some(audiences.iter().map(|&audience| audience.to_owned()).collect());
    let spec = Some(TokenRequestSpec { audiences, ..TokenRequestSpec::default() });
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let answer = accounts.create_token_request(name, &PostParams::default(), &request).await.unwrap();
    Person {
        token: answer.status.unwrap().token.unwrap(),
        user: format!("system:serviceaccount:{namespace}:{name}"),
        group: format!("system:serviceaccounts:{namespace}"),
    }
}

/// One permission, as a rule of RBAC has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permission {
    pub(crate) verb: &'static str,
    pub(crate) group: &'static str,
    /// Resource, with its subresource if any.
    pub(crate) resource: &'static str,
}

impl Permission {
    fn rule(self) -> Value {
        json!({"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb]})
    }
}

/// A role with its binding: in a namespace, or for all of them.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    role: Value,
    binding: Value,
}

impl Binding {
    /// Returns a binding of rules to a subject; without a namespace for all of them.
    pub(crate) fn new(name: &str, namespace: Option<&str>, subject: &Value, rules: &[Value]) -> Self {
        let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
        let mut metadata = json!({"name": name});
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        let group = "rbac.authorization.k8s.io";
        let version = format!("{group}/v1");
        let role = json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules});
        let binding = json!({
            "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata, "subjects": [subject],
            "roleRef": {"apiGroup": group, "kind": kind, "name": name},
        });
        Self { role, binding }
    }

    /// Returns a binding of permissions.
    pub(crate) fn of(name: &str, namespace: Option<&str>, subject: &Value, permissions: &[Permission]) -> Self {
        let rules: Vec<Value> = permissions.iter().map(|permission| permission.rule()).collect();
        Self::new(name, namespace, subject, &rules)
    }

    /// Grants it.
    pub(crate) async fn grant(&self, plane: &ControlPlane) {
        plane.apply(self.role.clone()).await;
        plane.apply(self.binding.clone()).await;
    }

    /// Removes the binding.
    pub(crate) async fn revoke(&self, plane: &ControlPlane) {
        plane.delete(&self.binding).await;
    }
}

/// Waits until the API server itself says that a person has a permission in a namespace, or has not: it follows
/// bindings with a delay.
pub(crate) async fn settles(plane: &ControlPlane, person: &Person, permission: Permission, namespace: &str, is: bool) {
    let api: Api<SubjectAccessReview> = Api::all(plane.admin());
    let (resource, subresource) = permission.resource.split_once('/').unwrap_or((permission.resource, ""));
    let some = |text: &str| Some(text.to_owned());
    let attributes = ResourceAttributes {
        verb: some(permission.verb),
        group: some(permission.group),
        resource: some(resource),
        subresource: some(subresource),
        namespace: some(namespace),
        ..ResourceAttributes::default()
    };
    let spec = SubjectAccessReviewSpec {
        user: some(&person.user),
        groups: Some(vec![person.group.clone()]),
        resource_attributes: Some(attributes),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let begun = Instant::now();
    while api.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed != is {
        assert!(begun.elapsed() < Duration::from_secs(30), "{person:?} {permission:?} {namespace}: not {is}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
