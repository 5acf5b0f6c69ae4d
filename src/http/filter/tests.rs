use super::*;
use crate::session::{ClusterId, Owner, SessionName};

/// Newest first, as a listing is: `n` sessions of three clusters, every second of which a RayJob owns.
fn entries(n: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = (0..n)
        .map(|i| {
            let session = format!("session_2026-11-22_{:02}-{:02}-{:02}_000000_1", i / 3600, i / 60 % 60, i % 60);
            let cluster = ClusterId { namespace: format!("ns-{}", i % 2), name: format!("Cluster_{}", i % 3) };
            Entry {
                key: SessionKey { cluster, session: SessionName::parse(&session).unwrap() },
                owner: (i % 2 == 0).then(|| Owner { kind: OwnerKind::RayJob, name: format!("job-{}", i % 4) }),
                marked: true,
                namespace_known: true,
            }
        })
        .collect();
    entries.sort_by(|a, b| rank(&a.key).cmp(&rank(&b.key)));
    entries
}

fn count(query: &str, entries: &[Entry]) -> usize {
    Filter::parse(query, 100, 1000).unwrap().page(entries, |_| Life::Unknown).total
}

#[test]
fn pages_show_every_session_once_newest_first() {
    let all = entries(250);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let filter = Filter::parse(&format!("limit=40&after={after}"), 100, 1000).unwrap();
        let page = filter.page(&all, |_| Life::Unknown);
        assert_eq!(page.total, 250);
        seen.extend(page.entries.iter().map(|entry| entry.key.clone()));
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(seen, all.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>());
}

#[test]
fn a_page_goes_on_behind_a_session_that_is_gone() {
    let mut all = entries(20);
    let first = Filter::parse("limit=5", 100, 1000).unwrap();
    let next = first.page(&all, |_| Life::Unknown).next.unwrap();
    all.remove(4);
    let second = Filter::parse(&format!("limit=5&after={next}"), 100, 1000).unwrap();
    assert_eq!(second.page(&all, |_| Life::Unknown).entries[0].key, all[4].key);
}

#[test]
fn each_parameter_narrows_the_list() {
    let all = entries(120);
    for (query, fits) in [
        ("", 120),
        ("namespace=ns-0", 60),
        ("cluster=Cluster_1", 40),
        ("ownerKind=RayJob", 60),
        ("ownerKind=rayservice", 0),
        ("owner=job-2", 30),
        ("state=unknown", 120),
        ("state=dead", 0),
        ("startedAfter=2026-11-22T00:01:00Z", 60),
        ("startedBefore=2026-11-22T00:01:00Z", 60),
        ("q=CLUSTER_1+ns-0", 20),
        ("q=nobody", 0),
        ("else=1", 120),
    ] {
        assert_eq!(count(query, &all), fits, "{query}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("state=gone", "state"),
        ("ownerKind=pod", "ownerKind"),
        ("startedAfter=yesterday", "startedAfter"),
        ("after=x", "after"),
        ("after=../../etc/passwd", "after"),
    ] {
        let error = Filter::parse(query, 100, 1000).unwrap_err().to_string();
        assert!(error.starts_with(name), "{query}: {error}");
    }
}
