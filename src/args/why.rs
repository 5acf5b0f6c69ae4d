//! Arguments of `why`.

use super::Places;
use clap::{Args as ClapArgs, ValueEnum};

/// Arguments of `why`.
#[derive(Clone, Debug, ClapArgs)]
#[command(override_usage = "ray-history why [OPTIONS] \
        <--server <URL>|--local-dir <DIR>|--config <FILE>|--storage-backend <BACKEND>> <NAME>")]
pub struct Why {
    /// NAMESPACE/CLUSTER/SESSION; or the newest run of rayjob/NAMESPACE/NAME or raycluster/NAMESPACE/NAME, whether or not
    /// a session of it is stored.
    pub name: String,
    /// Format of the output.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: WhyFormat,
    /// The place with the run.
    #[command(flatten)]
    pub places: Places,
}

/// A format of the output of `why`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WhyFormat {
    /// A paragraph, the evidence and a timeline.
    #[default]
    Text,
    /// The item of the list, or the run, and the document, as one JSON object.
    Json,
}
