//! Arguments of `persist`.

use super::retention::span;
use clap::{ArgGroup, Args as ClapArgs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Arguments of `persist`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("place").args(["local_dir", "config"]).required(true)))]
pub struct Persist {
    /// NAMESPACE/CLUSTER/SESSION; all sessions without it.
    pub session: Option<String>,
    /// Write to a folder with the layout of a bucket.
    #[arg(long, value_name = "DIR")]
    pub local_dir: Option<PathBuf>,
    /// With --local-dir: prefix inside the folder that collectors wrote below.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub root_dir: String,
    /// Write to the store of a `RayHistory` in a file, with the choices of its spec.persist. Uses the credentials of the
    /// environment.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Time without a new object after which a session counts as dead, such as 72h or 30d; a day at least. It stands in for
    /// the watch of Kubernetes.
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "24h")]
    pub dead_after: Duration,
    /// Persist a part of the sessions, such as 0/4, 1/4, 2/4 and 3/4 by four processes at once. In an indexed Job of
    /// Kubernetes: `--shard $(JOB_COMPLETION_INDEX)/4`.
    #[arg(long, value_name = "I/N", default_value = "0/1")]
    pub shard: Shard,
    /// Bring the daily rollups of all sessions up to date at the end, as the mode `SessionsAndFleet` of --config does. Of
    /// several processes with --shard, one is enough.
    #[arg(long)]
    pub fleet: bool,
    /// Also build sessions again that are persisted; those that would show less stay as they are.
    #[arg(long)]
    pub force: bool,
}

/// A part of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The part, from zero.
    pub index: u64,
    /// The number of parts.
    pub of: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || format!("{text:?} must be a part and their number, such as 0/4 for the first of four");
        let (index, of) = text.split_once('/').ok_or_else(expected)?;
        let (index, of) = (index.parse().map_err(|_| expected())?, of.parse().map_err(|_| expected())?);
        if index < of { Ok(Self { index, of }) } else { Err(expected()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_parts_of_a_number() {
        assert_eq!("0/1".parse(), Ok(Shard { index: 0, of: 1 }));
        assert_eq!("3/4".parse(), Ok(Shard { index: 3, of: 4 }));
        for bad in ["", "1", "4/4", "0/0", "-1/4", "a/b", "1/4/2"] {
            assert!(bad.parse::<Shard>().unwrap_err().contains("0/4"), "{bad}");
        }
    }
}
