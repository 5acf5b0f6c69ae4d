//! The one table of routes: every URL of this server stands here once.
//!
//! | family | URLs |
//! |---|---|
//! | Ray | Ray's dashboard and its API, below a session's path |
//! | history | our own API, and links to sessions by name |
//! | `KubeRay` | the routes of `KubeRay`'s history server, and Ray's at the root for the session in a client's cookies |
//! | pages | the list of sessions as an HTML page |
//! | probes | probes and metrics |
//!
//! All are read with `GET`, `HEAD` and `OPTIONS`, so that no row has a method.

mod dispatch;
mod route;

pub(super) use dispatch::answer;

use super::error::{Error, Shape};
use super::history::{links, list, load, report};
use super::kuberay::{clusters, enter, select};
use super::pages::{self, assets};
use super::ray::source::Source::{self, Eventless, Made};
use super::ray::source::fixed_answer;
use super::ray::{bar, cost, document, logs};
use super::{html, openapi, probes};
use crate::settings::Redaction;
use ray_history_ray_api::{dashboard, jobs, libraries, state};
use route::{BELOW_ROOT, BELOW_SESSION, Family, Route, api, file, row};

/// The table; the first matching row answers. Ray's rows (`api`, `file`) lie both below a session's path and at the root.
const TABLE: &[Route] = &[
    // Pages.
    row("/sessions", Family::Pages, Shape::Page, |_| Box::pin(async { Ok(html::redirect("sessions/")) })),
    row("/sessions/", Family::Pages, Shape::Page, |call| Box::pin(async { pages::list::page(call) })),
    row("/sessions/sessions.js", Family::Pages, Shape::Page, |_| Box::pin(async { Ok(assets::script()) })),
    row("/sessions/sessions.css", Family::Pages, Shape::Page, |_| Box::pin(async { Ok(assets::style()) })),
    row("/sessions/icon.svg", Family::Pages, Shape::Page, |_| Box::pin(async { Ok(assets::icon()) })),
    // Our own API. The report is also below the paths in the list, which have a final `/`.
    row("/api/history/v1/sessions", Family::History, Shape::Problem, |call| Box::pin(async { list::sessions(call) })),
    row("/api/history/v1/sessions/{namespace}/{cluster}/{session}", Family::History, Shape::Problem, |call| {
        Box::pin(report::report(call))
    }),
    row("/api/history/v1/sessions/{namespace}/{cluster}/{session}/", Family::History, Shape::Problem, |call| {
        Box::pin(report::report(call))
    }),
    row("/api/history/v1/sessions/{namespace}/{cluster}/{session}/load", Family::History, Shape::Problem, |call| {
        Box::pin(load::progress(call))
    }),
    row("/api/history/{below}", Family::History, Shape::Problem, |_| Box::pin(async { Err(Error::UnknownUrl) })),
    row("/openapi.json", Family::History, Shape::Problem, |_| Box::pin(async { Ok(openapi::serve()) })),
    row("/rayjobs/{namespace}/{name}", Family::History, Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/rayjobs/{namespace}/{name}/latest", Family::History, Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayjobs/{namespace}/{name}/latest/", Family::History, Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayjobs/{namespace}/{name}/latest/{below}", Family::History, Shape::Ray, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayservices/{namespace}/{name}", Family::History, Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/rayservices/{namespace}/{name}/latest", Family::History, Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayservices/{namespace}/{name}/latest/", Family::History, Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayservices/{namespace}/{name}/latest/{below}", Family::History, Shape::Ray, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayclusters/{namespace}/{name}", Family::History, Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/rayclusters/{namespace}/{name}/latest", Family::History, Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayclusters/{namespace}/{name}/latest/", Family::History, Shape::Page, |call| Box::pin(links::latest(call))),
    row("/rayclusters/{namespace}/{name}/latest/{below}", Family::History, Shape::Ray, |call| {
        Box::pin(links::latest(call))
    }),
    row("/submissions/{namespace}/{id}", Family::History, Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/submissions/{namespace}/{id}/latest", Family::History, Shape::Page, |call| Box::pin(links::latest(call))),
    row("/submissions/{namespace}/{id}/latest/", Family::History, Shape::Page, |call| Box::pin(links::latest(call))),
    row("/submissions/{namespace}/{id}/latest/{below}", Family::History, Shape::Ray, |call| {
        Box::pin(links::latest(call))
    }),
    row("/sessions/{namespace}/{cluster}/latest", Family::History, Shape::Page, |call| {
        Box::pin(links::latest_of_cluster(call))
    })
    .named("/sessions/{namespace}/{cluster}/{session}"),
    row("/sessions/{namespace}/{cluster}/latest/", Family::History, Shape::Page, |call| {
        Box::pin(links::latest_of_cluster(call))
    })
    .named("/sessions/{namespace}/{cluster}/{session}/"),
    row("/sessions/{namespace}/{cluster}/latest/{below}", Family::History, Shape::Ray, |call| {
        Box::pin(links::latest_of_cluster(call))
    })
    .named(BELOW_SESSION),
    // KubeRay's history server.
    row("/", Family::KubeRay, Shape::Page, |call| Box::pin(dispatch::home(call))),
    row("/clusters", Family::KubeRay, Shape::Ray, |call| Box::pin(async { clusters::list(call) })),
    row("/select_cluster", Family::KubeRay, Shape::Page, |call| Box::pin(async { select::select(call) })),
    row("/enter_cluster/{namespace}/{kind_or_cluster}/{name_or_session}", Family::KubeRay, Shape::Ray, |call| {
        Box::pin(enter::enter(call))
    }),
    row("/enter_cluster/{namespace}/{kind}/{name}/{session}", Family::KubeRay, Shape::Ray, |call| {
        Box::pin(enter::enter(call))
    }),
    // Probes.
    row("/livez", Family::Probes, Shape::Ray, |call| Box::pin(async { Ok(probes::live(call.request)) })),
    row("/healthz", Family::Probes, Shape::Ray, |call| Box::pin(async { Ok(probes::live(call.request)) })),
    row("/readyz", Family::Probes, Shape::Ray, |call| Box::pin(async { Ok(probes::ready(call.request, call.state)) })),
    row("/readz", Family::Probes, Shape::Ray, |call| Box::pin(async { Ok(probes::ready(call.request, call.state)) })),
    row("/metrics", Family::Probes, Shape::Ray, |call| Box::pin(async { Ok(probes::metrics(call.state)) })),
    // Ray's dashboard and its API. A final `/` of the API is optional, as in KubeRay's history server.
    row("/sessions/bar.js", Family::Ray, Shape::Page, |call| Box::pin(async { Ok(bar::serve(call)) })),
    row("/sessions/{namespace}/{cluster}/{session}", Family::Ray, Shape::Page, |call| {
        Box::pin(async { document::redirect(call) })
    }),
    row("/sessions/{namespace}/{cluster}/{session}/", Family::Ray, Shape::Page, |call| {
        Box::pin(document::document(call))
    }),
    file("/static/{below}"),
    file("/speedscope-1.5.3/{below}"),
    file("/favicon.ico"),
    file("/asset-manifest.json"),
    file("/manifest.json"),
    api("/api/v0/tasks", Made(cost::tasks, |a| Ok(state::tasks::list(a.snapshot, a.query)?))),
    api(
        "/api/v0/tasks/summarize",
        Made(cost::task_summary, |a| Ok(state::task_summary::summarize(a.snapshot, a.query)?)),
    ),
    api("/api/v0/tasks/timeline", Made(cost::timeline, |a| Ok(state::timeline::timeline(a.snapshot, a.query)?))),
    api("/nodes", Made(cost::nodes, |a| Ok(dashboard::nodes::list(a.snapshot, a.query)?))),
    api("/nodes/{id}", Made(cost::node, |a| Ok(dashboard::node_detail::detail(a.snapshot, a.query, a.id)?))),
    api("/logical/actors", Made(cost::actors, |a| Ok(dashboard::actors::list(a.snapshot, a.query)?))),
    api("/logical/actors/{id}", Made(cost::actor, |a| Ok(dashboard::actors::detail(a.snapshot, a.query, a.id)?))),
    api("/api/v0/logs", Eventless(cost::log_names, |a| logs::listing(a.session, a.query))),
    api("/api/v0/logs/{id}", Source::LogFile),
    api("/api/v0/workers", Made(cost::workers, |a| Ok(state::workers::list(a.snapshot, a.query)?))),
    api(
        "/api/v0/placement_groups",
        Made(cost::placement_groups, |a| Ok(state::placement_groups::list(a.snapshot, a.query)?)),
    ),
    api("/api/v0/runtime_envs", Made(cost::runtime_envs, |a| Ok(state::runtime_envs::list(a.snapshot, a.query)?))),
    api(
        "/api/v0/runtime_env_redaction",
        Eventless(cost::none, |a| Ok(dashboard::fixed::redaction(a.redaction != Redaction::Never))),
    ),
    api("/api/v0/objects", Made(cost::none, |a| Ok(state::objects::list(a.query)?))),
    api("/api/v0/objects/summarize", Made(cost::none, |a| Ok(state::objects::summarize(a.query)?))),
    api(
        "/api/v0/cluster_metadata",
        Eventless(cost::stored, |a| Ok(dashboard::metadata::cluster_metadata(a.snapshot)?)),
    ),
    api("/api/v0/cluster_events", Made(cost::events, |a| Ok(state::cluster_events::list(a.snapshot, a.query)?))),
    api("/api/v0/platform_events", Made(cost::platform_events, |a| Ok(dashboard::fixed::platform_events(a.snapshot)?))),
    api("/api/v0/actors", Made(cost::actors, |a| Ok(state::actors::list(a.snapshot, a.query)?))),
    api("/api/v0/actors/summarize", Made(cost::actors, |a| Ok(state::actor_summary::summarize(a.snapshot, a.query)?))),
    api("/api/v0/nodes", Made(cost::nodes, |a| Ok(state::nodes::list(a.snapshot, a.query)?))),
    api("/api/v0/jobs", Made(cost::jobs, |a| Ok(state::jobs::list(a.snapshot, a.query)?))),
    api("/api/jobs", Made(cost::jobs, |a| Ok(jobs::list(a.snapshot, a.query)?))),
    api("/api/jobs/{id}", Made(cost::jobs, |a| Ok(jobs::one(a.snapshot, a.query, a.id)?))),
    api("/api/jobs/{id}/logs", Source::JobLog),
    api("/api/jobs/{id}/logs/tail", Source::JobLogTail),
    api(
        "/api/cluster_status",
        Made(cost::cluster_status, |a| Ok(dashboard::cluster_status::cluster_status(a.snapshot, a.query)?)),
    ),
    api("/api/serve/applications", Made(cost::stored, |a| Ok(libraries::serve::applications(a.snapshot, a.query)?))),
    api("/api/data/datasets/{id}", Made(cost::datasets, |a| Ok(libraries::data::datasets(a.snapshot, a.id)?))),
    api("/api/train/v2/runs/v1", Made(cost::train, |a| Ok(libraries::train::runs(a.snapshot, a.query)?))),
    api("/api/train/v2/runs", Made(cost::stored, |a| Ok(libraries::train::old_runs(a.snapshot, a.query)?))),
    api("/api/version", Eventless(cost::version, |a| Ok(dashboard::metadata::version(a.snapshot)?))),
    api("/events", Made(cost::events, |a| Ok(dashboard::events::events(a.snapshot, a.query)?))),
    api("/timezone", Eventless(cost::stored, |a| Ok(dashboard::metadata::timezone(a.snapshot)?))),
    api("/worker/{id}", Made(cost::none, |_| Err(dashboard::fixed::profiling().into()))),
    api("/task/{id}", Made(cost::none, |_| Err(dashboard::fixed::profiling().into()))),
    api("/memory_profile", Made(cost::none, |_| Err(dashboard::fixed::profiling().into()))),
    api("/api/authentication_mode", Eventless(cost::none, fixed_answer)),
    api("/api/profiling_enabled", Eventless(cost::none, fixed_answer)),
    api("/api/grafana_health", Eventless(cost::none, fixed_answer)),
    api("/api/prometheus_health", Eventless(cost::none, fixed_answer)),
    api("/usage_stats_enabled", Eventless(cost::none, fixed_answer)),
    api("/api/component_activities", Eventless(cost::none, fixed_answer)),
    api("/api/gcs_healthz", Eventless(cost::none, fixed_answer)),
    row(BELOW_SESSION, Family::Ray, Shape::Ray, |call| Box::pin(async { dispatch::unknown_below_session(call) })),
    row(BELOW_ROOT, Family::KubeRay, Shape::Ray, |call| Box::pin(dispatch::unknown_at_root(call))),
];

/// Returns `true` for the path of a probe or of the metrics, which are answered however busy the server is.
pub(super) fn is_probe(path: &str) -> bool {
    TABLE.iter().any(|route| route.family == Family::Probes && route.path == path)
}

#[cfg(test)]
mod tests;
