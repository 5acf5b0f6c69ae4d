//! The `ray-history` program: parses its arguments, starts its log, and runs.

use clap::Parser;
use ray_history::args::Args;
use ray_history::{run, telemetry};
use std::process::ExitCode;

/// Snapshots are many small tables: jemalloc keeps them compact and gives memory back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    telemetry::start();
    match run::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ray-history: {error:#}");
            ExitCode::FAILURE
        }
    }
}
