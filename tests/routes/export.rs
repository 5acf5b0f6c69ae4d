//! A session as one portable file.

use super::loading::serving;
use super::logs::keys;
use super::{ask, exchange, get, header, unpacked};
use ray_history_storage::ErrorKind;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::local::Local;
use std::sync::Arc;
use std::time::Duration;

const SESSION: &str = "ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513";

fn export(query: &str) -> String {
    format!("/api/history/v1/sessions/{SESSION}/export{query}")
}

#[test]
fn a_file_has_the_keys_of_a_bucket() {
    let (status, headers, body) = ask("GET", &export(""), &[]);
    assert_eq!((status, header(&headers, "content-type")), (200, "application/zip"));
    let name = "recsys-raycluster-9d4kq-session_2026-11-23_07-07-14_513426_5513.rayhistory";
    assert_eq!(header(&headers, "content-disposition"), format!("attachment; filename=\"{name}\""));
    assert!(body.starts_with("PK\u{3}\u{4}"));
    for key in ["README.txt", "views.sql", &format!("ray-history/v1/snapshots/{SESSION}.rhs"), "logs/monitor.log"] {
        assert!(body.contains(key), "{key}");
    }
    let (_, _, none) = ask("GET", &export("?logs=none&messages=false"), &[]);
    assert!(!none.contains("logs/monitor.log") && none.len() < body.len());
}

#[test]
fn a_head_makes_nothing_and_wrong_requests_are_refused() {
    let (status, headers, body) = ask("HEAD", &export(""), &[]);
    assert_eq!((status, header(&headers, "content-type"), body.as_str()), (200, "application/zip", ""));
    for query in ["?logs=some", "?messages=perhaps", "?logs=%ff"] {
        assert_eq!(get(&export(query)).0, 400, "{query}");
    }
    assert_eq!(get(&export("").replace("recsys", "nosuch")).0, 404);
}

/// What cannot be read for the facts is an error before anything is sent; what cannot be copied is named.
#[test]
fn unreadable_files_are_told() {
    let folder = unpacked().join("storage");
    let (address, store) = serving(Faulty::new(Arc::new(Local::open(&folder).unwrap())), Duration::from_secs(60));
    let get = |query: &str| exchange(&address, "GET", &export(query), &[]);
    assert_eq!(get("").0, 200);
    let [raylet, monitor] = ["logs/raylet.out", "logs/monitor.log"].map(|name| keys(&folder, &folder, name).remove(0));
    store.arm(raylet, Fault::Always(ErrorKind::PermissionDenied));
    let (status, _, body) = get("?logs=all");
    assert!(status == 200 && body.contains("MISSING.txt"));
    store.arm(monitor, Fault::Always(ErrorKind::PermissionDenied));
    let (status, _, body) = get("");
    assert_eq!(status, 502, "{body}");
    assert!(body.contains("The storage cannot be read"), "{body}");
}
