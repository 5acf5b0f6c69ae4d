//! Pages and errors as Google writes them, and as it never would.

use super::*;
use proptest::prelude::*;

const PAGE: &str = r#"{"kind": "storage#objects", "nextPageToken": "CgJh", "prefixes": ["p/", "\u00e9/"],
    "items": [{"name": "a/b \"c\"", "size": "344606", "generation": "1700000000000001", "etag": "CAE=",
    "updated": "2012-02-24T08:43:07.123Z"}, {"name": "n", "size": 0, "generation": 2}]}"#;

#[test]
fn reads_a_page() {
    let page = read(PAGE.as_bytes()).unwrap();
    let object =
        |key: &str, size, etag: &str, modified| ObjectMeta { key: key.into(), size, etag: Some(etag.into()), modified };
    assert_eq!(
        page.objects,
        [object("a/b \"c\"", 344_606, "1700000000000001", Some(1_330_072_987_123_000_000)), object("n", 0, "2", None)]
    );
    assert_eq!((page.prefixes, page.next), (vec!["p/".to_owned(), "é/".into()], Some(PageToken("CgJh".into()))));
}

#[test]
fn a_page_without_entries_says_that_it_is_a_listing() {
    for (text, is_listing) in [
        (r#"{"kind": "storage#objects"}"#, true),
        (r#"{"kind": "storage#objects", "nextPageToken": ""}"#, true),
        (r#"{"nextPageToken": "a"}"#, true),
        ("{}", false),
        (r#"{"kind": "storage#buckets", "items": []}"#, false),
        (r#"{"error": {"code": 503}}"#, false),
    ] {
        let page = read(text.as_bytes());
        assert_eq!(page.is_ok_and(|page| page.is_empty()), is_listing, "{text}");
    }
}

#[test]
fn odd_pages_are_errors_that_say_why() {
    let item =
        |fields: &str| format!(r#"{{"items": [{{"name": "ok", "size": "1", "generation": "1"}}, {{{fields}}}]}}"#);
    let many = format!(r#"{{"prefixes": [{}"a/"]}}"#, "\"a/\",".repeat(MOST));
    for (text, why) in [
        (String::new(), "ends within"),
        (PAGE[..PAGE.len() * 2 / 3].to_owned(), "ends within"),
        ("<html>Log in, please".to_owned(), "damaged JSON"),
        (format!("{PAGE}{PAGE}"), "damaged JSON"),
        ("[]".to_owned(), "another type"),
        (r#"{"items": "hunter2"}"#.to_owned(), "another type"),
        (r#"{"items": null}"#.to_owned(), "another type"),
        (r#"{"items": [], "items": []}"#.to_owned(), "another type"),
        (r#"{"nextPageToken": 7}"#.to_owned(), "another type"),
        (r#"{"prefixes": [{}]}"#.to_owned(), "another type"),
        (r#"{"prefixes": ["\ud800"]}"#.to_owned(), "damaged JSON"),
        (r#"{"prefixes": [""]}"#.to_owned(), "a prefix is empty"),
        (many, "more entries"),
        (item(r#""size": "1", "generation": "1""#), "an object has no name"),
        (item(r#""name": "", "size": "1", "generation": "1""#), "an object has no name"),
        (item(r#""name": null, "size": "1", "generation": "1""#), "an object has no name"),
        (item(r#""name": "k", "generation": "1""#), r#"the size of the object "k" is missing"#),
        (item(r#""name": "k", "size": "1""#), r#"the generation of the object "k" is missing"#),
        (item(r#""name": "k", "size": "-1", "generation": "1""#), r#"the size of the object "k" is not a number"#),
        (item(r#""name": "k", "size": -1, "generation": "1""#), r#"the size of the object "k" is not a number"#),
        (item(r#""name": "k", "size": 1.5, "generation": "1""#), r#"the size of the object "k" is not a number"#),
        (item(r#""name": "k", "size": [1], "generation": "1""#), r#"the size of the object "k" is not a number"#),
        (item(r#""name": "k", "size": "18446744073709551616", "generation": "1""#), "is not a number"),
        (item(r#""name": "k", "size": "1", "generation": "seven""#), r#"the generation of the object "k" is not"#),
    ] {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.contains(why) && !error.contains("hunter2"), "{why}: {error}");
    }
    let long = read(item(&format!(r#""name": "{}""#, "k".repeat(100_000))).as_bytes()).unwrap_err();
    assert!(long.len() < 300, "{}", long.len());
}

#[test]
fn errors_have_reasons() {
    for (text, expected) in [
        (r#"{"error": {"code": 403, "message": "hunter2", "errors": [{"reason": "forbidden"}]}}"#, Some("forbidden")),
        (r#"{"error": {"code": 403, "status": "PERMISSION_DENIED"}}"#, Some("PERMISSION_DENIED")),
        (
            r#"{"error": {"message": "The specified bucket does not exist.", "errors": [{"reason": "notFound"}]}}"#,
            Some("NoSuchBucket"),
        ),
        ("The specified bucket does not exist.", Some("NoSuchBucket")),
        (
            r#"{"error": {"message": "Bucket is a requester pays bucket but no user project provided."}}"#,
            Some("userProjectMissing"),
        ),
        ("No such object: ray/x", None),
        ("No such object: ray/The specified bucket does not exist.log", None),
        (r#"{"error": {"message": "No such object: ray/requester pays bucket but no user project"}}"#, None),
        (r#"{"error": "hunter2"}"#, None),
        ("<html>", None),
    ] {
        assert_eq!(code(text.as_bytes()).as_deref(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = (read(&bytes), object(&bytes), code(&bytes));
    }

    #[test]
    fn no_damage_panics(at in 0..PAGE.len(), byte: u8, end in 0..=PAGE.len()) {
        let mut bytes = PAGE.as_bytes().to_vec();
        bytes[at] = byte;
        bytes.truncate(end);
        // A page that is cut is never taken for a shorter one.
        prop_assert!(read(&bytes).is_err() || end == PAGE.len());
    }

    #[test]
    fn what_is_written_is_read(names in proptest::collection::vec(".+", 0..9), size: u64, generation: u64) {
        let items: Vec<_> = names.iter().map(|name| {
            serde_json::json!({"name": name, "size": size.to_string(), "generation": generation.to_string()})
        }).collect();
        let text = serde_json::json!({"kind": "storage#objects", "items": items}).to_string();
        let objects = read(text.as_bytes()).unwrap().objects;
        prop_assert_eq!(objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), names);
        prop_assert!(objects.iter().all(|object| object.size == size && object.etag == Some(generation.to_string())));
    }
}
