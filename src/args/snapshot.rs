//! Arguments of `snapshot`.

use clap::{ArgGroup, Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// Arguments of `snapshot`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Snapshot {
    /// The subcommand.
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

/// The subcommand of `snapshot`.
#[derive(Clone, Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Print what is persisted of a session: the build, its tables, and what the head holds.
    Show(SnapshotShow),
    /// Check every hash and decode every row of what is persisted of a session. Takes the memory of the open session and
    /// of its files.
    Verify(SnapshotPlace),
}

/// Arguments of `snapshot show`.
#[derive(Clone, Debug, ClapArgs)]
pub struct SnapshotShow {
    /// The session and its store.
    #[command(flatten)]
    pub place: SnapshotPlace,
    /// Print the head's snapshot.json.
    #[arg(long)]
    pub json: bool,
}

/// A session in a store.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("place").args(["local_dir", "config"]).required(true)))]
pub struct SnapshotPlace {
    /// NAMESPACE/CLUSTER/SESSION.
    pub session: String,
    /// Read a folder with the layout of a bucket.
    #[arg(long, value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder that collectors wrote below.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub root_dir: String,
    /// Read the store of a `RayHistory` in a file. Uses the credentials of the environment.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
