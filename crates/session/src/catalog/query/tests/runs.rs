//! Tests of orders, and of runs without a session among sessions.

use super::*;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::run_facts::{FactSource, JobFacts};
use ray_history_core::snapshot::submission::{JobStatus, JobType};
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;
use ray_history_obituary::time::Time;

/// Returns the found rows of a listing, after these rows were joined.
fn found(listing: &Arc<Listing>, rows: Vec<Row>) -> FoundRuns {
    let (rows, _) = Rows::default().joined(rows, true, usize::MAX);
    FoundRuns::new(listing, Arc::new(rows), &|_| None)
}

/// Returns the row of a run in January.
fn row(namespace: &str, cluster: &str, day: u32, hours: u32, outcome: Outcome) -> Row {
    let at = |hour: u32| Time::parse(&format!("2026-01-{day:02}T{hour:02}:00:00Z"));
    Row {
        object: ObjectId {
            kind: Kind::RayCluster,
            namespace: namespace.into(),
            name: cluster.into(),
            uid: format!("{cluster}-{day}"),
        },
        run: format!("head-{day}"),
        cluster: cluster.into(),
        from: at(0),
        to: at(hours),
        outcome,
        code: (outcome == Outcome::Failed).then_some(Code::HeadOOM),
        revision: 1,
        ..Row::default()
    }
}

/// The cluster and day of each item, in order; a run without a session has a star.
fn shown(page: &Page) -> Vec<String> {
    let mut runs = page.runs.iter().peekable();
    let mut names = Vec::new();
    for at in 0..=page.entries.len() {
        while let Some(run) = runs.next_if(|run| run.before == at) {
            names.push(format!("{}* {}", run.row.cluster, &run.row.from.unwrap().to_string()[8..10]));
        }
        names.extend(
            page.entries
                .get(at)
                .map(|entry| format!("{} {}", entry.key.cluster.name, &entry.key.session.as_str()[16..18])),
        );
    }
    names
}

struct Scene {
    listing: Arc<Listing>,
    found: FoundRuns,
}

impl Scene {
    fn new() -> Self {
        let listing = Arc::new(listing(&SAMPLES));
        let rows = vec![
            row("prod", "train-abcde", 5, 4, Outcome::Failed),
            row("prod", "serve-x", 4, 2, Outcome::Succeeded),
            row("dev", "bench", 3, 9, Outcome::Unknown),
            row("dev", "lost", 4, 6, Outcome::Failed),
            row("prod", "gone", 1, 1, Outcome::Stopped),
        ];
        let found = found(&listing, rows);
        Self { listing, found }
    }

    fn page(&self, query: &Query) -> Page {
        let outcome = |key: &SessionKey| match key.cluster.name.as_str() {
            "train-fghij" => ReadOutcome::Known(Outcome::Failed),
            "train-abcde" => ReadOutcome::Known(Outcome::Succeeded),
            "bench" => ReadOutcome::Known(Outcome::Stopped),
            _ => ReadOutcome::Unread,
        };
        let facts = |_: &SessionKey| Some(Arc::new(RunFacts::of(&Snapshot::default(), FactSource::Files, false)));
        let asked = Asked {
            manifests: &NONE,
            outcomes: &outcome,
            facts: &facts,
            found: Some(&self.found),
            expiring: &|_| false,
        };
        self.listing.page_with(&Query { runs: true, ..query.clone() }, &Watched::default(), asked)
    }
}

