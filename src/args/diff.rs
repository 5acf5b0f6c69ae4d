//! Arguments of `diff`.

use super::Places;
use clap::Args as ClapArgs;

/// Arguments of `diff`.
#[derive(Clone, Debug, ClapArgs)]
#[command(override_usage = "ray-history diff [--json|--md] \
        <--server <URL>|--local-dir <DIR>|--config <FILE>|--storage-backend <BACKEND>> <A> <B>")]
pub struct Diff {
    /// The session before: NAMESPACE/CLUSTER/SESSION; or NAMESPACE/NAME/latest, the newest session of a RayJob, RayService
    /// or RayCluster, and NAMESPACE/NAME/latest~1, the one before it. Without NAMESPACE, the only one with that name.
    pub a: String,
    /// The session after, named alike.
    pub b: String,
    /// Print the answer of the server's API, as JSON.
    #[arg(long, conflicts_with = "md")]
    pub json: bool,
    /// Print Markdown, for a ticket or a pull request.
    #[arg(long)]
    pub md: bool,
    /// The place with the sessions.
    #[command(flatten)]
    pub places: Places,
}
