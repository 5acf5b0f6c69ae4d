//! The collector as Ray's agent and the bucket see it: `rates` (the default) measures acknowledgements, memory and
//! processor time; `trouble` shows that nothing acknowledged is lost, and how much memory and disk that takes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on must stop")]

mod receive {
    pub(crate) mod agent;
    pub(crate) mod bucket;
    pub(crate) mod collector;
    pub(crate) mod floor;
    pub(crate) mod rates;
    pub(crate) mod ray;
    pub(crate) mod trouble;
}

use receive::{floor, rates, trouble};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["floor", folder] => floor::serve(folder.as_ref()),
        ["trouble"] => trouble::run(),
        _ => rates::run(),
    }
}
