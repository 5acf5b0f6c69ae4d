//! The identity of this node: its sessions' folders, its id in each of them, and the life of its raylet.

mod node_id;
mod node_ids;
mod raylet_log;
mod scan;
mod session_folder;
mod socket;

pub use scan::Scanner;
pub use session_folder::{Folders, Raylet, SessionFolder};
