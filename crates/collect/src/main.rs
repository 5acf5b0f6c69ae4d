//! The `ray-history-collect` program.

use std::io;

fn main() -> io::Result<()> {
    ray_history_collect::run::run_command()
}
