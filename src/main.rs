//! The `ray-history` program: parses its arguments and runs.

use clap::Parser;
use ray_history::args::Args;
use ray_history::run;
use std::process::ExitCode;

/// jemalloc, because snapshots are many small tables: it stores them compactly and returns freed memory to the system.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run::run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            run::print_failure(&error);
            ExitCode::from(run::FAILED)
        }
    }
}
