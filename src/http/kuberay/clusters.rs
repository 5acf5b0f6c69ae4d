//! `/clusters`: the list of sessions in the format of KubeRay's history server, newest first.
//!
//! KubeRay's list ends after 100 sessions; this one has pages: `limit`, `after`, and a `Link` to the next page.

use crate::http::error::Error;
use crate::http::request::{Call, filter};
use crate::http::sessions::find;
use crate::http::sessions::item::started;
use crate::http::validators;
use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue, LINK};
use ray_history_session::catalog::{Entry, Page};
use serde::Serialize;
use utoipa::ToSchema;

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
/// Default of `limit`.
const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 10_000;

/// One stored session, in the format of KubeRay's history server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Cluster<'a> {
    /// Name of the `RayCluster`.
    name: &'a str,
    /// Namespace of the `RayCluster`.
    namespace: &'a str,
    /// Name of the session.
    session_name: &'a str,
    /// Start of the head by its own clock, written as if that were UTC.
    create_time: String,
    /// `createTime` in Unix seconds.
    create_time_stamp: i64,
    /// Kind of the cluster's owner: `rayjob` or `rayservice`.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_kind: Option<&'static str>,
    /// Name of the cluster's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_name: Option<&'a str>,
}

fn describe(entry: &Entry) -> Cluster<'_> {
    Cluster {
        name: &entry.key.cluster.name,
        namespace: &entry.key.cluster.namespace,
        session_name: entry.key.session.as_str(),
        create_time: started(entry),
        create_time_stamp: entry.key.session.local_micros().unwrap_or(0).div_euclid(1_000_000),
        owner_kind: entry.owner.as_ref().map(|owner| owner.kind.folder()),
        owner_name: entry.owner.as_ref().map(|owner| owner.name.as_str()),
    }
}

/// Lists stored sessions as KubeRay's history server does.
#[utoipa::path(
    get,
    path = "/clusters",
    operation_id = "listClusters",
    tag = "drop-in",
    params(
        ("limit" = Option<usize>, Query, description = "Sessions in one answer: 1 to 10000, default 1000"),
        ("after" = Option<String>, Query, description = "Given by the `Link` header with rel=\"next\""),
        ("namespace" = Option<String>, Query, description = "As in `/api/history/v1/sessions`, like all its filters"),
    ),
    responses(
        (status = 200, description = "Sessions, newest first; `X-Total-Count` has their number, `Link` the next page", body = Vec<Cluster>),
        (status = 304, description = "The client has this list already (`If-None-Match`)"),
    )
)]
pub(in crate::http) fn list(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let query = call.request.query_string();
    let wanted = filter::parse(query, DEFAULT_LIMIT, MAX_LIMIT)?;
    let Page { entries, total, next, .. } = find::page(call, wanted);
    let rows: Vec<Cluster<'_>> = entries.iter().map(describe).collect();
    let mut response = validators::tagged_json(call.request, &rows);
    response.headers_mut().insert(TOTAL, HeaderValue::from(total));
    if let Some(next) = next {
        let others = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("after="));
        let query: Vec<String> = others.map(str::to_owned).chain([format!("after={next}")]).collect();
        let link = format!("<clusters?{}>; rel=\"next\"", query.join("&"));
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(LINK, link);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, Owner, OwnerKind, SessionKey, SessionName};

    #[test]
    fn rows_have_kuberays_format() {
        let session = SessionName::parse("session_2026-11-23_07-07-14_513426_5513").unwrap();
        let cluster = ClusterId { namespace: "ml".into(), name: "c".into() };
        let owner = Some(Owner { kind: OwnerKind::RayService, name: "recsys".into() });
        let mut entry =
            Entry { key: SessionKey { cluster, session }, owner, marked: true, written: None, namespace_known: true };
        let row = r#"{"name":"c","namespace":"ml","sessionName":"session_2026-11-23_07-07-14_513426_5513","createTime":"2026-11-23T07:07:14Z","createTimeStamp":1795417634"#;
        let whole = format!(r#"{row},"ownerKind":"rayservice","ownerName":"recsys"}}"#);
        assert_eq!(serde_json::to_string(&describe(&entry)).unwrap(), whole);
        entry.owner = None;
        assert_eq!(serde_json::to_string(&describe(&entry)).unwrap(), format!("{row}}}"));
    }
}
