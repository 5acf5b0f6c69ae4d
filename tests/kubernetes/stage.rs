//! The control planes of all scenarios: one is shared and never stopped, two are lent to one scenario at a time.
//!
//! Each costs half a gigabyte and some seconds of both cores, so there are no more, and each starts at its first use.

use crate::control_plane::ControlPlane;
use crate::world::Plane;
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};

/// The control planes that have started; their processes end with the value.
#[derive(Default)]
pub(crate) struct Planes {
    shared: OnceCell<Arc<ControlPlane>>,
    own: Arc<Mutex<Option<ControlPlane>>>,
    other: Arc<Mutex<Option<ControlPlane>>>,
}

/// The argument of a scenario: access to the control planes.
#[derive(Clone)]
pub(crate) struct Stage(pub(crate) Arc<Planes>);

impl Stage {
    /// Returns the control plane that scenarios share, each in namespaces of its own.
    pub(crate) async fn shared(&self) -> Plane {
        let start = || async { Arc::new(ControlPlane::start(&[]).await) };
        Plane::Shared(Arc::clone(self.0.shared.get_or_init(start).await))
    }

    /// Borrows a control plane for one scenario, which may stop it and must leave it running.
    pub(crate) async fn own(&self) -> Plane {
        Self::taken(&self.0.own, &[]).await
    }

    /// Borrows one more, without a watch cache: versions that etcd has compacted are gone for its watches, too.
    pub(crate) async fn other(&self) -> Plane {
        Self::taken(&self.0.other, &["--watch-cache=false"]).await
    }

    /// Starts one that knows neither `RayHistory` nor KubeRay's kinds. It ends with the scenario.
    pub(crate) async fn bare() -> Plane {
        let plane = Arc::new(Mutex::new(Some(ControlPlane::bare(&[]).await)));
        Plane::Own(plane.lock_owned().await)
    }

    async fn taken(plane: &Arc<Mutex<Option<ControlPlane>>>, flags: &[&'static str]) -> Plane {
        let mut plane = Arc::clone(plane).lock_owned().await;
        if plane.is_none() {
            *plane = Some(ControlPlane::start(flags).await);
        }
        Plane::Own(plane)
    }
}
