//! Injected causes, all at once: the right first cause of each, and none that is wrong and certain.

use super::clock::now;
use super::play::{Doom, Player};
use super::tables;
use crate::bucket::Owner;
use crate::manifests::{Form, Rights};
use crate::scenes::objects::{Scene, cluster, ready};
use crate::scenes::recorded::{self, Recorded};
use crate::scenes::{Row, no_cause, rules};
use crate::stage::Stage;
use crate::world::{World, unique};
use futures_util::future::join_all;
use ray_history_obituary::cause::{Certainty, Code, Outcome};
use ray_history_obituary::document::{Document, ObjectId};
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::Ledger;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Namespaces that the scenes share.
const NAMESPACES: usize = 4;
/// Time between the starts of two scenes: Events of pods are asked for twice a second.
const BETWEEN: Duration = Duration::from_millis(100);
/// The time after the last deletion for what arrives late: a document is written once a minute.
const LATE: Duration = Duration::from_secs(75);

/// A scene that the API server shows, and what is kept of it.
struct Case {
    name: String,
    is_cause: bool,
    cause: Option<Code>,
    certainty: Option<Certainty>,
    outcome: Outcome,
    scene: Scene,
    /// It ends with the deletion of its namespace.
    doom: Option<Doom>,
    kind: Kind,
    /// The name and the uid of the object whose document tells it, in the scene.
    object: (String, String),
}

impl Case {
    fn new(
        name: &str,
        is_cause: bool,
        expected: (Option<Code>, Option<Certainty>, Outcome),
        scene: Scene,
        uid: &str,
    ) -> Self {
        let (cause, certainty, outcome) = expected;
        let shown = scene.steps.iter().find(|step| step.object["metadata"]["uid"] == uid).unwrap();
        let kind = Kind::from_name(shown.object["kind"].as_str().unwrap()).unwrap();
        let object = (shown.object["metadata"]["name"].as_str().unwrap().to_owned(), uid.to_owned());
        Self { name: name.to_owned(), is_cause, cause, certainty, outcome, scene, doom: None, kind, object }
    }
}

/// Returns all scenes.
fn cases() -> Vec<Case> {
    let of = |is_cause: bool| {
        move |row: Row| {
            let expected = (row.cause, row.certainty, row.outcome);
            Case::new(row.name, is_cause, expected, row.scene, row.uid)
        }
    };
    let mut cases: Vec<Case> = rules::rows().into_iter().map(of(true)).collect();
    cases.extend(no_cause::rows().into_iter().map(of(false)));
    for Recorded { name, cause, outcome, .. } in &recorded::ALL {
        let (cause, certainty) = cause.unzip();
        let scene = recorded::scene(name);
        let of_kind = |kind: &str| scene.steps.iter().find(|step| step.object["kind"] == kind);
        let shown = of_kind("RayJob").or_else(|| of_kind("RayCluster")).unwrap();
        let uid = shown.object["metadata"]["uid"].as_str().unwrap().to_owned();
        cases.push(Case::new(&format!("recorded: {name}"), true, (cause, certainty, *outcome), scene, &uid));
    }
    // No namespace is deleted without an API server.
    let scene = Scene::cluster().see(1, cluster(ready())).healthy();
    let deleted = (Some(Code::NamespaceDeleted), Some(Certainty::Certain), Outcome::Stopped);
    for (name, doom) in [("its namespace is deleted", Doom::First), ("its namespace takes it later", Doom::Later)] {
        cases.push(Case { doom: Some(doom), ..Case::new(name, true, deleted, scene.clone(), "c-uid") });
    }
    cases
}

/// The marks of what is kept of a scene.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one mark")]
struct Marks {
    is_final: bool,
    first: bool,
    of_three: bool,
    wrong_and_certain: bool,
    outcome: bool,
    certainty: bool,
    told: String,
}

fn marks(case: &Case, document: &Document) -> Marks {
    let Some(run) = document.runs.last() else { return Marks::default() };
    let first = run.first_cause();
    let code = first.map(|cause| cause.code);
    let is_certain = first.is_some_and(|cause| cause.certainty == Certainty::Certain);
    Marks {
        is_final: document.is_final,
        first: code == case.cause,
        of_three: code == case.cause || run.causes.iter().take(3).any(|cause| Some(cause.code) == case.cause),
        wrong_and_certain: is_certain && code != case.cause,
        outcome: run.outcome == case.outcome,
        certainty: case.certainty.is_none() || first.map(|cause| cause.certainty) == case.certainty,
        told: format!("{}: {}", run.outcome, run.sentence(&document.facts)),
    }
}

impl Marks {
    fn are_right(&self) -> bool {
        self.is_final && self.first && self.outcome && self.certainty
    }
}

