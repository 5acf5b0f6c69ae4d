//! Tests of bounds: many clients, and many tokens that are nobody's.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_thousand_clients_with_one_token_make_one_review() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    reviewer.allow("ann", SESSIONS, "a");
    reviewer.set_delay(Duration::from_millis(50));
    let clients = (0..1_000).map(|at| {
        let access = &access;
        async move {
            let ann = access.person(&bearer_from("good", peer(at))).await?;
            Ok::<_, Refused>(access.may(&ann, Right::Sessions, "a").await)
        }
    });
    assert!(join_all(clients).await.into_iter().all(|result| result == Ok(Ok(true))));
    assert_eq!((reviewer.token_reviews(), reviewer.access_reviews().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_cancels_nothing() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    reviewer.set_delay(seconds(1));
    assert!(tokio::time::timeout(Duration::from_millis(10), access.person(&bearer("good"))).await.is_err());
    sleep(seconds(2)).await;
    assert!(access.person(&bearer("good")).await.is_ok());
    assert_eq!(reviewer.token_reviews(), 1);
}

/// A flood of tokens, from ever more addresses, so that the bound of each address does not help.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_tokens_harm_nobody_who_is_known() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    reviewer.allow("ann", SESSIONS, "a");
    reviewer.set_delay(Duration::from_millis(20));
    assert!(access.person(&bearer("good")).await.is_ok());
    let access = Arc::new(access);
    let start = tokio::time::Instant::now();
    let flood = {
        let access = Arc::clone(&access);
        tokio::spawn(async move {
            let mut outcomes = BTreeMap::new();
            for wave in 0..100_u32 {
                let tries = (0..1_000_u32).map(|at| {
                    let (access, host) = (&access, wave * 1_000 + at);
                    async move { access.person(&bearer_from(&format!("garbage-{host}"), peer(100 + host))).await }
                });
                for result in join_all(tries).await {
                    *outcomes.entry(result.unwrap_err()).or_insert(0_u32) += 1;
                }
            }
            outcomes
        })
    };
    // The identity is reviewed again several times meanwhile.
    while !flood.is_finished() {
        let asked = tokio::time::Instant::now();
        let ann = access.person(&bearer("good")).await.unwrap();
        assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
        assert!(asked.elapsed() < seconds(3), "waited {:?}", asked.elapsed());
        sleep(Duration::from_millis(500)).await;
    }
    let outcomes = flood.await.unwrap();
    let elapsed = start.elapsed();
    assert_eq!(outcomes.values().sum::<u32>(), 100_000);
    let most = 200.0 + 50.0 * elapsed.as_secs_f64();
    let made = reviewer.token_reviews() + reviewer.access_reviews().len();
    assert!(made as f64 <= most + 1.0, "{made} reviews in {elapsed:?}");
    assert!(reviewer.most_in_flight() <= 16, "{} at once", reviewer.most_in_flight());
    assert!(access.person(&bearer("good")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_address_cannot_have_many_tokens_tried() {
    let (access, reviewer) = access();
    reviewer.add_token("known", "ann", &[]);
    reviewer.add_token("new", "bob", &[]);
    assert!(access.person(&bearer("known")).await.is_ok());
    let mut refused = Vec::new();
    for at in 0..50 {
        refused.push(access.person(&bearer(&format!("garbage-{at}"))).await.unwrap_err());
    }
    assert_eq!(refused.iter().filter(|reason| **reason == Refused::Invalid).count(), 20);
    assert!(refused[20..].iter().all(|reason| *reason == Refused::TooMany));
    assert_eq!(reviewer.token_reviews(), 21);
    assert!(access.person(&bearer("known")).await.is_ok(), "who is known is not harmed");
    assert_eq!(access.person(&bearer("garbage-0")).await, Err(Refused::Invalid), "what is known is no attempt");
    assert_eq!(access.person(&bearer("new")).await, Err(Refused::TooMany));
    assert!(access.person(&bearer_from("new", peer(2))).await.is_ok(), "other addresses are not harmed");
    advance(seconds(61)).await;
    assert!(access.person(&bearer("known")).await.is_ok());
}

/// Many at once, and clients that leave before the answer, get no more reviews than others.
#[tokio::test(start_paused = true)]
async fn no_haste_gives_an_address_more_attempts() {
    let (access, reviewer) = access();
    reviewer.set_delay(Duration::from_millis(100));
    let start = tokio::time::Instant::now();
    for wave in 0..20 {
        let tries = (0..200).map(|at| {
            let access = &access;
            async move {
                let person = bearer(&format!("garbage-{wave}-{at}"));
                let asked = access.person(&person);
                if at % 2 == 0 {
                    asked.await
                } else {
                    timeout(Duration::from_millis(1), asked).await.unwrap_or(Err(Refused::Undecided))
                }
            }
        });
        assert!(join_all(tries).await.iter().all(Result::is_err));
        sleep(seconds(1)).await;
    }
    let most = 20.0 + 12.0 + 5.0 * start.elapsed().as_secs_f64();
    let made = reviewer.token_reviews();
    assert!(made as f64 <= most && made > 20, "{made} reviews in {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn caches_are_bounded_and_garbage_evicts_nobody() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    assert!(access.person(&bearer("good")).await.is_ok());
    for at in 0..25_000_u32 {
        let found = access.person(&bearer_from(&format!("garbage-{at}"), peer(at))).await;
        assert!(found.is_err());
    }
    assert_eq!(access.identities.len(), (1, 20_000));
    let ann = person("ann", &[]);
    for at in 0..1_000 {
        let _ = access.may(&ann, Right::Sessions, &format!("n{at}")).await;
    }
    assert_eq!(access.decisions.len(), 1_001);
}

/// One person who asks for ever more namespaces, with ever other tokens, delays and refuses nobody else.
#[tokio::test(start_paused = true)]
async fn a_person_who_invents_namespaces_takes_no_turns_from_others() {
    let (access, reviewer) = access();
    let access = Arc::new(access);
    reviewer.set_delay(Duration::from_millis(200));
    let start = tokio::time::Instant::now();
    let flood = {
        let access = Arc::clone(&access);
        tokio::spawn(async move {
            let mut undecided = 0_usize;
            for wave in 0..60_u32 {
                let extra = BTreeMap::from([("credential-id".to_owned(), vec![wave.to_string()])]);
                let identity = Arc::new(Identity::new("eve", "7", vec!["x".to_owned()], extra));
                let eve = Person { identity, way: Way::Bearer, expires: None };
                let tries = (0..500_u32).map(|at| {
                    let (access, eve) = (&access, &eve);
                    async move { access.may(eve, Right::Sessions, &format!("invented-{wave}-{at}")).await }
                });
                undecided += join_all(tries).await.into_iter().filter(Result::is_err).count();
            }
            undecided
        })
    };
    let mut asked = 0;
    while !flood.is_finished() {
        let begun = tokio::time::Instant::now();
        let bob = person(&format!("bob-{}", asked % 3), &[]);
        assert_eq!(access.may(&bob, Right::Sessions, &format!("n{asked}")).await, Ok(false));
        assert!(begun.elapsed() < seconds(1), "waited {:?}", begun.elapsed());
        asked += 1;
        sleep(Duration::from_millis(300)).await;
    }
    let by_eve = reviewer.access_reviews().iter().filter(|(user, _, _)| user == "eve").count();
    let most = 200.0 + 20.0 * start.elapsed().as_secs_f64();
    assert!(asked > 100, "{asked} decisions for others meanwhile");
    assert!(by_eve as f64 <= most + 1.0, "{by_eve} reviews in {:?}", start.elapsed());
    assert!(flood.await.unwrap() > 10_000, "the rest is refused");
}
