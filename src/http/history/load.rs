//! `/api/history/v1/sessions/…/load`: the load status that pages poll.

use crate::http::error::Error;
use crate::http::error::load_status::Status;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::find;
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use ray_history_session::{self as session, Opening};

/// Starts the load of a session if it is not open, and returns its progress. Does not wait for the load; meant for
/// polling.
#[utoipa::path(
    get,
    path = "/api/history/v1/sessions/{namespace}/{cluster}/{session}/load",
    operation_id = "loadSession",
    tag = "sessions",
    params(
        ("namespace" = String, Path, description = "Namespace of the cluster"),
        ("cluster" = String, Path, description = "Name of the RayCluster; `_` for an empty one"),
        ("session" = String, Path, description = "Name of the session"),
    ),
    responses(
        (status = 200, description = "Progress of the load, including a failed one", body = Status),
        (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Retention deletes the session, or has deleted it", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn progress(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let status = match find::begin(call, &key).await {
        Ok(Opening::Ready(session)) => match &session.nothing_read {
            // Only its logs can be read.
            Some(error) => Status::failed(Error::Session(error.clone()).to_string()),
            None => Status::READY,
        },
        Ok(Opening::Loading(progress)) => Status::loading(&progress),
        Err(error @ (session::Error::Unknown(_) | session::Error::Deleted(..) | session::Error::Storage(_))) => {
            return Err(error.into());
        }
        Err(error) => Status::failed(Error::Session(error).to_string()),
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(status))
}
