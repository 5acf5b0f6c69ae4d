//! Puts objects into the bucket, again and again until they are there.

mod sink;

pub use sink::{Sink, Trouble};