#[test]
fn runs_without_a_session_stand_among_sessions() {
    let scene = Scene::new();
    let all = Query::default;
    for (query, wanted) in [
        (
            all(),
            vec![
                "train-abcde 05",
                "serve-x 04",
                "train-fghij 04",
                "lost* 04",
                "bench 03",
                "bench 02",
                "Train 01",
                "gone* 01",
            ],
        ),
        // What Kubernetes knew counts before what the jobs tell, unless it is nothing.
        (Query { outcome: Some(Outcome::Failed), ..all() }, vec!["train-abcde 05", "train-fghij 04", "lost* 04"]),
        (Query { outcome: Some(Outcome::Stopped), ..all() }, vec!["bench 03", "bench 02", "gone* 01"]),
        (Query { cause: Some(Code::HeadOOM), ..all() }, vec!["train-abcde 05", "lost* 04"]),
        (Query { cause: Some(Code::Drained), ..all() }, vec![]),
        (Query { namespace: Some("prod".into()), text: Some("GONE".into()), ..all() }, vec!["gone* 01"]),
        (Query { text: Some("raycluster lost".into()), ..all() }, vec!["lost* 04"]),
        (Query { owner: Some("train".into()), ..all() }, vec!["train-abcde 05", "train-fghij 04"]),
        (Query { visible: Visible::one("dev"), ..all() }, vec!["lost* 04", "bench 03", "bench 02", "Train 01"]),
        (
            Query {
                served: Some(["dev".to_owned()].into()),
                text: Some("o".into()),
                namespace: Some("prod".into()),
                ..all()
            },
            vec!["train-abcde 05", "serve-x 04", "train-fghij 04"],
        ),
        (Query { state: Some(State::Unknown), cluster: Some("lost".into()), ..all() }, vec![]),
        (
            Query { sort: Sort::parse("outcome").unwrap(), ..all() },
            vec![
                "train-abcde 05",
                "train-fghij 04",
                "lost* 04",
                "bench 03",
                "bench 02",
                "gone* 01",
                "serve-x 04",
                "Train 01",
            ],
        ),
        (
            Query { sort: Sort::parse("duration").unwrap(), limit: 5, ..all() },
            vec!["bench 03", "lost* 04", "train-abcde 05", "serve-x 04", "gone* 01"],
        ),
        (Query { sort: Sort::parse("-started").unwrap(), limit: 2, ..all() }, vec!["gone* 01", "Train 01"]),
    ] {
        let page = scene.page(&query);
        assert_eq!(shown(&page), wanted, "{query:?}");
    }
    let without = scene.listing.page_with(
        &Query::default(),
        &Watched::default(),
        Asked {
            manifests: &NONE,
            outcomes: &|_| ReadOutcome::Unread,
            facts: &|_| None,
            found: Some(&scene.found),
            expiring: &|_| false,
        },
    );
    assert_eq!((without.total, without.runs.len()), (6, 0), "they are for those who ask for them");
}

/// In every order, and forth and back, pages are the whole list.
#[test]
fn pages_of_every_order_are_the_whole_list() {
    let scene = Scene::new();
    for (word, sort) in Sort::WORDS {
        let whole = shown(&scene.page(&Query { sort, ..Query::default() }));
        assert_eq!(whole.len(), 8);
        for limit in 1..=4 {
            let mut query = Query { sort, limit, ..Query::default() };
            let mut pages = vec![scene.page(&query)];
            while let Some(next) = pages.last().unwrap().next.clone() {
                query.after = Some(next.to_string().parse().unwrap());
                pages.push(scene.page(&query));
            }
            let got: Vec<String> = pages.iter().flat_map(shown).collect();
            assert_eq!(got, whole, "{word} {limit}");
            assert_eq!(pages[0].previous, None);
            for pair in pages.windows(2) {
                let before = pair[1].previous.as_ref().map(|cursor| cursor.to_string().parse().unwrap());
                let back = scene.page(&Query { sort, before, limit, ..Query::default() });
                assert_eq!(back, pair[0], "{word} {limit}");
            }
        }
    }
}

#[test]
fn jobs_are_found_by_error_type_and_metadata() {
    let listing = Arc::new(listing(&SAMPLES));
    let fact = |errors: &[&str], metadata: &[(&str, &str)]| {
        let snapshot = Snapshot::default();
        let mut facts = RunFacts::of(&snapshot, FactSource::Snapshot, false);
        facts.failed_attempts = Some(errors.iter().map(|name| ((*name).into(), 1)).collect());
        let job = JobFacts {
            job_type: JobType::Submission,
            submission_id: None,
            job_id: None,
            status: JobStatus::Failed,
            entrypoint: "".into(),
            start_ms: None,
            end_ms: None,
            metadata: metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            error_type: None,
            exit_code: None,
            last_words: None,
        };
        facts.jobs = vec![job];
        Some(Arc::new(facts))
    };
    let facts = |key: &SessionKey| match key.cluster.name.as_str() {
        "bench" => fact(&["OUT_OF_MEMORY"], &[("user", "ada"), ("team", "nlp")]),
        "serve-x" => fact(&["WORKER_DIED"], &[("user", "ada")]),
        _ => None,
    };
    let page = |query: Query| {
        let asked = Asked {
            manifests: &NONE,
            outcomes: &|_| ReadOutcome::Unread,
            facts: &facts,
            found: None,
            expiring: &|_| false,
        };
        let page = listing.page_with(&query, &Watched::default(), asked);
        (shown(&page), page.unread)
    };
    let metadata = |pairs: &[(&str, &str)]| Query {
        metadata: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..Query::default()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let error = |kind: &str| Query { error_type: Some(kind.into()), ..Query::default() };
    assert_eq!(page(error("out_of_memory")), (names(&["bench 03", "bench 02"]), 3));
    assert_eq!(page(error("NODE_DIED")), (vec![], 3));
    assert_eq!(page(metadata(&[("user", "ada")])).0, names(&["serve-x 04", "bench 03", "bench 02"]));
    assert_eq!(page(metadata(&[("user", "ada"), ("team", "nlp")])).0, names(&["bench 03", "bench 02"]));
    assert_eq!(page(metadata(&[("user", "nlp")])).0, names(&[]));
}
