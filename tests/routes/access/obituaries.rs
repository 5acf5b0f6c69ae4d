//! Why runs ended is shown to those who may see the namespace, texts of logs in it to those who may read logs.

use super::{OTHER, OWN, is_json, start_on};
use crate::obituaries::{SECRET, put_ledger};
use ray_history_settings::Redaction;

const API: &str = "/api/history/v1/obituaries";

#[test]
fn causes_need_the_namespace_and_texts_of_logs_the_right_to_logs() {
    let folder = tempfile::tempdir().unwrap();
    let [store, dashboard] = ["storage", "dashboard"].map(|name| folder.path().join(name));
    std::fs::create_dir_all(&dashboard).unwrap();
    std::fs::write(dashboard.join("index.html"), "<!doctype html>dashboard").unwrap();
    for place in [OWN, OTHER] {
        put_ledger(&store, place.namespace, place.cluster);
    }
    let server = start_on(folder.path(), Redaction::ByRole, true);
    // No session is stored in either namespace.
    for (token, namespaces) in [
        ("sam", vec![OWN.namespace]),
        ("lea", vec![OWN.namespace]),
        ("tom", vec![OTHER.namespace]),
        ("nora", vec![]),
        ("root", vec![OWN.namespace, OTHER.namespace]),
    ] {
        for path in [API, "/api/history/v1/sessions"] {
            let list = is_json(&server.ask(token, path));
            let text = list.to_string();
            for place in [OWN, OTHER] {
                let shown = namespaces.contains(&place.namespace);
                assert_eq!(text.contains(place.cluster), shown, "{token} {path}: {text}");
                assert_eq!(text.contains(place.namespace), shown, "{token} {path}: {text}");
            }
            assert_eq!(list["total"], 2 * namespaces.len(), "{token} {path}: {text}");
        }
        let page = server.ask_with(token, "/sessions/", &[("Accept", "text/html")]).2;
        for place in [OWN, OTHER] {
            assert_eq!(page.contains(place.cluster), namespaces.contains(&place.namespace), "{token}: {page}");
        }
    }
    let document = |place: super::Place| format!("{API}/{}/raycluster/{}/uid-of-{1}", place.namespace, place.cluster);
    for (token, shows_logs) in [("sam", false), ("lea", true), ("root", true)] {
        let found = is_json(&server.ask(token, &document(OWN)));
        assert_eq!(found.to_string().contains(SECRET), shows_logs, "{token}: {found}");
        assert_eq!(found["leftOut"].is_object(), !shows_logs, "{token}: {found}");
        assert!(found.to_string().contains("HeadOOM"), "{token}: {found}");
    }
    for token in ["sam", "lea", "nora"] {
        let (refused, _, _) = server.ask(token, &document(OTHER));
        let (unknown, _, _) = server.ask(token, &format!("{API}/{}/raycluster/nothing/u", OTHER.namespace));
        assert_eq!((refused, unknown), (403, 403), "{token}");
    }
}
