//! The one table of routes: every URL of this server stands here once.
//!
//! | family | URLs |
//! |---|---|
//! | Ray | Ray's dashboard and its API, below a session's path |
//! | history | our own API, and links to sessions by name |
//! | `KubeRay` | the routes of `KubeRay`'s history server, and Ray's at the root for the session in a client's cookies |
//! | pages | the list of sessions as an HTML page |
//! | probes | probes and metrics |
//! | access | the login, and who is logged in, while access is on |
//!
//! Each row says what it needs while access is on, and the guard is asked before its handler. All are read with `GET`,
//! `HEAD` and `OPTIONS`, but for two that take a `POST`: the login and the logout.

mod dispatch;
mod route;

pub(super) use dispatch::answer;
pub use route::Need;

use super::access::dialog::{authenticate, mode as login_mode};
use super::access::{login, logout, whoami};
use super::error::{Error, Shape};
use super::history::logs::{download, search};
use super::history::{diff, export, fleet, functions, links, list, load, obituaries, report, retention};
use super::kuberay::{clusters, enter, select};
use super::pages::{self, assets};
use super::ray::source::Source::{self, Eventless, Made, PlatformEvents};
use super::ray::source::{fixed_answer, redaction};
use super::ray::{bar, cost, document, logs};
use super::{html, openapi, probes};
use ray_history_ray_api::{dashboard, jobs, libraries, state};
use route::Need::{Cookie, Document, Listing, Logs, Namespace, Open};
use route::{BELOW_ROOT, BELOW_SESSION, Family, Route, api, dialog, file, row};

