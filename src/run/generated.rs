//! Wiring of `completions` and `man`, which are generated from the arguments.

use super::print::is_open_after_bytes;
use crate::args::{Args, Completions, Man};
use anyhow::bail;
use clap::CommandFactory;

/// Name of the program, which the scripts of shells complete.
const NAME: &str = "ray-history";

/// The program and its version, at the foot of each page.
const VERSION: &str = concat!("ray-history ", env!("CARGO_PKG_VERSION"));

/// Prints the completions of a shell.
pub(super) fn completions(args: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), NAME, &mut script);
    // For bash, its labels of subcommands take the hyphen of the program's name for the one before a subcommand.
    let script = String::from_utf8(script)?.replace("ray__subcmd__history", "ray__history");
    is_open_after_bytes(script.as_bytes()).map(drop)
}

/// Prints the manual page of the program or of a command.
pub(super) fn man(args: &Man) -> anyhow::Result<()> {
    let mut program = Args::command();
    // Gives subcommands their full names.
    program.build();
    let mut command = &program;
    for word in &args.command {
        let Some(found) = command.find_subcommand(word) else { bail!("there is no command {word:?}") };
        command = found;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).source(VERSION).render(&mut page)?;
    is_open_after_bytes(&page).map(drop)
}
