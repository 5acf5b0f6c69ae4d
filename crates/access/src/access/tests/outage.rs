//! Tests of outages: what was decided is honoured for a while, and nothing new is let in.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_was_decided_is_honoured_five_minutes_more() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    reviewer.allow("ann", SESSIONS, "a");
    let ann = access.person(&bearer("good")).await.unwrap();
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
    assert_eq!(access.may(&ann, Right::Sessions, "b").await, Ok(false));
    for fault in [unreachable(), ReviewError::Forbidden("no".to_owned())] {
        reviewer.fail(Some(fault));
        for _ in 0..14 {
            advance(seconds(10)).await;
            assert_eq!(access.person(&bearer("good")).await.unwrap().identity.user(), "ann");
            assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
            assert_eq!(access.may(&ann, Right::Sessions, "b").await, Ok(false));
            assert_eq!(access.visible(&ann, ["a", "b"]).await, Ok(Visible::Namespaces(["a".to_owned()].into())));
            assert_eq!(access.person(&bearer("new")).await, Err(Refused::Undecided), "nobody new");
            assert_eq!(access.login(&bearer("new")).await.map(|_| ()), Err(Refused::Undecided.into()));
            assert_eq!(access.may(&ann, Right::Logs, "a").await, Err(Undecided), "nothing new");
            assert_eq!(access.may(&ann, Right::Sessions, "c").await, Err(Undecided), "nothing new");
            assert_eq!(access.visible(&ann, ["a", "c"]).await, Err(Undecided));
        }
    }
    advance(seconds(80)).await;
    assert_eq!(access.person(&bearer("good")).await, Err(Refused::Undecided));
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Err(Undecided));
    assert_eq!(access.visible(&ann, ["a"]).await, Err(Undecided), "though the denial everywhere lives longer");
    reviewer.fail(None);
    assert!(access.person(&bearer("good")).await.is_ok());
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn a_revocation_counts_at_once_when_the_api_server_is_back() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    reviewer.allow("ann", SESSIONS, "a");
    let ann = access.person(&bearer("good")).await.unwrap();
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
    reviewer.fail(Some(unreachable()));
    advance(seconds(120)).await;
    assert!(access.person(&bearer("good")).await.is_ok());
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
    reviewer.fail(None);
    reviewer.remove_token("good");
    reviewer.deny("ann", SESSIONS, "a");
    advance(seconds(3)).await;
    assert_eq!(access.person(&bearer("good")).await, Err(Refused::Invalid));
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_hangs_delays_nobody_who_is_known() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    reviewer.allow("ann", SESSIONS, "a");
    let ann = access.person(&bearer("good")).await.unwrap();
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
    reviewer.set_delay(seconds(3_600));
    advance(seconds(61)).await;
    let start = tokio::time::Instant::now();
    assert!(access.person(&bearer("good")).await.is_ok());
    assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
    assert!(start.elapsed() <= seconds(2), "{:?}", start.elapsed());
    let start = tokio::time::Instant::now();
    assert_eq!(access.person(&bearer("new")).await, Err(Refused::Undecided));
    assert!(start.elapsed() <= seconds(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_state_says_what_is_wrong_and_that_it_is_over() {
    let (access, reviewer) = access();
    let state = || access.state().borrow().clone();
    assert_eq!(state(), State::Unknown);
    reviewer.fail(Some(ReviewError::Forbidden("tokenreviews".to_owned())));
    access.probe().await;
    assert_eq!(state(), State::Forbidden("tokenreviews".to_owned()));
    reviewer.fail(Some(unreachable()));
    let mut changes = access.state();
    assert_eq!(access.person(&bearer("x")).await, Err(Refused::Undecided));
    assert_eq!(state(), State::Forbidden("tokenreviews".to_owned()), "permissions are still forbidden");
    access.probe().await;
    changes.changed().await.unwrap();
    assert_eq!(state(), State::Unreachable("connection refused".to_owned()));
    reviewer.fail(None);
    access.probe().await;
    assert_eq!(state(), State::Reviewing);
}

/// Reviews are found to work without any request, and again after whatever made them fail.
#[tokio::test(start_paused = true)]
async fn the_state_is_found_out_without_requests() {
    let (access, reviewer) = access();
    let access = Arc::new(access);
    reviewer.fail(Some(ReviewError::Forbidden("subjectaccessreviews".to_owned())));
    let probing = tokio::spawn({
        let access = Arc::clone(&access);
        async move { access.keep_probed().await }
    });
    let mut state = access.state();
    for fault in [ReviewError::Forbidden("subjectaccessreviews".to_owned()), unreachable()] {
        let (start, before) = (tokio::time::Instant::now(), reviewer.token_reviews());
        reviewer.fail(Some(fault.clone()));
        if fault == unreachable() {
            let _ = access.person(&bearer("x")).await;
        }
        state.wait_for(|state| !state.is_good() && *state != State::Unknown).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        sleep(seconds(3_600)).await;
        let made = reviewer.token_reviews() - before;
        assert!((120..=130).contains(&made), "{made} probes in an hour");
        assert!(!state.borrow().is_good());
        reviewer.fail(None);
        let mended = tokio::time::Instant::now();
        state.wait_for(State::is_good).await.unwrap();
        assert!(mended.elapsed() <= seconds(30), "{:?}", mended.elapsed());
        let good = reviewer.token_reviews();
        sleep(seconds(3_600)).await;
        assert_eq!(reviewer.token_reviews(), good, "what works is not probed");
    }
    probing.abort();
}

/// Reviews that nobody needs are not asked for, and their failures mean nothing.
#[tokio::test(start_paused = true)]
async fn only_reviews_that_are_needed_are_probed() {
    for (bearer, check, expected) in
        [(true, Check::Sessions, (1, 1)), (true, Check::Everyone, (1, 0)), (false, Check::RayClusters, (0, 1))]
    {
        let reviewer = Arc::new(FakeReviewer::new());
        let settings = AccessSettings { bearer, check, ..AccessSettings::default() };
        let access = Access::new(settings, Arc::clone(&reviewer) as Arc<dyn Reviewer>, Arc::new(Ignore));
        assert_eq!(*access.state().borrow(), State::Unknown);
        access.probe().await;
        assert_eq!(*access.state().borrow(), State::Reviewing);
        assert_eq!((reviewer.token_reviews(), reviewer.access_reviews().len()), expected);
        assert!(
            reviewer.access_reviews().iter().all(|(_, _, namespace)| namespace.is_empty()),
            "no namespace is guessed"
        );
    }
}

/// A namespace in which nothing may be reviewed is seen by nobody, and the others as if it were not there.
#[tokio::test(start_paused = true)]
async fn a_namespace_that_cannot_be_reviewed_harms_no_other() {
    let (access, reviewer) = access();
    let ann = person("ann", &[]);
    for (namespace, is_forbidden) in [("a", false), ("b", true), ("c", true)] {
        reviewer.set_namespace(namespace, is_forbidden);
        reviewer.allow("ann", SESSIONS, namespace);
    }
    let forbidden_in = |namespaces: &[&str]| State::ForbiddenIn {
        namespaces: namespaces.iter().map(|&namespace| namespace.to_owned()).collect(),
        why: "localsubjectaccessreviews".to_owned(),
    };
    let seen = |namespaces: &[&str]| {
        Ok(Visible::Namespaces(namespaces.iter().map(|&namespace| namespace.to_owned()).collect()))
    };
    for _ in 0..5 {
        assert_eq!(access.visible(&ann, ["a", "b", "c"]).await, seen(&["a"]));
        assert_eq!(access.may(&ann, Right::Sessions, "a").await, Ok(true));
        assert_eq!(access.scope_now(&ann, Right::Sessions, "b").await.map(Scope::is_given), Ok(false));
        advance(seconds(2)).await;
    }
    // Ann's list finds it out, and nothing asks for it again soon.
    let asked = reviewer.access_reviews();
    let in_b = asked.iter().filter(|(user, _, namespace)| user == "ann" && namespace == "b").count();
    assert_eq!(in_b, 1, "what was just refused is not asked for by requests");
    access.probe().await;
    assert_eq!(*access.state().borrow(), forbidden_in(&["b", "c"]));
    // One more grant, and one namespace less.
    reviewer.set_namespace("b", false);
    reviewer.remove_namespace("c");
    access.probe().await;
    assert_eq!(*access.state().borrow(), State::Reviewing);
    advance(seconds(6)).await;
    assert_eq!(access.visible(&ann, ["a", "b"]).await, seen(&["a", "b"]));
}

/// Remembers the outcomes of reviews and decisions.
#[derive(Debug, Default)]
struct Outcomes(Mutex<Seen>);

type Seen = (Vec<(ReviewKind, ReviewOutcome)>, Vec<(DecisionOutcome, bool)>, Vec<LoginOutcome>);

impl Observer for Outcomes {
    fn reviewed(&self, kind: ReviewKind, outcome: ReviewOutcome, _: Duration) {
        self.0.lock().0.push((kind, outcome));
    }

    fn decided(&self, outcome: DecisionOutcome, cached: bool) {
        self.0.lock().1.push((outcome, cached));
    }

    fn logged_in(&self, outcome: LoginOutcome) {
        self.0.lock().2.push(outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn the_observer_is_told_of_reviews_decisions_and_logins() {
    let (reviewer, outcomes) = (Arc::new(FakeReviewer::new()), Arc::new(Outcomes::default()));
    let login = Some(Login { key: Key::new([1; 32]), previous: None, lifetime: seconds(600) });
    let settings = AccessSettings { login, cache: CacheTimes::default(), ..AccessSettings::default() };
    let access =
        Access::new(settings, Arc::clone(&reviewer) as Arc<dyn Reviewer>, Arc::clone(&outcomes) as Arc<dyn Observer>);
    reviewer.add_token("good", "ann", &[]);
    reviewer.allow("ann", SESSIONS, "a");
    let (ann, _) = access.login(&bearer("good")).await.unwrap();
    let _ = access.login(&bearer("bad")).await;
    for namespace in ["a", "a", "b"] {
        access.may(&ann, Right::Sessions, namespace).await.unwrap();
    }
    reviewer.fail(Some(unreachable()));
    let _ = access.may(&ann, Right::Logs, "a").await;
    let seen = outcomes.0.lock();
    let (yes, no, away) = (ReviewOutcome::Yes, ReviewOutcome::No, ReviewOutcome::Unreachable);
    let (token, permission) = (ReviewKind::Token, ReviewKind::Access);
    let reviews = [
        (token, yes),
        (token, no),
        (permission, no),
        (permission, yes),
        (permission, no),
        (permission, away),
        (permission, away),
    ];
    assert_eq!(seen.0, reviews);
    let (allowed, denied) = (DecisionOutcome::Allowed, DecisionOutcome::Denied);
    assert_eq!(seen.1, [(allowed, false), (allowed, true), (denied, false), (DecisionOutcome::Undecided, false)]);
    assert_eq!(seen.2, [LoginOutcome::Accepted, LoginOutcome::Refused]);
}

/// A request about one namespace asks once, although it wants to know of all of them, too.
#[tokio::test(start_paused = true)]
async fn a_scope_is_one_decision() {
    let (reviewer, outcomes) = (Arc::new(FakeReviewer::new()), Arc::new(Outcomes::default()));
    let asked = Arc::clone(&reviewer) as Arc<dyn Reviewer>;
    let access = Access::new(AccessSettings::default(), asked, Arc::clone(&outcomes) as Arc<dyn Observer>);
    reviewer.allow("ann", SESSIONS, "a");
    reviewer.allow("root", SESSIONS, "");
    for cached in [false, true] {
        for (who, namespace, scope, outcome) in [
            ("ann", "a", Scope::Namespace, DecisionOutcome::Allowed),
            ("ann", "b", Scope::Nowhere, DecisionOutcome::Denied),
            ("ann", "", Scope::Nowhere, DecisionOutcome::Denied),
            ("root", "a", Scope::Everywhere, DecisionOutcome::Allowed),
            ("root", "", Scope::Everywhere, DecisionOutcome::Allowed),
        ] {
            outcomes.0.lock().1.clear();
            assert_eq!(access.scope_now(&person(who, &[]), Right::Sessions, namespace).await, Ok(scope), "{who}");
            let is_cached = cached || (who, namespace) == ("ann", "") || (who, namespace) == ("root", "");
            assert_eq!(outcomes.0.lock().1, [(outcome, is_cached)], "{who} in {namespace:?}");
        }
    }
    assert_eq!(reviewer.access_reviews().len(), 4);
}