/// Returns the marks of a page, which joins the tables of the session with what is kept of its run.
fn marks_of_page(case: &Case, page: &str, document: &Document) -> Marks {
    let code = page.split_once("Cause <code>").and_then(|(_, rest)| rest.split_once("</code>")).map(|(code, _)| code);
    let first = code == case.cause.map(|code| code.to_string()).as_deref();
    let is_certain = page.contains("Certain: the state of an object");
    let expected = case.certainty.map(|certainty| certainty == Certainty::Certain);
    Marks {
        is_final: document.is_final,
        first,
        of_three: first,
        wrong_and_certain: is_certain && !first,
        outcome: page.contains(&format!("</span> {}</span>", case.outcome)),
        certainty: expected.is_none_or(|expected| expected == is_certain),
        told: format!("{code:?}, certain {is_certain}"),
    }
}

/// Scenes with numbers of what is right.
#[derive(Default)]
struct Score {
    cases: usize,
    first: usize,
    of_three: usize,
    wrong_and_certain: usize,
    outcome: usize,
    certainty: usize,
}

impl Score {
    fn add(&mut self, marks: &Marks) {
        self.cases += 1;
        self.first += usize::from(marks.first);
        self.of_three += usize::from(marks.of_three);
        self.wrong_and_certain += usize::from(marks.wrong_and_certain);
        self.outcome += usize::from(marks.outcome);
        self.certainty += usize::from(marks.certainty);
    }

    fn line(&self, what: &str) -> String {
        let Self { cases, first, of_three, wrong_and_certain, outcome, certainty } = self;
        format!("{what:<12} {cases:>5} {first:>5} {of_three:>8} {wrong_and_certain:>13} {outcome:>7} {certainty:>9}\n")
    }
}

/// A scene that was played.
struct Played<'a> {
    case: &'a Case,
    namespace: &'a str,
    prefix: &'a str,
    player: Player<'a>,
    /// The page of its session, where Ray's own facts tell the cause.
    page: Option<String>,
}

impl<'a> Played<'a> {
    /// Plays a scene, and stores its session if it has one.
    async fn of(world: &'a World, case: &'a Case, (namespace, prefix): &'a (String, String)) -> Self {
        let from = now();
        let player = Player::play(&world.plane, namespace, prefix.clone(), &case.scene, case.doom).await;
        let page = case.scene.ray.as_ref().map(|ray| {
            let cluster = format!("{prefix}c");
            let began = jiff::Timestamp::from_nanosecond(from.plus(2).0.into()).unwrap();
            let session = format!("session_{}_000000_1", began.strftime("%Y-%m-%d_%H-%M-%S"));
            let events = tables::events(ray, prefix, &session, from.plus(2), |time| player.real(time));
            let job = format!("{prefix}j");
            let owner = if case.kind == Kind::RayJob { Owner::RayJob(&job) } else { Owner::Nobody };
            world.bucket.store(namespace, owner, &cluster, &session);
            world.bucket.told(namespace, owner, &cluster, &session, 1, &events);
            format!("/sessions/{namespace}/{cluster}/{session}/why")
        });
        Self { case, namespace, prefix, player, page }
    }

    /// Returns the document, as it is in the bucket.
    fn document(&self, world: &World) -> Option<Document> {
        let (name, uid) = &self.case.object;
        let (name, uid) = (format!("{}{name}", self.prefix), self.player.uid(uid).to_owned());
        let object = ObjectId { kind: self.case.kind, namespace: self.namespace.to_owned(), name, uid };
        let bytes = std::fs::read(world.bucket.path().join(object.key("")?)).ok()?;
        Document::read(&bytes).ok()
    }

    /// Returns the marks of what is kept, or shown.
    async fn marks(&self, world: &World) -> Marks {
        let Some(document) = self.document(world) else { return Marks::default() };
        match &self.page {
            None => marks(self.case, &document),
            Some(page) => marks_of_page(self.case, &world.server().text(page).await, &document),
        }
    }
}

/// Creates a world with a recorder of these namespaces.
async fn world_of(stage: Stage, namespaces: &[String]) -> World {
    let mut world = World::empty(stage.shared().await, Form::ClusterWide).await;
    world.rights = Rights::of(Form::ClusterWide, &world.namespace).with_obituaries("Pods", &world.namespace);
    world.rights.grant(&world.plane).await;
    world.plane.define_kueue().await;
    for namespace in namespaces {
        world.plane.namespace(namespace).await;
    }
    let mut history = world.history_with("obituaries", json!({"mode": "Pods"}));
    history["spec"]["clusters"] = json!({ "namespaces": namespaces });
    world.plane.apply(history).await;
    world.start().await;
    world.has("ObituariesKept", "True", "Recording").await;
    world
}

