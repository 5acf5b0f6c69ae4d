//! The default chain of every cloud: the program's identity without a Secret.
//!
//! The real program runs with the variables of each case and nothing else, against token servers on loopback. Tokens
//! name the file or server they come from and expire at once, so that a replaced file is seen in the next request.

mod azure;
mod gcs;
mod oss;
mod s3;
