use super::*;
use ray_history_core::base::name::{ClusterId, SessionName};

fn key(namespace: &str, cluster: &str) -> SessionKey {
    let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
    SessionKey { cluster: ClusterId { namespace: namespace.into(), name: cluster.into() }, session }
}

#[test]
fn inserts_the_tag_first_in_the_head() {
    for (before, after) in [
        ("<!doctype html><html lang=\"en\"><head>", "<script src=\"./main.js\"></script></head><body></body></html>"),
        ("<!DOCTYPE html>\n<HTML>\n<HEAD data-x=\"1\">", "<title>Ray</title></HEAD>"),
        ("<html>", "<header>no head</header>"),
        ("<!doctype html>", "<header>no head</header>"),
        ("", "dashboard"),
        ("", ""),
    ] {
        let served = insert(&[before, after].concat(), &key("a", "b"), "./", Some("2.60.0"));
        let inside = served.strip_prefix(before).unwrap().strip_suffix(after).unwrap();
        assert!(inside.starts_with("<script src=\"./sessions/bar.js?v=") && inside.ends_with("</script>"), "{served}");
    }
}

#[test]
fn escapes_names_in_attribute_and_url() {
    let served = insert("", &key("a\"><b>", ""), "../", None);
    assert!(served.contains("data-namespace=\"a&quot;&gt;&lt;b&gt;\" data-cluster=\"\""), "{served}");
    assert!(served.contains("data-path=\"a%22%3E%3Cb%3E/_/session_"), "{served}");
}

/// The script is one function, and contains nothing that inserts markup or loads from other hosts.
#[test]
fn the_script_is_one_safe_function() {
    assert!(SCRIPT.starts_with("(() => {") && SCRIPT.ends_with("})();\n"));
    for forbidden in ["innerHTML", "eval(", "http://", "https://", "document.write"] {
        assert!(!SCRIPT.contains(forbidden), "{forbidden}");
    }
}
