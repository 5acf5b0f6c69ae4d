//! An API server that is stopped: what it allowed holds for a while, and nobody new is let in.

use super::{LOGS, SESSIONS, ask, cookie, guarded, history, log, nodes, send, start, store_in, with};
use crate::manifests::Form;
use crate::people::{Binding, Person, settles};
use crate::stage::Stage;
use crate::world::{LATE, LATER};
use serde_json::json;
use std::time::{Duration, Instant};

pub(crate) async fn a_stopped_api_server_lets_nobody_new_in_and_is_honoured_for_a_while(stage: Stage) {
    let mut world = guarded(stage.own().await, Form::ClusterWide).await;
    // An API server that has just started refuses what it will allow.
    world.may_be_refused = true;
    let own = world.namespace.clone();
    let other = format!("{own}-other");
    world.plane.namespace(&other).await;
    store_in(&world, &other);
    let (ann, bob) = (Person::new(), Person::new());
    for (person, namespace) in [(&ann, &own), (&ann, &other), (&bob, &own)] {
        let binding = Binding::of(&person.user, Some(namespace), &person.subject(), &[SESSIONS, LOGS]);
        binding.grant(&world.plane).await;
        settles(&world.plane, person, LOGS, namespace, true).await;
    }
    let times = json!({"allowedFor": "5s", "deniedFor": "5s", "staleFor": "20s"});
    let document = history(&world, &[&own, &other], &with(&json!({"cache": times})));
    start(&mut world, document).await;
    world.has("AccessReviewed", "True", "Reviewing").await;
    let anns = cookie(&world, &ann.token).await;
    assert_eq!(ask(&world, &ann.token, &nodes(&own)).await.status, 200);
    world.plane.stop_server();
    let stopped = Instant::now();
    let by_cookie = async || send(&world, "GET", "", &nodes(&own), &[("Cookie", anns.as_str())]).await.status;
    while stopped.elapsed() < Duration::from_secs(15) {
        assert_eq!(ask(&world, &ann.token, &nodes(&own)).await.status, 200, "{:?}", stopped.elapsed());
        assert_eq!(by_cookie().await, 200);
        // Nobody new, nothing new, and no good token is called a bad one.
        for (what, token, path) in [
            ("a new person", &bob.token, nodes(&own)),
            ("another namespace", &ann.token, nodes(&other)),
            ("another right", &ann.token, log(&own)),
            ("a list with a namespace that was not asked for", &ann.token, "/api/history/v1/sessions".to_owned()),
            ("a token of nobody", &"invented".to_owned(), nodes(&own)),
        ] {
            let reply = ask(&world, token, &path).await;
            assert_eq!((reply.status, reply.header("retry-after")), (503, "5"), "{what}: {reply:?}");
        }
        let login = format!("/sessions/{own}/c/{LATER}/api/authenticate");
        assert_eq!(send(&world, "POST", &bob.token, &login, &[]).await.status, 503);
        assert_eq!(ask(&world, "", &nodes(&own)).await.status, 401);
        for probe in ["/livez", "/readyz"] {
            assert_eq!(world.server().status(probe).await, 200);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Longest: a permission of 5 s that was renewed just before, and 20 s more.
    let ended = || async { ask(&world, &ann.token, &nodes(&own)).await.status == 503 };
    world.server().eventually("no longer honoured", Duration::from_secs(15), ended).await;
    println!("honoured for {:?}", stopped.elapsed());
    assert!(stopped.elapsed() <= Duration::from_secs(28), "{:?}", stopped.elapsed());
    assert_eq!(by_cookie().await, 503);
    assert!(world.server().metric("ray_history_access_reviews_total", "Unreachable").await > 0.0);
    world.plane.start_server().await;
    let started = Instant::now();
    let back = || async {
        let people = [&ann, &bob].map(|person| person.token.clone());
        ask(&world, &people[0], &nodes(&own)).await.status == 200
            && ask(&world, &people[1], &log(&own)).await.status != 503
            && ask(&world, &people[1], &nodes(&own)).await.status == 200
    };
    world.server().eventually("everybody is let in again", LATE, back).await;
    println!("back within {:?}", started.elapsed());
    assert_eq!(ask(&world, "invented", &nodes(&own)).await.status, 401);
    world.has("AccessReviewed", "True", "Reviewing").await;
}
