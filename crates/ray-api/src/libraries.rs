//! Ray's libraries: the pages of Ray Data, Ray Serve and Ray Train.

pub mod data;
pub mod serve;
pub mod train;
