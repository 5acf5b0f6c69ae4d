//! Ray's login dialog, our page, and the cookie.

use super::{Guarded, OWN, Reply, guarded, header, is_json, is_refused, set_cookies, start};
use ray_history_settings::Redaction;

/// Logs in as Ray's dialog does.
fn log_in(server: &Guarded, token: &str, more: &[(&str, &str)]) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [&[("Authorization", bearer.as_str()), ("Content-Type", "application/json")][..], more].concat();
    server.send("POST", &format!("{}/api/authenticate", OWN.session()), &headers)
}

/// Returns the cookie of a login as a browser sends it back.
fn cookie(reply: &Reply) -> String {
    let cookies = set_cookies(&reply.1);
    let [set] = cookies[..] else { panic!("{reply:?}") };
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn rays_dialog_logs_in() {
    let server = guarded();
    for place in [OWN.session(), String::new()] {
        let mode = server.ask("", &format!("{place}/api/authentication_mode"));
        assert_eq!((mode.0, is_json(&mode)["authentication_mode"].as_str()), (200, Some("token")), "{place}");
    }
    let wrong = log_in(server, "nobody", &[]);
    assert_eq!((wrong.0, set_cookies(&wrong.1)), (401, vec![]), "{wrong:?}");
    let right = log_in(server, "sam", &[]);
    let expected = serde_json::json!({"status": "authenticated", "message": "Token is valid"});
    assert_eq!((right.0, is_json(&right)), (200, expected));
    let [set] = set_cookies(&right.1)[..] else { panic!("{right:?}") };
    assert!(set.starts_with("ray-history=") && !set.contains("sam"), "{set}");
    for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age="] {
        assert!(set.contains(part), "{part}: {set}");
    }
    let cookie = cookie(&right);
    let with = |cookie: &str, path: &str| server.send("GET", path, &[("Cookie", cookie)]);
    assert_eq!(with(&cookie, &format!("{}/nodes?view=summary", OWN.session())).0, 200);
    let who = is_json(&with(&format!("a=b; {cookie}; c=d"), "/api/history/v1/whoami"));
    assert_eq!((&who["user"], &who["way"], who["expires"].is_string()), (&"sam".into(), &"cookie".into(), true));
    let ray = server.send("GET", "/api/history/v1/whoami", &[("Cookie", "ray-authentication-token=sam")]);
    assert_eq!(ray.0, 401, "Ray's own cookie is not looked at");
    let query = server.ask("", "/api/history/v1/whoami?token=sam&access_token=sam&authorization=Bearer%20sam");
    assert_eq!(query.0, 401, "no token is taken from a URL");
}

/// Over HTTPS a browser's cookie can be set by this host and path alone, and no other is read.
#[test]
fn over_https_only_the_host_cookie_is_read() {
    let server = guarded();
    let https = ("X-Forwarded-Proto", "https");
    let reply = log_in(server, "sam", &[https]);
    let [set] = set_cookies(&reply.1)[..] else { panic!("{reply:?}") };
    assert!(set.starts_with("__Host-ray-history=") && set.contains("; Secure"), "{set}");
    let secure = cookie(&reply);
    let plain = secure.replace("__Host-", "");
    let whoami = |headers: &[(&str, &str)]| server.send("GET", "/api/history/v1/whoami", headers).0;
    assert_eq!(whoami(&[https, ("Cookie", secure.as_str())]), 200);
    assert_eq!(whoami(&[https, ("Cookie", plain.as_str())]), 401);
    assert_eq!(whoami(&[("Cookie", secure.as_str())]), 401);
    assert_eq!(whoami(&[("Cookie", plain.as_str())]), 200);
}

#[test]
fn pages_of_other_origins_log_nobody_in_or_out() {
    let server = guarded();
    for (site, status) in [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403), ("", 403)] {
        let reply = log_in(server, "sam", &[("Sec-Fetch-Site", site)]);
        assert_eq!((reply.0, set_cookies(&reply.1).len()), (status, usize::from(status == 200)), "{site}: {reply:?}");
        let reply = server.send("POST", "/logout", &[("Sec-Fetch-Site", site)]);
        assert_eq!((reply.0, set_cookies(&reply.1).len()), (status, if status == 200 { 2 } else { 0 }), "{site}");
    }
    let origin = log_in(server, "sam", &[("Origin", "http://127.0.0.1:1")]);
    assert_eq!(origin.0, 200, "behind Ray's proxy, origin and host differ");
}

