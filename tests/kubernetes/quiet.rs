//! The requests of an idle server to the API server.

use crate::audit::Request;
use crate::bucket::Owner;
use crate::stage::Stage;
use crate::world::{LATE, LATER, World};
use std::time::Duration;
use tokio::time::Instant;

const IDLE: Duration = Duration::from_secs(300);

/// Longer than two pauses between writes: a replica writes its own entry, and then the sum of all entries.
const SETTLED: Duration = Duration::from_secs(25);

pub(crate) async fn in_five_idle_minutes_only_watches_and_the_lease_are_asked_for(stage: Stage) {
    let world = World::new(stage.shared().await, &["c"], &[("c", LATER)]).await;
    world.create_owned("RayService", "chat", "chat-a").await;
    world.bucket.store(&world.namespace, Owner::RayService("chat"), "chat-a", LATER);
    let live = || async { world.status().await["sessions"]["live"] == 2 };
    world.server().eventually("the status is complete", LATE, live).await;
    world.has("Ready", "True", "Serving").await;
    settled(&world).await;
    let before = world.plane.requests_from(&world.namespace).len();
    tokio::time::sleep(IDLE).await;
    let requests = world.plane.requests_from(&world.namespace).split_off(before);
    let (watches, others): (Vec<_>, Vec<_>) = requests.into_iter().partition(|request| request.verb == "watch");
    assert!(
        others.iter().all(renews_lease),
        "{:?}",
        others.iter().filter(|request| !renews_lease(request)).collect::<Vec<_>>()
    );
    assert!(others.len() <= 31, "a renewal in ten seconds, not {}", others.len());
    // Its four watches, each begun anew before the API server ends it.
    assert!(watches.len() <= 8, "{watches:?}");
    println!(
        "five idle minutes: {} renewals of the Lease, {} watches begun anew, nothing else",
        others.len(),
        watches.len()
    );
}

fn renews_lease(request: &Request) -> bool {
    request.is("patch", "coordination.k8s.io/leases")
}

/// Waits until the status has not been written for [`SETTLED`].
async fn settled(world: &World) {
    let written = || {
        let requests = world.plane.requests_from(&world.namespace);
        requests.iter().filter(|request| request.verb == "patch" && !renews_lease(request)).count()
    };
    let (mut count, mut since) = (written(), Instant::now());
    let deadline = Instant::now() + SETTLED * 4;
    while since.elapsed() < SETTLED {
        assert!(Instant::now() < deadline, "the status is written again and again");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = written();
        if now != count {
            (count, since) = (now, Instant::now());
        }
    }
}