pub(crate) async fn injected_causes_are_told_right_and_none_is_wrong_and_certain(stage: Stage) {
    // The last namespace is for the scenes that end with it.
    let namespaces: Vec<String> = (0..=NAMESPACES).map(|_| format!("causes-{}", unique())).collect();
    let mut world = world_of(stage, &namespaces).await;
    let cases = cases();
    let place = |(n, case): (usize, &Case)| {
        let place = if case.doom.is_some() { NAMESPACES } else { n % NAMESPACES };
        (namespaces[place].clone(), format!("s{n:02}-"))
    };
    let places: Vec<(String, String)> = cases.iter().enumerate().map(place).collect();
    let begun = Instant::now();
    let plays = cases.iter().zip(&places).zip(0..).map(|((case, place), n)| {
        let world = &world;
        async move {
            tokio::time::sleep(BETWEEN * n).await;
            Played::of(world, case, place).await
        }
    });
    let played = join_all(plays).await;
    println!("{} scenes were played in {:?}", cases.len(), begun.elapsed());
    let ended = Instant::now();
    let (mut last, mut wrong) = ((String::new(), Duration::ZERO), BTreeSet::new());
    let all = loop {
        let all = join_all(played.iter().map(|played| played.marks(&world))).await;
        // A document that is final is announced.
        for (played, marks) in played.iter().zip(&all).filter(|(_, marks)| marks.is_final && marks.wrong_and_certain) {
            wrong.insert(format!("{} {}: {}", played.prefix, played.case.name, marks.told));
        }
        if let Some((late, marks)) = played.iter().zip(&all).find(|(_, marks)| !marks.are_right()) {
            let (Case { name, .. }, prefix) = (late.case, late.prefix);
            last = (format!("{prefix} {name}, final {}: {}", marks.is_final, marks.told), begun.elapsed());
        }
        if all.iter().all(Marks::are_right) || ended.elapsed() > LATE {
            break all;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    println!(
        "all was written after {:?}; the last was wrong or not final until {:?}: {}",
        begun.elapsed(),
        last.1,
        last.0
    );

    let (mut real, mut others, mut odd) = (Score::default(), Score::default(), String::new());
    for (played, marks) in played.iter().zip(&all) {
        let Case { name, is_cause, cause, certainty, outcome, .. } = played.case;
        if *is_cause { &mut real } else { &mut others }.add(marks);
        if !marks.are_right() {
            let (prefix, is_final, told) = (played.prefix, marks.is_final, &marks.told);
            let expected = (cause, certainty, outcome);
            let _ = writeln!(odd, "{prefix} {name}: expected {expected:?}, final {is_final}: {told}");
        }
    }
    let head = format!("{:<12} scenes first in three wrong+certain outcome certainty\n", "");
    println!("{head}{}{}{odd}", real.line("causes"), others.line("no causes"));
    let codes: BTreeSet<Code> = cases.iter().filter(|case| case.is_cause).filter_map(|case| case.cause).collect();
    println!("{} different codes", codes.len());
    assert!(real.cases >= 40, "{} scenes", real.cases);
    assert_eq!(wrong, BTreeSet::new(), "final, wrong and certain at some time");
    assert_eq!(real.wrong_and_certain + others.wrong_and_certain, 0, "{odd}");
    assert_eq!((real.first, real.of_three), (real.cases, real.cases), "{odd}");
    assert_eq!((others.first, others.outcome), (others.cases, others.cases), "{odd}");
    let outcomes_and_certainties = |score: &Score| (score.outcome, score.certainty);
    assert_eq!(outcomes_and_certainties(&real), (real.cases, real.cases), "{odd}");
    assert_eq!(others.certainty, others.cases, "{odd}");
    assert!(all.iter().all(|marks| marks.is_final), "{odd}");
    let documents: Vec<Document> = played.iter().map(|played| played.document(&world).unwrap()).collect();
    drop(played);
    // The end writes the last rows of the ledger.
    world.servers.remove(0).process.terminate().await;
    assert_rows(&world, &documents);
}

/// Fails unless the ledger's row of each run says what its document does.
fn assert_rows(world: &World, documents: &[Document]) {
    let mut ledger = Ledger::default();
    for piece in world.kept("ledger") {
        assert_eq!(ledger.read(&std::fs::read(piece).unwrap()), 0);
    }
    for document in documents {
        let run = document.runs.last().unwrap();
        let rows = ledger.rows().filter(|row| row.object == document.object && row.revision == document.revision);
        let told: Vec<_> = rows.map(|row| (row.outcome, row.code, row.certainty)).collect();
        let first = run.first_cause();
        let expected = (run.outcome, first.map(|cause| cause.code), first.map(|cause| cause.certainty));
        assert!(told.contains(&expected), "{:?}: {expected:?} is not among {told:?}", document.object);
    }
}
