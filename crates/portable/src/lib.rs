//! Packs a session as one file, which can be attached to a ticket and opened anywhere.
//!
//! ```text
//! open session ─► tables, head ─┐
//! raw objects  ─► chosen, read ─┴─► members of a ZIP, named like the keys of a bucket ─► pieces, in order
//! ```
//!
//! Because the members are the keys of a bucket, whatever reads a bucket reads the file (`storage::archive`). Values of
//! environment variables are in no member, unless the raw data is asked for.
//!
//! Nothing here waits or reads: the caller hands over the blocks of raw objects, and sends on what comes out.

mod choices;
mod packer;
mod readme;

pub use choices::{Choices, Logs};
pub use packer::{Error, Packer};
