use super::*;
use crate::args::Flags;
use crate::http_get::{self, Bounds};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

/// Returns the settings of a node without a Ray, whose store is of these flags.
fn settings(folder: &Path, events: SocketAddr, control: SocketAddr, store: Flags) -> Settings {
    let path = |name: &str| Some(folder.join(name).display().to_string());
    let flags = Flags {
        cluster: Some("train".into()),
        events_listen: Some(events.to_string()),
        control_listen: Some(control.to_string()),
        spool: path("spool"),
        ray_tmp: path("ray"),
        ..store
    };
    Settings::read(&flags, &|_| None).0
}

async fn health(control: SocketAddr) -> String {
    let bounds = Bounds { time: Duration::from_secs(5), bytes: 1 << 20 };
    let answer = http_get::request(http::Method::GET, &format!("http://{control}/healthz"), &[], bounds).await;
    String::from_utf8(answer.unwrap().body.to_vec()).unwrap()
}

#[tokio::test]
async fn troubles_are_said_before_anything_is_to_be_stored() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let with_store = Flags { local_dir: Some(folder.path().display().to_string()), ..Flags::default() };
    for (case, store, events, expected) in [
        ("no store", Flags::default(), free(), "storage: neither STORAGE_BACKEND nor --local-dir is set\n".to_owned()),
        ("a store", with_store.clone(), free(), "ok\n".to_owned()),
        ("a taken port", with_store, taken.local_addr().unwrap(), format!("events: {}", taken.local_addr().unwrap())),
    ] {
        let (own, control) = (folder.path().join(case.replace(' ', "-")), free());
        let settings = settings(&own, events, control, store);
        let _parts = tokio::time::timeout(Duration::from_secs(5), start(&settings)).await.expect(case);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let text = health(control).await;
        assert!(text.starts_with(&expected), "{case}: {text}");
    }
}
