//! Binds ports: those that are taken are tried again.

use crate::control::{self, Control};
use crate::health::{Health, Part};
use crate::receive::Receiver;
use crate::settings::EventsListen;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Opens the port for events.
pub(super) async fn receiver(listen: EventsListen, health: Health) -> Receiver {
    loop {
        let (bound, address) = match listen {
            EventsListen::Loopback(port) => (Receiver::bind(port).await, format!("port {port}")),
            EventsListen::Address(address) => (Receiver::bind_to(address).await, address.to_string()),
        };
        match bound {
            Ok(receiver) => {
                health.set(Part::Events, None);
                return receiver;
            }
            Err(error) => health.set(Part::Events, Some(format!("{address} cannot be bound: {error}"))),
        }
        sleep(PAUSE).await;
    }
}

/// Serves the port for Kubernetes and Prometheus, on the first of some addresses that can be bound.
pub(super) async fn control(addresses: Vec<SocketAddr>, control: Arc<Control>) {
    loop {
        match control::bind(&addresses).await {
            Ok(listener) => {
                control.health.set(Part::Control, None);
                return control::serve(listener, control).await;
            }
            Err(error) => control.health.set(Part::Control, Some(format!("no port can be bound: {error}"))),
        }
        sleep(PAUSE).await;
    }
}
