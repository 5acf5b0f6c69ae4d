//! The `ray-history` program: parses its arguments and runs.

use clap::Parser;
use ray_history::args::Args;
use ray_history::{run, telemetry};
use std::process::ExitCode;

/// Snapshots are many small tables: jemalloc keeps them compact and gives memory back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run::run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A cause may quote names from a bucket.
            for line in format!("ray-history: {error:#}").lines() {
                eprintln!("{}", telemetry::safe(line, false));
            }
            ExitCode::FAILURE
        }
    }
}
