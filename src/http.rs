//! The HTTP server: its URLs, and how it sends responses.
//!
//! All data comes from `session` and the crate `ray-api`; this module never imports `storage`.
//!
//! `server` builds the server, `middleware` works around every answer, and `routes` has the one table of URLs. Handlers
//! lie in a folder for each family of URLs: `ray`, `history`, `kuberay`, `pages`, `probes` and `access`; no family imports
//! another. Below them are helpers: `sessions`, `request`, `validators`, `html` and `error`. `guard` decides who sees what.

mod access;
mod error;
mod guard;
mod heavy;
mod history;
mod html;
mod kuberay;
mod middleware;
pub mod openapi;
mod pages;
mod probes;
mod ray;
mod request;
mod request_id;
mod routes;
mod server;
mod sessions;
mod state;
mod validators;

pub use heavy::Heavy;
pub use history::{
    diff_of_store, export_of_store, list_of_store, obituaries_of_store, obituary_of_store, retention_of_store,
};
pub use routes::{Need, Url, urls};
pub use server::serve;
pub use state::State;
