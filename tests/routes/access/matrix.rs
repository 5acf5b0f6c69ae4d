//! The matrix: every route, asked by nobody, by an invalid token, and by people with more and more rights.

use super::{ERASED, INVENTED, NAME, OTHER, OWN, Place, comparable, guarded, is_refused, vary};
use ray_history::http::{Need, Url, urls};

/// Returns the method, path and cookies of a request for a URL. The names are those of a place.
pub(super) fn request(url: &Url, place: Place) -> (&'static str, String, String) {
    let segments = format!("{}{}", url.below, url.pattern);
    let fill = |segment: &str| match segment {
        "{namespace}" => place.namespace.to_owned(),
        "{session}" | "{name_or_session}" => NAME.to_owned(),
        "{kind}" => "raycluster".to_owned(),
        "{uid}" => "5f0c3f6e-0000-4000-8000-000000000001".to_owned(),
        "{name}" if segments.starts_with("/rayservices") => "recsys".to_owned(),
        "{cluster}" | "{kind_or_cluster}" | "{name}" => place.cluster.to_owned(),
        "{id}" => "serve-deploy".to_owned(),
        "{below}" => "js/main.js".to_owned(),
        fixed => fixed.to_owned(),
    };
    let path: Vec<String> = segments.split('/').map(fill).collect();
    let method = if url.methods.starts_with("POST") { "POST" } else { "GET" };
    let cookies = if url.is_entered { place.cookies() } else { String::from("a=b") };
    // A search needs a text, and a comparison two sessions.
    let name = format!("{}/{}", place.namespace, place.cluster);
    let query = match url.pattern {
        pattern if pattern.ends_with("/logs/search") => "?q=INFO".to_owned(),
        pattern if pattern.ends_with("/diff") => format!("?a={name}/{NAME}&b={name}/latest"),
        _ => String::new(),
    };
    (method, path.join("/") + &query, cookies)
}

/// Asks for a URL with a token, which is empty for nobody's.
fn ask(url: &Url, place: Place, token: &str, more: &[(&str, &str)]) -> super::Reply {
    let (method, path, cookies) = request(url, place);
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Cookie", cookies.as_str())];
    headers.extend((!token.is_empty()).then_some(("Authorization", bearer.as_str())));
    comparable(guarded().send(method, &path, &[&headers[..], more].concat()))
}

/// Returns an answer with the names of a place in the stead of another's.
fn renamed((status, headers, body): super::Reply, from: Place, to: Place) -> super::Reply {
    let pairs = [(from.namespace, to.namespace), (from.cluster, to.cluster)];
    let rename = |text: &str| {
        pairs.iter().fold(text.to_owned(), |text, (from, to)| {
            // As such, and as a part of a URL's query.
            text.replace(from, to).replace(&from.replace('-', "%2D"), &to.replace('-', "%2D"))
        })
    };
    (status, headers.iter().map(|(name, value)| (name.clone(), rename(value))).collect(), rename(&body))
}

fn is_login(url: &Url) -> bool {
    url.pattern == "/api/authenticate"
}

/// Returns `true` for a URL whose answers differ each time, for reasons that are no session's: counts, and sealed cookies.
fn always_differs(url: &Url) -> bool {
    url.pattern == "/metrics" || is_login(url)
}

/// Whoever may not see a namespace cannot tell whether it, its clusters and its sessions exist: status, headers and body
/// are the same.
#[test]
fn what_may_not_be_seen_answers_as_what_does_not_exist() {
    for url in urls().into_iter().filter(|url| !always_differs(url)) {
        let own = ["", "nobody", "nora", "tom"].map(|token| (token, OWN));
        let others = ["sam", "eva"].into_iter().flat_map(|token| [(token, OTHER), (token, ERASED)]);
        for (token, place) in own.into_iter().chain(others) {
            for accept in ["*/*", "text/html"] {
                let more = [("Accept", accept), ("If-None-Match", "*")];
                let stored = ask(&url, place, token, &more);
                let invented = renamed(ask(&url, INVENTED, token, &more), INVENTED, place);
                assert_eq!(stored, invented, "{token:?} {url:?} {accept}");
                let hidden = stored.1.iter().find(|(name, _)| name.starts_with("x-ray-history"));
                assert_eq!(hidden, None, "{token:?} {url:?}");
            }
        }
    }
}

