//! Tests of proxies: only what is proven counts, and no header makes a name of the system.

use super::*;
use crate::settings::Secret;
use std::net::IpAddr;

fn proxy(ranges: &[&str], secret: Option<&str>) -> Proxy {
    Proxy {
        username_header: "x-auth-request-email".to_owned(),
        groups_header: "x-auth-request-groups".to_owned(),
        username_prefix: "oidc:".to_owned(),
        groups_prefix: "oidc-group:".to_owned(),
        source_ranges: ranges.iter().map(|range| range.parse().unwrap()).collect(),
        secret: secret.and_then(Secret::new),
    }
}

fn headers(users: &[&str], groups: &[&str], proofs: &[&str]) -> ProxyHeaders {
    let values = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    ProxyHeaders { users: values(users), groups: values(groups), proofs: values(proofs), misspelled: false }
}

fn credentials(peer: &str, headers: ProxyHeaders) -> Credentials {
    Credentials { proxy: Some(headers), ..Credentials::none(peer.parse::<IpAddr>().unwrap()) }
}

#[test]
fn a_proven_proxy_names_a_user_with_groups() {
    let headers = headers(&["ann@example.com"], &["b, a,,", "c"], &["secret"]);
    let identity = proxy(&["10.0.0.0/8"], Some("secret")).identity(&credentials("10.1.2.3", headers)).unwrap();
    assert_eq!(identity.user(), "oidc:ann@example.com");
    assert_eq!(identity.groups(), ["oidc-group:a", "oidc-group:b", "oidc-group:c", "system:authenticated"]);
    assert_eq!(identity.uid(), "");
}

#[test]
fn every_proof_that_is_set_must_hold() {
    let ranges: &[&str] = &["10.0.0.0/8", "fd00::/8"];
    let cases = [
        (ranges, Some("s"), "10.1.1.1", vec!["s"], true),
        (ranges, Some("s"), "::ffff:10.1.1.1", vec!["s"], true),
        (ranges, Some("s"), "fd00::1", vec!["s"], true),
        (ranges, Some("s"), "11.1.1.1", vec!["s"], false),
        (ranges, Some("s"), "10.1.1.1", vec!["t"], false),
        (ranges, Some("s"), "10.1.1.1", vec!["s", "s"], false),
        (ranges, Some("s"), "10.1.1.1", vec![], false),
        (ranges, Some("s"), "10.1.1.1", vec![""], false),
        (ranges, None, "10.1.1.1", vec![], true),
        (ranges, None, "11.1.1.1", vec!["s"], false),
        (&[], Some("s"), "11.1.1.1", vec!["s"], true),
        (&[], Some("s"), "11.1.1.1", vec!["s "], false),
        (&[], None, "10.1.1.1", vec![], false),
    ];
    for (ranges, secret, peer, proofs, proven) in cases {
        let credentials = credentials(peer, headers(&["ann"], &[], &proofs));
        let found = proxy(ranges, secret).identity(&credentials);
        assert_eq!(found.is_ok(), proven, "{ranges:?} {secret:?} {peer} {proofs:?}");
        if !proven {
            assert_eq!(found, Err(Nobody::Absent));
        }
    }
}

#[test]
fn only_one_plain_name_is_taken() {
    let of = |users: &[&str], groups: &[&str]| {
        proxy(&[], Some("s")).identity(&credentials("10.1.1.1", headers(users, groups, &["s"]))).map(|_| ())
    };
    assert_eq!(of(&["ann"], &[]), Ok(()));
    assert_eq!(of(&[], &["a"]), Err(Nobody::Absent));
    assert_eq!(of(&[""], &["a"]), Err(Nobody::Absent));
    assert_eq!(of(&[" "], &[]), Err(Nobody::Absent));
    assert_eq!(of(&["ann", "ann"], &[]), Err(Nobody::Malformed));
    assert_eq!(of(&["ann\u{7}"], &[]), Err(Nobody::Malformed));
    for name in ["system:admin", "system:serviceaccount:a:b", " system:x"] {
        assert_eq!(of(&[name], &[]), Err(Nobody::Refused), "{name}");
        assert_eq!(of(&["ann"], &[name]), Err(Nobody::Refused), "{name}");
    }
    assert_eq!(of(&["ann"], &["a,system:masters"]), Err(Nobody::Refused));
    let bytes = ProxyHeaders { users: vec![vec![0xff]], ..headers(&[], &[], &["s"]) };
    assert_eq!(proxy(&[], Some("s")).identity(&credentials("10.1.1.1", bytes)), Err(Nobody::Malformed));
}

#[test]
fn a_prefix_makes_no_name_of_the_system() {
    let mut proxy = proxy(&[], Some("s"));
    proxy.groups_prefix = "sys".to_owned();
    let credentials = credentials("10.1.1.1", headers(&["ann"], &["tem:masters"], &["s"]));
    assert_eq!(proxy.identity(&credentials), Err(Nobody::Refused));
}

#[test]
fn a_misspelled_header_is_malformed_even_without_proof() {
    let misspelled = ProxyHeaders { misspelled: true, ..headers(&["ann"], &[], &["s"]) };
    let credentials = credentials("10.1.1.1", misspelled);
    assert_eq!(proxy(&[], Some("s")).identity(&credentials), Err(Nobody::Malformed));
    assert_eq!(proxy(&["11.0.0.0/8"], None).identity(&credentials), Err(Nobody::Malformed));
}
