//! Puts objects into the bucket, again and again until they are there.

mod counters;
mod events;
mod packer;
mod sink;

pub use counters::Counts;
pub use events::Uploader;
pub use sink::{Sink, Trouble};
