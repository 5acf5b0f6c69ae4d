//! Arguments of `completions` and `man`.

use clap::Args as ClapArgs;
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Man {
    /// A command, such as `list` or `logs grep`. Default: the program.
    pub command: Vec<String>,
}
