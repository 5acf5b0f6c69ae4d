//! Arguments of `open`.

use super::RunningServer;
use clap::Args as ClapArgs;

/// Arguments of `open`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Open {
    /// NAMESPACE/CLUSTER/SESSION; or the newest session of rayjob/NAMESPACE/NAME, rayservice/…, raycluster/… or
    /// submission/NAMESPACE/ID.
    pub session: String,
    /// The server.
    #[command(flatten)]
    pub server: RunningServer,
}
