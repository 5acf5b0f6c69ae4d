use super::*;
use crate::time::DAY;
use proptest::prelude::*;

fn mark() -> Tombstone {
    Tombstone {
        schema: SCHEMA.to_owned(),
        phase: Phase::Marked,
        at: 1_795_938_789_000_000_000,
        not_before: 1_795_938_789_000_000_000 + 7 * DAY,
        rule: 1,
        reason: "rule 2: it ended 45 d ago, and maxAge is 30 d".to_owned(),
        rules_digest: "abc".to_owned(),
        digest: Digest(7),
        objects: 12,
        bytes: 3_400,
        owner: Some(StoredOwner { kind: "rayjob".to_owned(), name: "nightly".to_owned() }),
        changed: 1_795_938_789_000_000_000,
        checked: None,
        deleted: Removed::default(),
        empty: None,
        unknown: BTreeMap::new(),
    }
}

#[test]
fn marks_are_read_as_written() {
    for phase in [Phase::Marked, Phase::Unmarked, Phase::Deleting, Phase::Deleted, Phase::Other("raw-deleted".into())] {
        for checked in [None, Some(1_795_938_789_000_000_000)] {
            let mark = Tombstone { phase: phase.clone(), checked, ..mark() };
            assert_eq!(Tombstone::read(&mark.to_bytes()).unwrap(), mark);
        }
    }
    let text = String::from_utf8(mark().to_bytes()).unwrap();
    assert!(
        text.starts_with(r#"{"schema":"ray-history/tombstone/v1","phase":"marked","at":"2026-11-29T07:53:09Z""#),
        "{text}"
    );
    assert!(text.contains(r#""notBefore":"2026-12-06T07:53:09Z""#), "{text}");
}

#[test]
fn only_a_deletion_hides_a_session() {
    let hiding = [Phase::Marked, Phase::Unmarked, Phase::Deleting, Phase::Deleted, Phase::Other("raw-deleted".into())];
    assert_eq!(hiding.map(|phase| phase.hides()), [false, false, true, true, false]);
}

#[test]
fn unknown_fields_are_kept_within_bounds() {
    let with = |value: &str| {
        let mut text = String::from_utf8(mark().to_bytes()).unwrap();
        text.truncate(text.len() - 1);
        Tombstone::read(format!("{text},\"later\":{value}}}").as_bytes()).unwrap()
    };
    let kept = with(r#"{"a":[1]}"#);
    assert_eq!(Tombstone::read(&kept.to_bytes()).unwrap().unknown["later"]["a"][0], 1);
    assert!(with(&format!("\"{}\"", "x".repeat(MAX_UNKNOWN))).unknown.is_empty());
    let long = Tombstone { reason: "ü\n".repeat(5_000), ..mark() };
    assert_eq!(Tombstone::read(&long.to_bytes()).unwrap().reason, "ü".repeat(MAX_TEXT));
}

#[test]
fn other_documents_are_not_understood() {
    let text = String::from_utf8(mark().to_bytes()).unwrap();
    for (document, is_other) in [
        (text.replace("tombstone/v1", "tombstone/v2"), true),
        ("{}".to_owned(), true),
        ("[]".to_owned(), true),
        (text.replace("2026-", "26-"), false),
        (text.replace("00007\"", "zz\""), false),
        (text[..text.len() / 2].to_owned(), false),
        ("[".repeat(60_000), false),
    ] {
        let error = Tombstone::read(document.as_bytes()).unwrap_err();
        assert_eq!(matches!(error, NotUnderstood::Other(_)), is_other, "{document:.80}: {error}");
    }
    assert!(matches!(Tombstone::read(&vec![b' '; 64 * 1_024 + 1]), Err(NotUnderstood::TooLong)));
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..500, byte: u8) {
        let _ = Tombstone::read(&bytes);
        let mut damaged = mark().to_bytes();
        if let Some(place) = damaged.get_mut(at) {
            *place = byte;
        }
        let _ = Tombstone::read(&damaged);
    }
}
