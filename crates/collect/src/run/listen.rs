//! Binds ports: those that are taken are tried again.

use crate::health::{Health, Part};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Binds as many of some addresses as can be bound, at least one. A machine may lack one of the families.
pub(super) async fn bind_all(addresses: &[SocketAddr], health: &Health) -> Vec<TcpListener> {
    loop {
        let (mut listeners, mut trouble) = (Vec::new(), None);
        for address in addresses {
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push(listener),
                Err(error) => trouble = Some(format!("{address} cannot be bound: {error}")),
            }
        }
        if !listeners.is_empty() {
            health.set(Part::Events, None);
            return listeners;
        }
        health.set(Part::Events, trouble);
        sleep(PAUSE).await;
    }
}

/// Binds the first of some addresses that can be bound.
pub(super) async fn bind_first(addresses: &[SocketAddr], health: &Health) -> TcpListener {
    loop {
        match crate::control::bind(addresses).await {
            Ok(listener) => {
                health.set(Part::Control, None);
                return listener;
            }
            Err(error) => health.set(Part::Control, Some(format!("no port can be bound: {error}"))),
        }
        sleep(PAUSE).await;
    }
}
