//! Arguments of `export`.

use super::Places;
use clap::Args as ClapArgs;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use ray_history_portable::{Choices, Logs};
use std::path::PathBuf;

/// Arguments of `export`.
#[derive(Clone, Debug, ClapArgs)]
#[command(override_usage = "ray-history export [OPTIONS] \
        <--server <URL>|--local-dir <DIR>|--config <FILE>|--storage-backend <BACKEND>> <SESSION>")]
pub struct Export {
    /// NAMESPACE/CLUSTER/SESSION; of a store also NAMESPACE/NAME/latest, the newest session of a RayJob, RayService or
    /// RayCluster, and NAMESPACE/NAME/latest~1, the one before it.
    pub session: String,
    /// File to write, `-` for standard output. Default: CLUSTER-SESSION.rayhistory in this folder.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Log files: `none`; `facts`, those from which facts are read, but none that names environment variables; `all`, which
    /// hold whatever the program printed.
    #[arg(long, value_name = "LOGS", default_value = "facts", value_parser = logs())]
    pub logs: Logs,
    /// Of a store: also copy all raw data as it is stored, with all logs and the values of environment variables.
    #[arg(long, conflicts_with = "server")]
    pub raw: bool,
    /// Leave the messages of errors out of the tables.
    #[arg(long)]
    pub no_messages: bool,
    /// The place with the session.
    #[command(flatten)]
    pub places: Places,
}

fn logs() -> impl TypedValueParser<Value = Logs> {
    PossibleValuesParser::new(Logs::NAMES).map(|name| Logs::parse(&name).unwrap_or_default())
}

impl Export {
    /// Returns what the file holds besides tables.
    pub fn choices(&self) -> Choices {
        Choices { logs: self.logs, raw: self.raw, messages: !self.no_messages }
    }
}
