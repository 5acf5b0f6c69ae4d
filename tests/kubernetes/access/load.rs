//! Many clients, and many tokens that are nobody's.

use super::{SESSIONS, TOKEN_REVIEWS, ask, guarded, history, nodes, reviews, start, with};
use crate::manifests::Form;
use crate::people::{Binding, Person, settles};
use crate::stage::Stage;
use futures_util::future::join_all;
use serde_json::json;
use std::time::{Duration, Instant};

pub(crate) async fn a_thousand_clients_are_one_review_and_garbage_harms_nobody(stage: Stage) {
    let mut world = guarded(stage.shared().await, Form::ClusterWide).await;
    let own = world.namespace.clone();
    let ann = Person::new();
    Binding::of(&ann.user, Some(&own), &ann.subject(), &[SESSIONS]).grant(&world.plane).await;
    settles(&world.plane, &ann, SESSIONS, &own, true).await;
    let document = history(&world, &[&own], &with(&json!({})));
    start(&mut world, document).await;
    world.has("AccessReviewed", "True", "Reviewing").await;
    let (before, path) = (reviews(&world, TOKEN_REVIEWS), nodes(&own));
    for _ in 0..4 {
        let clients = (0..250).map(|_| ask(&world, &ann.token, &path));
        assert!(join_all(clients).await.iter().all(|reply| reply.status == 200));
    }
    assert_eq!(reviews(&world, TOKEN_REVIEWS) - before, 1, "a thousand clients with one token");
    // The memory of what every client costs is there by now.
    let memory = async || world.server().metric("process_resident_memory_bytes", "").await;
    let (begun, memory_before) = (Instant::now(), memory().await);
    let (mut statuses, mut longest) = ([0_usize; 3], Duration::ZERO);
    for wave in 0..50 {
        let tokens: Vec<String> = (0..100).map(|at| format!("garbage-{wave}-{at}")).collect();
        let garbage = tokens.iter().map(|token| ask(&world, token, &path));
        let good = async {
            let asked = Instant::now();
            assert_eq!(ask(&world, &ann.token, &path).await.status, 200);
            asked.elapsed()
        };
        let (garbage, took) = futures_util::future::join(join_all(garbage), good).await;
        longest = longest.max(took);
        for reply in garbage {
            let at = [401, 429, 503].iter().position(|status| *status == reply.status);
            statuses[at.unwrap_or_else(|| panic!("{reply:?}"))] += 1;
        }
    }
    let made = reviews(&world, TOKEN_REVIEWS) - before;
    println!("{statuses:?} of 401, 429 and 503, {made} reviews in {:?}, longest {longest:?}", begun.elapsed());
    // Twenty failures at once and five a second, and what was in flight when the bound was reached.
    assert!(made as f64 <= 1.0 + 20.0 + 16.0 + 5.0 * begun.elapsed().as_secs_f64(), "{made} reviews");
    assert!(statuses[1] > 4_500, "most are refused without a review: {statuses:?}");
    assert!(longest < Duration::from_secs(3), "{longest:?}");
    let grown = memory().await - memory_before;
    assert!(grown < f64::from(64 << 20), "{grown} bytes more");
}
