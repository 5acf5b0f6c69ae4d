//! Tests of ways in.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::UNIX_EPOCH;

fn proxy() -> Proxy {
    Proxy {
        username_header: "x-user".to_owned(),
        groups_header: "x-groups".to_owned(),
        username_prefix: String::new(),
        groups_prefix: String::new(),
        source_ranges: vec!["10.0.0.9/32".parse().unwrap()],
        secret: Secret::new("planted-proof"),
    }
}

fn proven(user: &str) -> Credentials {
    let proxy = crate::ProxyHeaders {
        users: vec![user.as_bytes().to_vec()],
        proofs: vec![b"planted-proof".to_vec()],
        ..crate::ProxyHeaders::default()
    };
    Credentials { proxy: Some(proxy), ..Credentials::none(peer(9)) }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_reviewed_once_in_a_minute() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    for _ in 0..59 {
        let ann = access.person(&bearer("good")).await.unwrap();
        assert_eq!((ann.identity.user(), ann.way), ("ann", Way::Bearer));
        advance(seconds(1)).await;
    }
    assert_eq!(reviewer.token_reviews(), 1);
    reviewer.remove_token("good");
    advance(seconds(1)).await;
    assert_eq!(access.person(&bearer("good")).await, Err(Refused::Invalid), "revoked");
    assert_eq!(reviewer.token_reviews(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_asked_for_again_for_ten_seconds() {
    let (access, reviewer) = access();
    for _ in 0..100 {
        assert_eq!(access.person(&bearer("bad")).await, Err(Refused::Invalid));
    }
    assert_eq!(reviewer.token_reviews(), 1);
    reviewer.add_token("bad", "ann", &[]);
    advance(seconds(9)).await;
    assert_eq!(access.person(&bearer("bad")).await, Err(Refused::Invalid));
    advance(seconds(1)).await;
    assert!(access.person(&bearer("bad")).await.is_ok());
    assert_eq!(reviewer.token_reviews(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_identity_lives_no_longer_than_its_token() {
    let (access, reviewer) = access();
    let end = access.clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 20;
    let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{end}}}"#)));
    reviewer.add_token(&token, "ann", &[]);
    let ann = access.person(&bearer(&token)).await.unwrap();
    assert_eq!(ann.expires, Some(UNIX_EPOCH + seconds(end)));
    let (_, sealed) = access.login(&bearer(&token)).await.unwrap();
    assert_eq!(sealed.expires, UNIX_EPOCH + seconds(end));
    reviewer.fail(Some(unreachable()));
    advance(seconds(18)).await;
    assert!(access.person(&bearer(&token)).await.is_ok());
    assert!(access.person(&cookie(&sealed.value)).await.is_ok());
    advance(seconds(3)).await;
    assert_eq!(access.person(&bearer(&token)).await, Err(Refused::Undecided), "not believed beyond its end");
    assert_eq!(access.person(&cookie(&sealed.value)).await, Err(Refused::Invalid));
}

#[tokio::test(start_paused = true)]
async fn a_token_needs_one_of_the_audiences() {
    let audiences = vec!["history.ray.io".to_owned(), "other".to_owned()];
    let (access, reviewer) = with(AccessSettings { audiences, ..AccessSettings::default() });
    reviewer.add_token("ours", "ann", &["history.ray.io", "x"]);
    reviewer.add_token("foreign", "ann", &["x"]);
    reviewer.add_token("bare", "ann", &[]);
    assert!(access.person(&bearer("ours")).await.is_ok());
    assert_eq!(access.person(&bearer("foreign")).await, Err(Refused::Invalid));
    assert_eq!(access.person(&bearer("bare")).await, Err(Refused::Invalid));
}

#[tokio::test(start_paused = true)]
async fn the_second_token_and_the_cookie_count_if_the_first_fails() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    let both = Credentials { tokens: ["local", "good"].map(|text| Token::new(text).unwrap()).into(), ..bearer("x") };
    assert_eq!(access.person(&both).await.unwrap().way, Way::Bearer);
    let (ann, sealed) = access.login(&bearer("good")).await.unwrap();
    assert_eq!((ann.identity.user(), ann.way), ("ann", Way::Cookie));
    let beside = Credentials { cookie: Some(sealed.value.clone()), malformed: true, ..bearer("local") };
    let ann = access.person(&beside).await.unwrap();
    assert_eq!((ann.way, ann.expires), (Way::Cookie, Some(sealed.expires)));
    assert_eq!(reviewer.token_reviews(), 2, "the same token in a cookie is no other");
    assert_eq!(
        access.login(&Credentials { cookie: Some(sealed.value), ..bearer("local") }).await.map(|_| ()),
        Err(Refused::Invalid.into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_ends_its_cookie() {
    let (access, reviewer) = access();
    reviewer.add_token("good", "ann", &[]);
    let (_, sealed) = access.login(&bearer("good")).await.unwrap();
    reviewer.remove_token("good");
    advance(seconds(59)).await;
    assert!(access.person(&cookie(&sealed.value)).await.is_ok());
    advance(seconds(1)).await;
    assert_eq!(access.person(&cookie(&sealed.value)).await, Err(Refused::Invalid));
}

#[tokio::test(start_paused = true)]
async fn nothing_and_what_can_be_no_credential_is_refused_without_a_review() {
    let (access, reviewer) = access();
    assert_eq!(access.person(&Credentials::none(peer(1))).await, Err(Refused::Anonymous));
    assert_eq!(access.login(&Credentials::none(peer(1))).await.map(|_| ()), Err(Refused::Anonymous.into()));
    for value in ["", "A", "AQID", "\u{fffd}", &"A".repeat(4_000)] {
        assert_eq!(access.person(&cookie(value)).await, Err(Refused::Invalid));
    }
    let malformed = Credentials { malformed: true, ..Credentials::none(peer(1)) };
    for at in 0..30 {
        let expected = if at < 20 { Refused::Invalid } else { Refused::TooMany };
        assert_eq!(access.person(&malformed).await, Err(expected), "{at}");
    }
    assert_eq!(access.login(&malformed).await.map(|_| ()), Err(Refused::TooMany.into()));
    assert_eq!(reviewer.token_reviews(), 0);
}

#[tokio::test(start_paused = true)]
async fn ways_that_are_off_do_not_count() {
    let (mut access, reviewer) = with(AccessSettings { bearer: false, ..AccessSettings::default() });
    reviewer.add_token("good", "ann", &[]);
    assert_eq!(access.person(&bearer("good")).await, Err(Refused::Anonymous));
    let (_, sealed) = access.login(&bearer("good")).await.unwrap();
    assert_eq!(access.person(&cookie(&sealed.value)).await.unwrap().way, Way::Cookie);
    assert_eq!(access.person(&proven("eve")).await, Err(Refused::Anonymous), "no proxy is configured");
    access.settings.login = None;
    assert_eq!(access.person(&cookie(&sealed.value)).await, Err(Refused::Anonymous));
    assert_eq!(access.login(&bearer("good")).await.map(|_| ()), Err(LoginRefused::Off));
    assert_eq!(access.seal(&Token::new("good").unwrap(), None), Err(LoginRefused::Off));
}

#[tokio::test(start_paused = true)]
async fn a_proven_proxy_comes_first_and_an_unproven_one_is_nothing() {
    let (access, reviewer) = with(AccessSettings { proxy: Some(proxy()), ..AccessSettings::default() });
    reviewer.add_token("good", "ann", &[]);
    let both = Credentials { tokens: bearer("good").tokens, ..proven("bob") };
    let bob = access.person(&both).await.unwrap();
    assert_eq!((bob.identity.user(), bob.way), ("bob", Way::Proxy));
    assert_eq!(reviewer.token_reviews(), 0);
    let elsewhere = Credentials { peer: peer(1), ..both.clone() };
    assert_eq!(access.person(&elsewhere).await.unwrap().identity.user(), "ann");
    let alone = Credentials { peer: peer(1), ..proven("bob") };
    assert_eq!(access.person(&alone).await, Err(Refused::Anonymous));
    assert_eq!(access.person(&proven("system:admin")).await, Err(Refused::Invalid));
    assert_eq!(access.person(&Credentials { tokens: both.tokens, ..proven("") }).await.unwrap().identity.user(), "ann");
    let mut misspelled = alone;
    misspelled.proxy = Some(crate::ProxyHeaders { misspelled: true, ..crate::ProxyHeaders::default() });
    assert_eq!(access.person(&misspelled).await, Err(Refused::Malformed));
}

#[tokio::test(start_paused = true)]
async fn a_forwarded_address_counts_from_the_proxy_only() {
    let (access, _) = with(AccessSettings { proxy: Some(proxy()), ..AccessSettings::default() });
    for at in 0..40 {
        let credentials = Credentials { forwarded: Some(peer(100)), ..bearer_from(&format!("a{at}"), peer(9)) };
        let _ = access.person(&credentials).await;
    }
    let through = |client: u32| Credentials { forwarded: Some(peer(client)), ..bearer_from("b", peer(9)) };
    assert_eq!(access.person(&through(100)).await, Err(Refused::TooMany));
    assert_eq!(access.person(&through(101)).await, Err(Refused::Invalid));
    for at in 0..40 {
        let forged = Credentials { forwarded: Some(peer(200 + at)), ..bearer_from(&format!("c{at}"), peer(2)) };
        let _ = access.person(&forged).await;
    }
    let forged = Credentials { forwarded: Some(peer(999)), ..bearer_from("d", peer(2)) };
    assert_eq!(access.person(&forged).await, Err(Refused::TooMany));
}

#[tokio::test(start_paused = true)]
async fn a_token_too_long_for_a_cookie_still_works_in_a_header() {
    let (access, reviewer) = access();
    let long = "x".repeat(3_000);
    reviewer.add_token(&long, "ann", &[]);
    assert_eq!(access.login(&bearer(&long)).await.map(|_| ()), Err(LoginRefused::TooLarge));
    assert!(access.person(&bearer(&long)).await.is_ok());
}

/// Whatever is logged of access, its state and its errors, no token, cookie, proof or key can be read from it.
#[tokio::test(start_paused = true)]
async fn nothing_that_is_shown_contains_a_secret() {
    const TOKEN: &str = "planted-token";
    let (access, reviewer) = with(AccessSettings { proxy: Some(proxy()), ..AccessSettings::default() });
    let access = Arc::new(access);
    reviewer.add_token(TOKEN, "ann", &[]);
    let (ann, sealed) = access.login(&bearer(TOKEN)).await.unwrap();
    // Tokens in all caches, one review in flight, and one that failed.
    let _ = access.person(&bearer("planted-token-of-nobody")).await;
    let _ = access.person(&cookie(&sealed.value)).await;
    reviewer.fail(Some(unreachable()));
    let refused = access.login(&bearer("planted-token-in-vain")).await.unwrap_err();
    reviewer.set_delay(seconds(1));
    let in_flight = tokio::spawn({
        let access = Arc::clone(&access);
        async move { access.person(&bearer("planted-token-in-flight")).await }
    });
    sleep(Duration::from_millis(500)).await;
    let mut with_proof = proven("bob");
    with_proof.tokens = bearer(TOKEN).tokens;
    with_proof.cookie = Some(sealed.value.clone());
    let shown = [
        format!("{access:?} {access:#?}"),
        format!("{ann:?} {sealed:?} {refused:?} {refused}"),
        format!("{with_proof:?} {with_proof:#?} {:?}", with_proof.proxy),
        format!("{:?} {:?}", with_proof.tokens, access.settings()),
        format!("{:?}", access.state().borrow()),
    ];
    let key = URL_SAFE_NO_PAD.encode([1; 32]);
    for shown in &shown {
        for secret in ["planted-", &sealed.value, "1, 1, 1", &key] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
    assert!(!in_flight.is_finished() && reviewer.token_reviews() == 4);
    // The cookie itself has the token in no readable form.
    let bytes = URL_SAFE_NO_PAD.decode(&sealed.value).unwrap();
    assert!(!bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()));
    // The check above can fail.
    assert!(with_proof.tokens[0].expose().contains("planted-token"));
}