/// A session that is being deleted is gone for those alone who might see it.
#[test]
fn what_is_deleted_is_gone_for_those_who_might_see_it() {
    let path = format!("/api/history/v1{}", ERASED.session());
    for (token, status) in [("tom", 410), ("root", 410), ("sam", 403), ("nobody", 401)] {
        let (got, _, body) = guarded().ask(token, &path);
        assert_eq!((got, body.contains("secret rule")), (status, status == 410), "{token}: {body}");
    }
}

#[test]
fn every_route_is_answered_to_those_who_have_its_right() {
    for url in urls() {
        for (token, rights) in [("", 0), ("nobody", 0), ("nora", 1), ("sam", 2), ("lea", 3), ("eva", 3), ("root", 3)] {
            let reply = ask(&url, OWN, token, &[]);
            let (needed, refusal) = match url.need {
                Need::Open | Need::Document => (0, 200),
                Need::Listing => (1, 401),
                Need::Namespace | Need::Cookie => (2, 403),
                Need::Logs => (3, 403),
            };
            let shown = format!("{token:?} {url:?}: {} {:.200}", reply.0, reply.2);
            if is_login(&url) {
                assert_eq!(reply.0, if rights == 0 { 401 } else { 200 }, "{shown}");
            } else if rights >= needed {
                assert!(!is_refused(&reply), "{shown}");
            } else {
                assert_eq!(reply.0, if rights == 0 { 401 } else { refusal }, "{shown}");
                assert!(is_refused(&reply), "{shown}");
            }
            if url.need != Need::Open {
                assert!(vary(&reply.1).contains("cookie, authorization"), "{shown} {:?}", reply.1);
            }
        }
    }
}

/// Nobody's request gets anything but what is open, by any method; and open answers are the same for everybody.
#[test]
fn open_routes_answer_the_same_to_everybody() {
    let server = guarded();
    for url in urls() {
        let (_, path, cookies) = request(&url, OWN);
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
            let send = |headers: &[(&str, &str)]| {
                comparable(server.send(method, &path, &[headers, &[("Cookie", cookies.as_str())]].concat()))
            };
            let nobody = send(&[]);
            let open = matches!(url.need, Need::Open | Need::Document);
            assert!(open || method == "OPTIONS" || nobody.0 >= 400, "{method} {path}: {nobody:?}");
            assert_eq!(nobody.1.iter().find(|(name, _)| name.starts_with("access-control")), None, "{method} {path}");
            if url.need == Need::Open && !always_differs(&url) {
                let known = send(&[("Authorization", "Bearer eva")]);
                assert_eq!(nobody, known, "{method} {path}");
            }
        }
    }
}

/// A document tells of its session to those alone who may see it.
#[test]
fn a_document_is_the_same_but_for_those_who_may_see_the_session() {
    let server = guarded();
    let path = format!("{}/", OWN.session());
    let nobody = comparable(server.ask("", &path));
    assert_eq!(nobody.0, 200, "{nobody:?}");
    assert!(nobody.2.contains("dashboard"));
    for token in ["nora", "tom", "nobody"] {
        assert_eq!(comparable(server.ask(token, &path)), nobody, "{token}");
    }
    let (status, headers, _) = server.ask("sam", &path);
    assert!(status == 200 && !super::header(&headers, "x-ray-history-state").is_empty(), "{headers:?}");
    assert_eq!(super::header(&headers, "content-security-policy"), "frame-ancestors 'self'");
    assert_eq!(super::header(&headers, "referrer-policy"), "same-origin");
}

/// Routes of Ray that end in `/` like the document are not open.
#[test]
fn no_suffix_opens_a_route() {
    for below in ["/api/jobs/", "/api/serve/applications/", "/nodes/", "/api/v0/tasks/", "//", "/x/", "/latest/"] {
        let (status, ..) = guarded().ask("", &format!("{}{below}", OWN.session()));
        assert_eq!(status, 401, "{below}");
    }
}