#[test]
fn only_the_login_and_the_logout_take_posts() {
    let server = guarded();
    for path in ["/api/authenticate", "/logout", &format!("{}/api/authenticate", OWN.session())] {
        let (status, headers, _) = server.ask("sam", path);
        assert_eq!((status, header(&headers, "allow")), (405, "POST, OPTIONS"), "{path}");
        let (status, headers, _) = server.send("OPTIONS", path, &[("Origin", "http://evil.example.com")]);
        assert_eq!((status, header(&headers, "access-control-allow-origin")), (204, ""), "{path}");
    }
    let (status, headers, _) = server.send("POST", "/login", &[]);
    assert_eq!((status, header(&headers, "allow")), (405, "GET, HEAD, OPTIONS"));
}

#[test]
fn a_browser_is_led_to_the_login_and_back() {
    let server = guarded();
    let html = [("Accept", "text/html,*/*")];
    for (path, login) in [
        ("/sessions/?q=a%20b", "../login?next=sessions%2F%3Fq%3Da%2520b".to_owned()),
        ("/rayjobs/ml-serving/x", "../../login?next=rayjobs%2Fml%2Dserving%2Fx".to_owned()),
        ("/", "login?next=".to_owned()),
    ] {
        let (status, headers, page) = server.ask_with("", path, &html);
        assert_eq!((status, header(&headers, "location")), (401, ""), "no redirect, which Ray's proxy would follow");
        assert!(page.contains(&format!("content=\"0; url={login}\"")), "{path}: {page}");
    }
    let (status, headers, page) = server.ask_with("", "/login?next=sessions%2F%3Fq%3Dx", &html);
    assert_eq!(status, 200);
    assert!(page.contains("data-next=\"./sessions/?q=x\""), "{page}");
    assert!(header(&headers, "content-security-policy").contains("script-src 'self'"));
    let denied = server.ask_with("tom", "/rayjobs/ml-serving/x", &html);
    assert!(is_refused(&denied) || denied.0 == 403, "{denied:?}");
    assert!(!denied.2.contains("http-equiv"), "another login would not help: {}", denied.2);
}

#[test]
fn a_body_that_is_no_logins_is_refused() {
    use std::io::{Read, Write};
    let server = guarded();
    let send = |head: &str, body: &str| {
        let mut connection = std::net::TcpStream::connect(&server.address).unwrap();
        let request = format!(
            "POST /api/authenticate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer sam\r\n{head}\r\n\r\n{body}"
        );
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = connection.read_to_string(&mut answer);
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(send("Content-Length: 2", "{}"), "200");
    assert_eq!(send("Content-Length: 0", ""), "200");
    assert_eq!(send("Content-Length: 5000", &"x".repeat(5000)), "413");
    assert_eq!(send("Transfer-Encoding: chunked", &format!("1388\r\n{}\r\n0\r\n\r\n", "x".repeat(5000))), "413");
}

/// Every change of a cookie is noticed, and no header or cookie of any bytes is let in or breaks the server.
#[test]
fn no_forged_cookie_or_header_is_let_in() {
    let server = &start(Redaction::Browsers, true);
    let good = cookie(&log_in(server, "sam", &[]));
    let (name, value) = good.split_once('=').unwrap();
    let whoami = |headers: &[(&str, &str)]| server.send("GET", "/api/history/v1/whoami", headers).0;
    for at in 0..value.len() {
        let mut bytes = value.as_bytes().to_vec();
        // The last character of base64 may have bits that mean nothing, but each text has one form only.
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = format!("{name}={}", String::from_utf8(bytes).unwrap());
        let status = whoami(&[("Cookie", forged.as_str())]);
        assert!(status == 401 || forged == good, "{at}: {status}");
    }
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    };
    let alphabet: Vec<char> = (' '..='~').chain(['\t']).collect();
    for _ in 0..60 {
        let text: String = (0..next() % 60).map(|_| alphabet[next() as usize % alphabet.len()]).collect();
        let text = text.trim().to_owned();
        for (name, value) in [
            ("Cookie", format!("ray-history={text}")),
            ("Cookie", text.clone()),
            ("Authorization", text.clone()),
            ("Authorization", format!("Bearer {text}")),
            ("Authorization", format!("bearer  {text}")),
            ("X-Ray-Authorization", format!("Bearer {text}")),
            ("X-Auth-Request-Email", text.clone()),
            ("X-Auth-Request-Groups", text.clone()),
            ("X-Ray-History-Proxy", text.clone()),
            ("X-Forwarded-Proto", text.clone()),
            ("X-Auth_Request-Email", text.clone()),
        ] {
            let status = whoami(&[(name, value.as_str())]);
            assert!([400, 401, 429, 503].contains(&status), "{name}: {value:?}: {status}");
        }
    }
}
