//! Actor states (`src/ray/protobuf/gcs.proto`).

/// The state of an actor, in Ray's declaration order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActorState {
    /// Its arguments are not ready.
    #[default]
    DependenciesUnready,
    /// Its worker is being found or started.
    PendingCreation,
    /// It runs.
    Alive,
    /// Its worker died and a new one is being started.
    Restarting,
    /// It is gone for good.
    Dead,
}

impl ActorState {
    /// Returns Ray's name of the state.
    pub fn name(self) -> &'static str {
        match self {
            Self::DependenciesUnready => "DEPENDENCIES_UNREADY",
            Self::PendingCreation => "PENDING_CREATION",
            Self::Alive => "ALIVE",
            Self::Restarting => "RESTARTING",
            Self::Dead => "DEAD",
        }
    }

    /// Parses a state name as events contain it; `None` for an unknown one.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "DEPENDENCIES_UNREADY" => Self::DependenciesUnready,
            "PENDING_CREATION" => Self::PendingCreation,
            "ALIVE" => Self::Alive,
            "RESTARTING" => Self::Restarting,
            "DEAD" => Self::Dead,
            _ => return None,
        })
    }
}
