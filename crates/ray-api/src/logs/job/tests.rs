use super::*;
use proptest::prelude::*;
use ray_history_core::snapshot::submission::JobStatus;

fn encode(pieces: &[&[u8]]) -> String {
    let mut encoder = Encoder::new();
    let mut out: Vec<u8> = pieces.iter().flat_map(|piece| encoder.push(piece)).collect();
    out.extend(encoder.finish());
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    value["logs"].as_str().unwrap().to_owned()
}

#[test]
fn converts_line_ends_and_marks_invalid_bytes() {
    assert_eq!(encode(&[b"a\r\nb\rc\n\"\x1b[31m"]), "a\nb\nc\n\"\u{1b}[31m");
    assert_eq!(encode(&[b"a\r", b"\nb"]), "a\nb");
    assert_eq!(encode(&[b"a\r", b"", b"\r\n"]), "a\n\n");
    assert_eq!(encode(&["é".as_bytes().split_at(1).0, "é".as_bytes().split_at(1).1]), "é");
    assert_eq!(encode(&[b"x\xff\xc3"]), "x\u{fffd}\u{fffd}");
    assert_eq!(encode(&[]), "");
}

proptest! {
    #[test]
    fn result_does_not_depend_on_piece_bounds(
        text in "[a\r\n\"é€😀\u{1}]{0,40}", noise in prop::collection::vec(any::<u8>(), 0..6), cuts in prop::collection::vec(0usize..80, 0..4),
    ) {
        let mut bytes = text.into_bytes();
        bytes.extend(noise);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        prop_assert_eq!(encode(&pieces), encode(&[&bytes]));
    }
}

#[test]
fn finds_log_of_submission_on_its_drivers_node() {
    let mut snapshot = Snapshot::default();
    snapshot.facts.read("aa", "job-driver-x.log", b"hello\n");
    snapshot.facts.read("bb", "jobs/supervisor-x.log", b"2026-11-22 23:12:19,064\tINFO s.py:1 -- Submitting job with RAY_ADDRESS = 1 job_id=01 node_id=bb actor_id=cc timestamp_ns=1795389139064671530\n");
    snapshot.derive();
    let found = of(&snapshot, "x").unwrap();
    assert_eq!((found.path.as_str(), found.nodes), ("job-driver-x.log", vec!["bb".to_owned(), "aa".to_owned()]));
    assert_eq!(snapshot.jobs[0].status, JobStatus::Running);
    assert_eq!(of(&snapshot, "y"), Err(RayError::NotFound("Job y does not exist".to_owned())));
}