/// The table; the first matching row answers. Ray's rows (`api`, `file`) lie both below a session's path and at the root.
const TABLE: &[Route] = &[
    // Pages.
    row("/sessions", Open, Family::Pages, Shape::Page, |_| Box::pin(async { Ok(html::redirect("sessions/")) })),
    row("/sessions/", Listing, Family::Pages, Shape::Page, |call| Box::pin(pages::list::page(call))),
    row("/sessions/sessions.js", Open, Family::Pages, Shape::Page, |_| Box::pin(async { Ok(assets::script()) })),
    row("/sessions/sessions.css", Open, Family::Pages, Shape::Page, |_| Box::pin(async { Ok(assets::style()) })),
    row("/sessions/icon.svg", Open, Family::Pages, Shape::Page, |_| Box::pin(async { Ok(assets::icon()) })),
    row("/why/{namespace}/{kind}/{name}/{uid}", Namespace, Family::Pages, Shape::Page, |call| {
        Box::pin(pages::why::object(call))
    }),
    row("/sessions/{namespace}/{cluster}/{session}/why", Namespace, Family::Pages, Shape::Page, |call| {
        Box::pin(pages::why::session(call))
    }),
    row("/sessions/{namespace}/{cluster}/{session}/functions", Namespace, Family::Pages, Shape::Page, |call| {
        Box::pin(pages::functions::page(call))
    }),
    row("/sessions/diff", Listing, Family::Pages, Shape::Page, |call| Box::pin(pages::diff::page(call))),
    // Logging in, while access is on.
    row("/login", Open, Family::Access, Shape::Page, |call| Box::pin(login::page(call))).only_guarded(),
    row("/sessions/login.js", Open, Family::Access, Shape::Page, |_| Box::pin(async { Ok(login::script()) }))
        .only_guarded(),
    row("/logout", Open, Family::Access, Shape::Problem, |call| Box::pin(async { logout::logout(call) }))
        .only_guarded()
        .posting(),
    dialog("/api/authentication_mode", Open, |call| Box::pin(login_mode(call))),
    dialog("/api/authenticate", Open, |call| Box::pin(authenticate(call))).posting(),
    // Our own API. The report is also below the paths in the list, which have a final `/`.
    row("/api/history/v1/sessions", Listing, Family::History, Shape::Problem, |call| Box::pin(list::sessions(call))),
    row(
        "/api/history/v1/sessions/{namespace}/{cluster}/{session}",
        Namespace,
        Family::History,
        Shape::Problem,
        |call| Box::pin(report::report(call)),
    ),
    row(
        "/api/history/v1/sessions/{namespace}/{cluster}/{session}/",
        Namespace,
        Family::History,
        Shape::Problem,
        |call| Box::pin(report::report(call)),
    ),
    row(
        "/api/history/v1/sessions/{namespace}/{cluster}/{session}/load",
        Namespace,
        Family::History,
        Shape::Problem,
        |call| Box::pin(load::progress(call)),
    ),
    row(
        "/api/history/v1/sessions/{namespace}/{cluster}/{session}/functions",
        Namespace,
        Family::History,
        Shape::Problem,
        |call| Box::pin(functions::functions(call)),
    ),
    row(
        "/api/history/v1/sessions/{namespace}/{cluster}/{session}/export",
        Logs,
        Family::History,
        Shape::Problem,
        |call| Box::pin(export::export(call)),
    ),
    // Its sessions are in parameters, so it may show what the list shows.
    row("/api/history/v1/fleet/{table}", Listing, Family::History, Shape::Problem, |call| Box::pin(fleet::rows(call))),
    row("/api/history/v1/diff", Listing, Family::History, Shape::Problem, |call| Box::pin(diff::diff(call))),
    row(
        "/api/history/v1/sessions/{namespace}/{cluster}/{session}/logs/search",
        Logs,
        Family::History,
        Shape::Problem,
        |call| Box::pin(search::search(call)),
    ),
    row(
        "/api/history/v1/sessions/{namespace}/{cluster}/{session}/logs/download",
        Logs,
        Family::History,
        Shape::Problem,
        |call| Box::pin(download::download(call)),
    ),
    row("/api/history/v1/retention", Listing, Family::History, Shape::Problem, |call| {
        Box::pin(async { retention::plan(call) })
    }),
    row("/api/history/v1/obituaries", Listing, Family::History, Shape::Problem, |call| {
        Box::pin(async { obituaries::list(call) })
    }),
    row(
        "/api/history/v1/obituaries/{namespace}/{kind}/{name}/{uid}",
        Namespace,
        Family::History,
        Shape::Problem,
        |call| Box::pin(obituaries::document(call)),
    ),
    row("/api/history/v1/whoami", Listing, Family::Access, Shape::Problem, |call| {
        Box::pin(async { whoami::whoami(call) })
    })
    .only_guarded(),
    row("/api/history/{below}", Open, Family::History, Shape::Problem, |_| Box::pin(async { Err(Error::UnknownUrl) })),
    row("/openapi.json", Open, Family::History, Shape::Problem, |_| Box::pin(async { Ok(openapi::serve()) })),
    row("/rayjobs/{namespace}/{name}", Namespace, Family::History, Shape::Page, |call| Box::pin(links::attempts(call))),
    row("/rayjobs/{namespace}/{name}/latest", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayjobs/{namespace}/{name}/latest/", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayjobs/{namespace}/{name}/latest/{below}", Namespace, Family::History, Shape::Ray, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayservices/{namespace}/{name}", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::attempts(call))
    }),
    row("/rayservices/{namespace}/{name}/latest", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayservices/{namespace}/{name}/latest/", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayservices/{namespace}/{name}/latest/{below}", Namespace, Family::History, Shape::Ray, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayclusters/{namespace}/{name}", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::attempts(call))
    }),
    row("/rayclusters/{namespace}/{name}/latest", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayclusters/{namespace}/{name}/latest/", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest(call))
    }),
    row("/rayclusters/{namespace}/{name}/latest/{below}", Namespace, Family::History, Shape::Ray, |call| {
        Box::pin(links::latest(call))
    }),
    row("/submissions/{namespace}/{id}", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::attempts(call))
    }),
    row("/submissions/{namespace}/{id}/latest", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest(call))
    }),
    row("/submissions/{namespace}/{id}/latest/", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest(call))
    }),
    row("/submissions/{namespace}/{id}/latest/{below}", Namespace, Family::History, Shape::Ray, |call| {
        Box::pin(links::latest(call))
    }),
    row("/sessions/{namespace}/{cluster}/latest", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest_of_cluster(call))
    })
    .named("/sessions/{namespace}/{cluster}/{session}"),
    row("/sessions/{namespace}/{cluster}/latest/", Namespace, Family::History, Shape::Page, |call| {
        Box::pin(links::latest_of_cluster(call))
    })
    .named("/sessions/{namespace}/{cluster}/{session}/"),
    row("/sessions/{namespace}/{cluster}/latest/{below}", Namespace, Family::History, Shape::Ray, |call| {
        Box::pin(links::latest_of_cluster(call))
    })
    .named(BELOW_SESSION),
    // KubeRay's history server.
    row("/", Cookie, Family::KubeRay, Shape::Page, |call| Box::pin(dispatch::home(call))),
    row("/clusters", Listing, Family::KubeRay, Shape::Ray, |call| Box::pin(async { clusters::list(call) })),
    row("/select_cluster", Listing, Family::KubeRay, Shape::Page, |call| Box::pin(select::select(call))),
    row(
        "/enter_cluster/{namespace}/{kind_or_cluster}/{name_or_session}",
        Namespace,
        Family::KubeRay,
        Shape::Ray,
        |call| Box::pin(enter::enter(call)),
    ),
    row("/enter_cluster/{namespace}/{kind}/{name}/{session}", Namespace, Family::KubeRay, Shape::Ray, |call| {
        Box::pin(enter::enter(call))
    }),
    // Probes.
    row("/livez", Open, Family::Probes, Shape::Ray, |call| Box::pin(async { Ok(probes::live(call.request)) })),
    row("/healthz", Open, Family::Probes, Shape::Ray, |call| Box::pin(async { Ok(probes::live(call.request)) })),
    row("/readyz", Open, Family::Probes, Shape::Ray, |call| {
        Box::pin(async { Ok(probes::ready(call.request, call.state)) })
    }),
    row("/readz", Open, Family::Probes, Shape::Ray, |call| {
        Box::pin(async { Ok(probes::ready(call.request, call.state)) })
    }),
    row("/metrics", Open, Family::Probes, Shape::Ray, |call| Box::pin(async { Ok(probes::metrics(call.state)) })),
    // Ray's dashboard and its API. A final `/` of the API is optional, as in KubeRay's history server.
    row("/sessions/bar.js", Open, Family::Ray, Shape::Page, |call| Box::pin(async { Ok(bar::serve(call)) })),
    row("/sessions/{namespace}/{cluster}/{session}", Open, Family::Ray, Shape::Page, |call| {
        Box::pin(async { document::redirect(call) })
    }),
    row("/sessions/{namespace}/{cluster}/{session}/", Document, Family::Ray, Shape::Page, |call| {
        Box::pin(document::document(call))
    }),
    file("/static/{below}", Open),
    file("/speedscope-1.5.3/{below}", Open),
    file("/favicon.ico", Open),
    file("/asset-manifest.json", Open),
    file("/manifest.json", Open),
    api("/api/v0/tasks", Namespace, Made(cost::tasks, |a| Ok(state::tasks::list(a.snapshot, a.query)?))),
    api(
        "/api/v0/tasks/summarize",
        Namespace,
        Made(cost::task_summary, |a| Ok(state::task_summary::summarize(a.snapshot, a.query)?)),
    ),
    api(
        "/api/v0/tasks/timeline",
        Namespace,
        Made(cost::timeline, |a| Ok(state::timeline::timeline(a.snapshot, a.query)?)),
    ),
    api("/nodes", Namespace, Made(cost::nodes, |a| Ok(dashboard::nodes::list(a.snapshot, a.query)?))),
    api("/nodes/{id}", Namespace, Made(cost::node, |a| Ok(dashboard::node_detail::detail(a.snapshot, a.query, a.id)?))),
    api("/logical/actors", Namespace, Made(cost::actors, |a| Ok(dashboard::actors::list(a.snapshot, a.query)?))),
    api(
        "/logical/actors/{id}",
        Namespace,
        Made(cost::actor, |a| Ok(dashboard::actors::detail(a.snapshot, a.query, a.id)?)),
    ),
    api("/api/v0/logs", Namespace, Eventless(cost::log_names, |a| logs::listing(a.session, a.query))),
    api("/api/v0/logs/{id}", Logs, Source::LogFile),
    api("/api/v0/workers", Namespace, Made(cost::workers, |a| Ok(state::workers::list(a.snapshot, a.query)?))),
    api(
        "/api/v0/placement_groups",
        Namespace,
        Made(cost::placement_groups, |a| Ok(state::placement_groups::list(a.snapshot, a.query)?)),
    ),
    api(
        "/api/v0/runtime_envs",
        Namespace,
        Made(cost::runtime_envs, |a| Ok(state::runtime_envs::list(a.snapshot, a.query)?)),
    ),
    api("/api/v0/runtime_env_redaction", Namespace, Eventless(cost::none, redaction)),
    api("/api/v0/objects", Namespace, Made(cost::none, |a| Ok(state::objects::list(a.query)?))),
    api("/api/v0/objects/summarize", Namespace, Made(cost::none, |a| Ok(state::objects::summarize(a.query)?))),
    api(
        "/api/v0/cluster_metadata",
        Namespace,
        Eventless(cost::stored, |a| Ok(dashboard::metadata::cluster_metadata(a.snapshot)?)),
    ),
    api(
        "/api/v0/cluster_events",
        Namespace,
        Made(cost::events, |a| Ok(state::cluster_events::list(a.snapshot, a.query)?)),
    ),
    api(
        "/api/v0/platform_events",
        Namespace,
        PlatformEvents(cost::platform_events, |a| Ok(dashboard::fixed::platform_events(a.snapshot)?)),
    ),
    api("/api/v0/actors", Namespace, Made(cost::actors, |a| Ok(state::actors::list(a.snapshot, a.query)?))),
    api(
        "/api/v0/actors/summarize",
        Namespace,
        Made(cost::actors, |a| Ok(state::actor_summary::summarize(a.snapshot, a.query)?)),
    ),
    api("/api/v0/nodes", Namespace, Made(cost::nodes, |a| Ok(state::nodes::list(a.snapshot, a.query)?))),
    api("/api/v0/jobs", Namespace, Made(cost::jobs, |a| Ok(state::jobs::list(a.snapshot, a.query)?))),
    api("/api/jobs", Namespace, Made(cost::jobs, |a| Ok(jobs::list(a.snapshot, a.query)?))),
    api("/api/jobs/{id}", Namespace, Made(cost::jobs, |a| Ok(jobs::one(a.snapshot, a.query, a.id)?))),
    api("/api/jobs/{id}/logs", Logs, Source::JobLog),
    api("/api/jobs/{id}/logs/tail", Logs, Source::JobLogTail),
    api(
        "/api/cluster_status",
        Namespace,
        Made(cost::cluster_status, |a| Ok(dashboard::cluster_status::cluster_status(a.snapshot, a.query)?)),
    ),
    api(
        "/api/serve/applications",
        Namespace,
        Made(cost::stored, |a| Ok(libraries::serve::applications(a.snapshot, a.query)?)),
    ),
    api(
        "/api/data/datasets/{id}",
        Namespace,
        Made(cost::datasets, |a| Ok(libraries::data::datasets(a.snapshot, a.id)?)),
    ),
    api("/api/train/v2/runs/v1", Namespace, Made(cost::train, |a| Ok(libraries::train::runs(a.snapshot, a.query)?))),
    api("/api/train/v2/runs", Namespace, Made(cost::stored, |a| Ok(libraries::train::old_runs(a.snapshot, a.query)?))),
    api("/api/version", Namespace, Eventless(cost::version, |a| Ok(dashboard::metadata::version(a.snapshot)?))),
    api("/events", Namespace, Made(cost::events, |a| Ok(dashboard::events::events(a.snapshot, a.query)?))),
    api("/timezone", Namespace, Eventless(cost::stored, |a| Ok(dashboard::metadata::timezone(a.snapshot)?))),
    api("/worker/{id}", Namespace, Made(cost::none, |_| Err(dashboard::fixed::profiling().into()))),
    api("/task/{id}", Namespace, Made(cost::none, |_| Err(dashboard::fixed::profiling().into()))),
    api("/memory_profile", Namespace, Made(cost::none, |_| Err(dashboard::fixed::profiling().into()))),
    api("/api/authentication_mode", Namespace, Eventless(cost::none, fixed_answer)),
    api("/api/profiling_enabled", Namespace, Eventless(cost::none, fixed_answer)),
    api("/api/grafana_health", Namespace, Eventless(cost::none, fixed_answer)),
    api("/api/prometheus_health", Namespace, Eventless(cost::none, fixed_answer)),
    api("/usage_stats_enabled", Namespace, Eventless(cost::none, fixed_answer)),
    api("/api/component_activities", Namespace, Eventless(cost::none, fixed_answer)),
    api("/api/gcs_healthz", Namespace, Eventless(cost::none, fixed_answer)),
    row(BELOW_SESSION, Namespace, Family::Ray, Shape::Ray, |call| {
        Box::pin(async { dispatch::unknown_below_session(call) })
    }),
    row(BELOW_ROOT, Cookie, Family::KubeRay, Shape::Ray, |call| Box::pin(dispatch::unknown_at_root(call))),
];

/// Returns `true` for the path of a probe or of the metrics, which are answered however busy the server is.
pub(super) fn is_probe(path: &str) -> bool {
    TABLE.iter().any(|route| route.family == Family::Probes && route.path == path)
}

/// A URL that this server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url {
    /// Segments before those of the pattern: a session's path, or empty.
    pub below: &'static str,
    /// The pattern, in which `{…}` stands for a name.
    pub pattern: &'static str,
    /// The need of the row, which decides who gets an answer while access is on.
    pub need: Need,
    /// The methods that are answered, as the header `Allow` lists them.
    pub methods: &'static str,
    /// `true` for a URL at the root of the session in a client's cookies.
    pub is_entered: bool,
}

/// Returns all URLs of this server while access is on, in the order in which they are matched.
pub fn urls() -> Vec<Url> {
    route::urls()
}

#[cfg(test)]
mod tests;
