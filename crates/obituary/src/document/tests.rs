//! Documents on the wire: bounds, newer versions, fields that are not known.

use super::*;
use crate::cause::{Certainty, Code};
use crate::facts::attempt::State;
use crate::facts::{Attempt, Event, Group, Kind, Node, Spec, Subject, Suspend};
use crate::join::Table;
use proptest::prelude::*;

fn id() -> ObjectId {
    ObjectId { kind: Kind::RayCluster, namespace: "team".into(), name: "nightly".into(), uid: "u-1".into() }
}

fn facts() -> Facts {
    let cluster = Subject {
        namespace: "team".into(),
        name: "nightly".into(),
        uid: "u-1".into(),
        created_at: Time::parse("2026-11-29T07:00:00Z"),
        ..Subject::default()
    };
    Facts { objects: Table::from_iter([cluster]), ..Facts::default() }
}

#[test]
fn keys_name_namespace_kind_name_and_uid() {
    let key = "log/ray-history/v1/obituaries/team/raycluster/nightly/u-1.json";
    assert_eq!(id().key("log/").as_deref(), Some(key));
    assert_eq!(ObjectId::from_key("log/", key), Some(id()));
    for odd in ["a/b", "", "..", "x y"] {
        assert_eq!(ObjectId { name: odd.into(), ..id() }.key(""), None, "{odd}");
    }
    assert_eq!(ObjectId { kind: Kind::RayService, ..id() }.key(""), None);
    for odd in ["x", "ray-history/v1/obituaries/team/pod/n/u.json", "ray-history/v1/obituaries/t/rayjob/n/u/v.json"] {
        assert_eq!(ObjectId::from_key("", odd), None, "{odd}");
    }
}

#[test]
fn unknown_fields_survive_and_a_newer_form_is_refused() {
    let mut document = Document::new(id(), facts(), None);
    document.unknown.insert("later".into(), Value::from("kept"));
    let bytes = document.to_bytes().unwrap();
    let read = Document::read(&bytes).unwrap();
    assert_eq!(read, document);
    assert_eq!(read.join(Document::new(id(), facts(), None), None).unknown["later"], "kept");
    let newer = String::from_utf8(bytes).unwrap().replace("obituary/v1", "obituary/v2");
    assert!(matches!(Document::read(newer.as_bytes()), Err(NotUnderstood::Newer(_))));
    assert!(matches!(Document::read(b"{"), Err(NotUnderstood::Malformed(_))));
    assert!(matches!(Document::read(b"[]"), Err(NotUnderstood::Foreign)));
    assert!(matches!(Document::read(&vec![b' '; MAX_READ + 1]), Err(NotUnderstood::TooLong)));
}

/// A code, a certainty, an outcome or a kind of a later version does not make the document unreadable.
#[test]
fn unknown_words_are_read() {
    let text = r#"{"schema": "ray-history/obituary/v1", "outcome": "Paused", "runs": [{"outcome": "Odd", "causes":
        [{"code": "SolarFlare", "certainty": "maybe"}]}], "pods": [{"uid": "p", "role": "sidekick"}], "later": 1}"#;
    let document = Document::read(text.as_bytes()).unwrap();
    assert_eq!((document.outcome, document.unknown.len()), (Outcome::Unknown, 1));
    assert!(document.runs[0].causes[0].sentence().contains("newer version"));
}

#[test]
fn a_document_of_nobody_is_refused() {
    let mut hostile = facts();
    hostile.unseen.insert("x".repeat(MAX_WEIGHT));
    let bytes = Document { facts: hostile, ..Document::new(id(), facts(), None) }.to_bytes().unwrap();
    assert!(matches!(Document::read(&bytes), Err(NotUnderstood::BeyondBounds)));
}

