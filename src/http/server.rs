//! Builds and runs the server: its limits, its middleware, and its shutdown.

use super::middleware::connection::Connections;
use super::middleware::limit::Limits;
use super::middleware::{encoding, observe};
use super::routes;
use super::state::State;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use ray_history_settings::server::Server;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Serves until the token is cancelled. Then accepts no more connections, finishes running requests within
/// `shutdown_timeout`, and drops the rest.
pub async fn serve(
    state: State,
    listener: TcpListener,
    bounds: &Server,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let metrics = Arc::clone(&state.metrics.http);
    let limits = Arc::new(Limits::new(bounds.max_requests.get(), Arc::clone(&metrics), routes::is_probe));
    let connections = Connections::new(metrics, bounds.send_timeout, bounds.max_connections.get());
    let state = web::Data::new(state);
    let accepted = Arc::clone(&connections);
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&state))
            .app_data(Arc::clone(&limits))
            .wrap(from_fn(encoding::encode))
            .wrap(from_fn(observe::observe))
            .default_service(web::to(routes::answer))
    })
    .on_connect(move |stream, data| accepted.accepted(stream, data))
    .workers(workers)
    .max_connections(bounds.max_connections.get().div_ceil(workers))
    .client_request_timeout(bounds.head_timeout)
    .client_disconnect_timeout(Duration::from_secs(5))
    // A request is cancelled when its client disconnects.
    .h1_allow_half_closed(false)
    .keep_alive(bounds.keep_alive)
    .shutdown_timeout(bounds.shutdown_timeout.as_secs())
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    let stop = tokio::spawn({
        let shutdown = shutdown.clone();
        async move {
            shutdown.cancelled().await;
            handle.stop(true).await;
        }
    });
    let reaper = tokio::spawn(reap(connections, bounds.keep_alive + bounds.head_timeout));
    // The workers check the time once a second; this bound holds even if they do not stop.
    let bound = async {
        shutdown.cancelled().await;
        tokio::time::sleep(bounds.shutdown_timeout + Duration::from_secs(2)).await;
    };
    let ended = tokio::select! {
        ended = server => ended,
        () = bound => Ok(()),
    };
    reaper.abort();
    stop.abort();
    ended
}

/// Closes idle connections periodically.
async fn reap(connections: Arc<Connections>, bound: Duration) {
    let mut ticks = tokio::time::interval((bound / 8).max(Duration::from_millis(100)));
    loop {
        ticks.tick().await;
        connections.reap(bound);
    }
}
