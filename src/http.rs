//! The HTTP server: its URLs, and how it sends responses.
//!
//! Defines URLs, status codes, headers and bodies. All data comes from `session` and `ray_api`; this module never
//! imports `storage`. The URL table is in `routes`; the table of Ray's API below a session is in `api`.
//!
//! | URL | response |
//! |---|---|
//! | `/` | a redirect to `/sessions/`; Ray's dashboard for a browser with the cookies of `dropin` |
//! | `/sessions/` | an HTML page with the list of sessions |
//! | `/sessions/{namespace}/{cluster}/{session}/` | Ray's dashboard of that session, with Ray's API below it |
//! | `/sessions/{namespace}/{cluster}/latest/…` | a redirect to the newest session of the cluster |
//! | `/rayjobs/…`, `/rayservices/…`, `/rayclusters/…`, `/submissions/…` | redirects to sessions (`links`) |
//! | `/clusters`, `/select_cluster`, `/enter_cluster/…` | KubeRay's history server (`clusters`, `dropin`) |
//! | `/api/history/v1/sessions[/…]`, `/openapi.json` | our own API (`listing`, `report`, `load`, `openapi`) |
//! | `/livez`, `/readyz` (also `/healthz`, `/readz`) | probes (`probes`) |
//! | `/metrics` | `OpenMetrics` text |
//!
//! `server` builds the server; `observe` and `limit` are middleware around every request.

mod api;
mod asset;
mod bar;
mod body;
mod browse;
mod call;
mod clusters;
mod connection;
mod cookies;
mod dashboard;
mod dropin;
mod encoding;
mod error;
mod filter;
mod heavy;
mod limit;
mod links;
mod listing;
mod load;
mod logs;
mod observe;
pub mod openapi;
mod origin;
mod page;
mod path;
mod pattern;
mod probes;
mod problem;
mod progress;
mod report;
mod routes;
mod send;
mod server;
mod session;
mod session_table;
mod state;
mod summary;
mod tail;
mod trace;
mod validators;

pub use heavy::Heavy;
pub use pattern::RoutePattern;
pub use server::serve;
pub use state::State;
