//! The identity of this node: its sessions' folders, its id in each of them, and the life of its raylet.

mod session_folder;

pub use session_folder::{Folders, Raylet, SessionFolder};