fn event(number: u32, reason: &str, note: &str) -> Facts {
    let at = Time(i64::from(number) * 1_000_000_000);
    let letters: String = number.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
    let (reason, note, about) = (reason.to_owned(), format!("{note}{letters}"), format!("Pod p-{letters}"));
    let event = Event { at, first: at, count: 1, reason, note, about, ..Event::default() };
    Facts { events: Table::from_iter([event]), ..Facts::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever joins, memory and document stay within their bounds, and what was dropped is counted.
    #[test]
    fn weight_and_length_are_bounded(notes in prop::collection::vec(prop::collection::vec("[\\PC\"\\\\]{0,900}", 40..60), 3)) {
        let mut all = facts();
        for (round, notes) in notes.iter().enumerate() {
            for (number, note) in notes.iter().enumerate() {
                let number = (round * 100 + number) as u32;
                all.join(event(number, ["Pulled", "Evicted", "Unhealthy"][number as usize % 3], note));
                prop_assert!(all.weight() <= MAX_WEIGHT);
            }
        }
        let length = Document::new(id(), all, None).to_bytes().unwrap().len();
        prop_assert!(length <= MAX_BYTES, "{length}");
    }
}

#[test]
fn old_ordinary_events_go_first_and_are_counted() {
    let mut all = facts();
    all.join(event(1, "Evicted", "the only trace "));
    for number in 2..200 {
        all.join(event(number, "Pulled", &"x".repeat(600)));
        all.join(event(number, "Pulled", &"x".repeat(600)));
    }
    assert!(all.weight() <= MAX_WEIGHT);
    assert!(all.events.iter().any(|event| event.reason == "Evicted"));
    let kept = all.events.len() as u64;
    assert_eq!(all.omitted.events.count() + kept, 199, "a repeated event counts once");
}

/// A cluster of hundreds of nodes, and specs that only a hostile user writes: what is left fits, and can be read again.
#[test]
fn nodes_and_specs_stay_within_the_bound() {
    let long = |number: usize| format!("{number}-{}", "x".repeat(240));
    let mut all = facts();
    for number in 0..24 {
        let map: BTreeMap<String, String> = (0..16).map(|key| (long(key), long(number))).collect();
        let group = Group { name: long(number), limits: map.clone(), requests: map, ..Group::default() };
        let spec = Some(Spec { groups: vec![group; 12], ..Spec::default() });
        let uid = format!("u-{number}");
        let object = Subject { uid, name: long(number), namespace: long(0), spec, ..Subject::default() };
        all.join(Facts { objects: Table::from_iter([object]), ..Facts::default() });
        assert!(all.weight() <= MAX_WEIGHT, "{}", all.weight());
    }
    for number in 0..400 {
        let node = Node { name: long(number), uid: format!("n-{number}"), ..Node::default() };
        all.join(Facts { nodes: Table::from_iter([node]), ..Facts::default() });
        assert!(all.weight() <= MAX_WEIGHT, "{}", all.weight());
    }
    assert!(all.object("u-1").is_some() && all.omitted.others.count() > 0);
    let document = Document::new(id(), all, None);
    assert_eq!(Document::read(&document.to_bytes().unwrap()).unwrap().facts.objects, document.facts.objects);
}

/// The object was found gone after a restart: the end is somewhere between, unless the run was over before.
#[test]
fn an_end_that_nobody_saw_says_so_where_it_ended_the_run() {
    let [seen, now] = ["2026-11-29T08:00:00Z", "2026-11-30T09:30:00Z"].map(|time| Time::parse(time).unwrap());
    let document = Document { written_at: Some(seen), ..Document::new(id(), facts(), None) };
    let gone = document.gone_unwatched(now, "w");
    assert!((gone.is_final, gone.revision, gone.written_at) == (true, 2, Some(now)) && gone.writer == "w");
    let unseen: Vec<&str> = gone.facts.unseen.iter().map(String::as_str).collect();
    assert_eq!(unseen, ["the end, between 2026-11-29 08:00 and 2026-11-30 09:30 UTC"]);
    assert_eq!(gone.runs[0].to, Some(now));
    assert!(gone.first_cause().is_none_or(|cause| cause.certainty == crate::cause::Certainty::Likely));
    let mut over = facts();
    let known = over.objects.iter().next().cloned().unwrap();
    over.join(Facts { objects: Table::from_iter([Subject { deleted_at: Some(seen), ..known }]), ..Facts::default() });
    let gone = Document::new(id(), over, None).gone_unwatched(now, "w");
    assert!(gone.is_final && gone.facts.unseen.is_empty());
    assert_eq!(gone.runs[0].to, Some(seen));
}

/// An object that was suspended or to be retried may have gone on until nobody looked.
#[test]
fn a_suspension_or_a_retry_is_no_end_that_was_seen() {
    let [start, seen, now] = ["2026-11-29T07:00:00Z", "2026-11-29T08:00:00Z", "2026-11-30T09:30:00Z"].map(Time::parse);
    let job = || Subject { kind: Kind::RayJob, name: "j".into(), uid: "j-1".into(), ..Subject::default() };
    let suspends = || Table::from_iter([Suspend { generation: 2, value: true, at: seen, by: None }]);
    let attempt = |status: &str, job_status: &str| Attempt {
        job: "j-1".into(),
        cluster: "nightly".into(),
        from: start,
        ran_at: start,
        to: seen,
        state: State {
            deployment_status: status.into(),
            job_status: job_status.into(),
            message: "ValueError: broken".into(),
            ..State::default()
        },
    };
    let closed = |subject: Subject, attempt: Option<Attempt>| {
        let mut all = if subject.kind == Kind::RayJob { Facts::default() } else { facts() };
        let ObjectId { namespace, .. } = id();
        let object = ObjectId { kind: subject.kind, namespace, name: subject.name.clone(), uid: subject.uid.clone() };
        all.join(Facts {
            objects: Table::from_iter([subject]),
            attempts: Table::from_iter(attempt),
            ..Facts::default()
        });
        let document = Document { written_at: seen, ..Document::new(object, all, None) };
        let before = document.first_cause().map(|cause| cause.certainty);
        assert_eq!(before, Some(Certainty::Certain), "{:?}", document.runs);
        let gone = document.gone_unwatched(now.unwrap(), "w");
        let cause = gone.first_cause().map(|cause| (cause.code, cause.certainty)).unwrap();
        (cause, gone.facts.unseen.len())
    };
    let suspended = Subject { suspends: suspends(), ..job() };
    assert_eq!(closed(suspended, Some(attempt("Suspended", ""))), ((Code::Suspended, Certainty::Likely), 1));
    let cluster = facts().objects.iter().next().cloned().unwrap();
    let cluster = Subject { suspends: suspends(), ready_at: start, ..cluster };
    assert_eq!(closed(cluster, None), ((Code::Suspended, Certainty::Likely), 1));
    assert_eq!(closed(job(), Some(attempt("Retrying", "FAILED"))), ((Code::AppFailed, Certainty::Likely), 1));
    assert_eq!(closed(job(), Some(attempt("Failed", "FAILED"))), ((Code::AppFailed, Certainty::Certain), 0));
}
