//! The HTTP server: its URLs, and the way in which answers are sent.
//!
//! Owns URLs, status codes, headers and bodies. Everything it shows comes through `session` and `answer`; it never
//! imports `storage`. The URL table is in `routes`, that of Ray's API below a session in `api`.
//!
//! | URL | what |
//! |---|---|
//! | `/` | leads to `/sessions/`; Ray's dashboard, for a browser with the cookies of `dropin` |
//! | `/sessions/` | the list of sessions, a page |
//! | `/sessions/{namespace}/{cluster}/{session}/` | Ray's dashboard of that session, and its API below it |
//! | `/sessions/{namespace}/{cluster}/latest/…` | leads to the newest session of the cluster |
//! | `/rayjobs/…`, `/rayservices/…`, `/rayclusters/…`, `/submissions/…` | lead to sessions by the names that people know (`links`) |
//! | `/clusters`, `/select_cluster`, `/enter_cluster/…` | as KubeRay's history server has them, and its data routes |
//! | `/api/history/v1/sessions[/…]`, `/openapi.json` | our own API (`listing`, `report`, `load`, `openapi`) |
//! | `/livez`, `/readyz`, and `/healthz`, `/readz` as their other names | probes (`probes`) |
//! | `/metrics` | `OpenMetrics` text |
//!
//! `server` sets the server up; `observe` and `limit` stand around every request.

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
