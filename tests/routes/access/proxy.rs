//! People whom a proxy names.

use super::{OWN, PROOF, guarded, is_json};

const USER: &str = "X-Auth-Request-Email";
const GROUPS: &str = "X-Auth-Request-Groups";
const PROVEN: (&str, &str) = ("X-Ray-History-Proxy", PROOF);

fn whoami(headers: &[(&str, &str)]) -> (u16, String) {
    let (status, _, body) = guarded().send("GET", "/api/history/v1/whoami", headers);
    (status, body)
}

#[test]
fn a_proven_proxy_names_the_person() {
    let (status, body) = whoami(&[PROVEN, (USER, "sam")]);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(r#""user":"sam","way":"proxy""#) && body.contains(OWN.namespace), "{body}");
    guarded().reviewer.allow("viewers", super::SESSIONS, super::OTHER.namespace);
    let (_, body) = whoami(&[PROVEN, (USER, "gil"), (GROUPS, "writers,viewers")]);
    assert!(body.contains(super::OTHER.namespace) && !body.contains(OWN.namespace), "{body}");
}

#[test]
fn without_proof_the_headers_mean_nothing() {
    for headers in [
        &[(USER, "sam")][..],
        &[("X-Ray-History-Proxy", "wrong"), (USER, "sam")],
        &[("X-Ray-History-Proxy", ""), (USER, "sam")],
        &[PROVEN],
        &[PROVEN, (USER, "")],
        &[PROVEN, (USER, "sam"), (USER, "root")],
        &[PROVEN, (USER, "system:admin")],
        &[PROVEN, (USER, "gil"), (GROUPS, "system:masters")],
        &[PROVEN, (GROUPS, "viewers")],
    ] {
        let (status, body) = whoami(headers);
        assert!([400, 401].contains(&status), "{headers:?}: {status} {body}");
    }
    for name in ["X_Auth_Request_Email", "X-Auth-Request_Groups", "X-Ray-History_Proxy"] {
        assert_eq!(whoami(&[PROVEN, (USER, "sam"), (name, "root")]).0, 400, "{name}");
    }
}

/// Whoever a proxy names meets no login.
#[test]
fn whoever_a_proxy_names_meets_no_login() {
    let mode = |headers: &[(&str, &str)]| {
        let path = format!("{}/api/authentication_mode", OWN.session());
        is_json(&guarded().send("GET", &path, headers))["authentication_mode"].as_str().unwrap().to_owned()
    };
    assert_eq!(mode(&[PROVEN, (USER, "sam")]), "disabled");
    assert_eq!(mode(&[(USER, "sam")]), "token");
    let headers = [PROVEN, (USER, "sam"), ("Accept", "text/html")];
    let (status, _, page) = guarded().send("GET", "/login?next=sessions%2F", &headers);
    assert!(status == 200 && page.contains("content=\"0; url=./sessions/\""), "{page}");
}
