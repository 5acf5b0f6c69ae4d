//! Settings of stores that the server and the collector share: the names and addresses that stores can have, and the
//! variables and the JSON file in which KubeRay's history server and collector name their store.
//!
//! Pure: the environment is a function, the file is text.

pub mod kuberay;
pub mod names;
mod problem;

pub use problem::{Problem, Problems, quoted};
