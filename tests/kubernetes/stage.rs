//! The control planes that all scenarios use: one that is shared and never stopped, two that are had by one at a time.
//!
//! Each costs half a gigabyte and some seconds of both cores, so there are no more, and they start when one is wanted.

use crate::control_plane::ControlPlane;
use crate::world::Plane;
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};

/// What is behind all scenarios; the processes end with it.
#[derive(Default)]
pub(crate) struct Planes {
    shared: OnceCell<Arc<ControlPlane>>,
    own: Arc<Mutex<Option<ControlPlane>>>,
    other: Arc<Mutex<Option<ControlPlane>>>,
}

/// What a scenario is given.
#[derive(Clone)]
pub(crate) struct Stage(pub(crate) Arc<Planes>);

impl Stage {
    /// The control plane that scenarios share, each in namespaces of its own.
    pub(crate) async fn shared(&self) -> Plane {
        let start = || async { Arc::new(ControlPlane::start(&[]).await) };
        Plane::Shared(Arc::clone(self.0.shared.get_or_init(start).await))
    }

    /// A control plane that nobody else uses meanwhile: it may be stopped. It must be left running.
    pub(crate) async fn own(&self) -> Plane {
        Self::taken(&self.0.own, &[]).await
    }

    /// One more, without a cache of its own: what etcd has forgotten is gone for its watches too.
    pub(crate) async fn other(&self) -> Plane {
        Self::taken(&self.0.other, &["--watch-cache=false"]).await
    }

    /// A new one that knows neither `RayHistory` nor KubeRay's kinds. It ends with the scenario.
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
