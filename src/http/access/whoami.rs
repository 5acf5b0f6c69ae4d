//! `/api/history/v1/whoami`: the person that this server takes a client for, and what that person may see.

use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use ray_history_session::catalog::Visible;
use serde::Serialize;
use utoipa::ToSchema;

/// A known person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Whoami {
    /// Name of the user in Kubernetes.
    #[schema(example = "system:serviceaccount:team-a:ana")]
    user: String,
    /// The way in: `bearer`, `cookie` or `proxy`.
    #[schema(example = "cookie")]
    way: &'static str,
    /// End of the token or login, RFC 3339; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// `true` if the person may see the sessions of all namespaces.
    all_namespaces: bool,
    /// Namespaces with stored sessions that the person may see, in order; empty if that is all of them.
    namespaces: Vec<String>,
}

/// Returns the person that this server takes the client for.
#[utoipa::path(
    get,
    path = "/api/history/v1/whoami",
    operation_id = "whoami",
    tag = "access",
    responses(
        (status = 200, description = "The person", body = Whoami),
        (status = 401, description = "The client is not known", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Access is off", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Kubernetes does not answer", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) fn whoami(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let person = &call.permit.granted_to().ok_or(Error::UnknownUrl)?.person;
    let (all_namespaces, namespaces) = match call.permit.visible() {
        Visible::All => (true, Vec::new()),
        Visible::Namespaces(names) => (false, names.iter().cloned().collect()),
        Visible::Namespace(name) => (false, vec![name.to_string()]),
    };
    let expires = person.expires.and_then(|at| jiff::Timestamp::try_from(at).ok());
    let whoami = Whoami {
        user: person.identity.user().to_owned(),
        way: person.way.name(),
        expires: expires.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        all_namespaces,
        namespaces,
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(whoami))
}
