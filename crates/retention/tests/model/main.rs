//! A model of retention: random sessions, rules, clocks and pins, crashes at every request, two executors at once, and
//! stores that fail, lie, refuse, or ignore conditions.
//!
//! At each write, `stage` checks that nothing is deleted that must stay, and that no reader sees a part of a session as
//! the whole. In the end, faults stop, and everything that was marked must be deleted or unmarked, with no folder half
//! full. `RAY_HISTORY_RETENTION_RUNS` sets the number of runs; `RAY_HISTORY_RETENTION_SEED` runs a single one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

mod random;
mod stage;
mod world;

use random::Random;
use ray_history_retention::time::{DAY, HOUR};
use ray_history_retention::{Executor, RunOutcome, Settings};
use stage::{Faults, Handle, Stage};
use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use world::World;

/// Runs of the default suite, in each of which everything that is counted happens often enough.
const RUNS: u64 = 60;
/// Steps with faults.
const STEPS: usize = 20;
/// Days with a run each, without faults, and more runs with longer breaks at the end. Together they are 75 days at least:
/// the longest grace of the rules, the patience of a mark, the memory of a deletion.
const CALM: [(usize, u64); 2] = [(21, 24), (18, 72)];

#[test]
fn nothing_is_lost_and_nothing_stays_half() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("RAY_HISTORY_RETENTION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RAY_HISTORY_RETENTION_RUNS").unwrap_or(RUNS),
    };
    let mut tally = BTreeMap::new();
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let result = runtime.block_on(history(seed, &mut tally));
        assert!(result.is_ok(), "RAY_HISTORY_RETENTION_SEED={seed}: {}", result.unwrap_err());
    }
    println!("{count} runs: {tally:?}");
    // A model in which nothing happens shows nothing.
    for event in ["Deleting", "Marking", "Halted", "Forbidden", "StoreFails", "deleted", "unmarked", "crashed", "late"]
    {
        let is_rare = tally.get(event).is_none_or(|times| times * 20 < count);
        assert!(count < RUNS || !is_rare, "{event} is rare: {tally:?}");
    }
}

/// Lives through one history.
async fn history(seed: u64, tally: &mut BTreeMap<&'static str, u64>) -> Result<(), String> {
    let mut random = Random::new(seed);
    let world = Arc::new(World::new(&mut random));
    let stage = Arc::new(Stage::new(Arc::clone(&world), random.split()));
    let mut settings = World::settings(&mut random);
    let mut generation = 0_u64;
    let mut executors: Vec<Option<Executor>> = vec![None, None];
    for _ in 0..STEPS {
        world.change(&mut random, &stage.memory, tally);
        if random.one_in(8) {
            settings = World::settings(&mut random);
            generation += 1;
        }
        let mut faults = Faults::random(&mut random, &stage);
        // A store that lies again and again cannot be told from the truth.
        faults.lies &= !stage.lied();
        stage.arm(faults);
        stage.follow(&settings);
        tokio::time::sleep(random.hours(1, 24 * 9)).await;
        let both = random.one_in(3);
        let outcomes = step(&mut executors, &stage, &world, &settings, generation, &mut random, both, tally).await;
        if outcomes.iter().any(|outcome| matches!(outcome, RunOutcome::Halted { .. })) && !random.one_in(4) {
            generation += 1;
        }
        stage.violation()?;
    }
    stage.arm(Faults::default());
    world.settle();
    for hours in CALM.into_iter().flat_map(|(runs, hours)| std::iter::repeat_n(hours, runs)) {
        generation += 1;
        tokio::time::sleep(random.hours(hours, hours + 6)).await;
        let before = stage.marks_today();
        step(&mut executors, &stage, &world, &settings, generation, &mut Random::calm(), false, tally).await;
        stage.violation()?;
        stage.check_share(&settings, before)?;
    }
    stage.check_end(&settings)
}

/// Lets one executor run, or both at once; each may crash at any request.
#[expect(clippy::too_many_arguments, reason = "the parts of one history")]
async fn step(
    executors: &mut [Option<Executor>],
    stage: &Arc<Stage>,
    world: &Arc<World>,
    settings: &Settings,
    generation: u64,
    random: &mut Random,
    both: bool,
    tally: &mut BTreeMap<&'static str, u64>,
) -> Vec<RunOutcome> {
    let mut runs = Vec::new();
    let first = usize::from(random.one_in(4));
    let chosen: Vec<usize> = if both { vec![0, 1] } else { vec![first] };
    let generation = generation.to_string();
    for at in chosen {
        let fuse = random.one_in(3).then(|| random.below(120));
        let handle = Arc::new(Handle::new(Arc::clone(stage), fuse, random.split()));
        // After a crash, a new process knows nothing.
        let forgets = fuse.is_some() || random.one_in(5);
        let kept = executors[at].take().filter(|_| !forgets);
        let mut executor = match kept {
            Some(executor) => executor.reconnected(Arc::clone(&handle) as _, Some(Arc::clone(&handle) as _)),
            None => Executor::new(
                Arc::clone(&handle) as _,
                Some(Arc::clone(&handle) as _),
                world.roots(),
                Arc::clone(&world.clock),
            ),
        };
        let sessions = world.listed(&stage.memory, stage.lies().then_some(&mut *random));
        let (world, generation) = (Arc::clone(world), generation.clone());
        runs.push(async move {
            let run = executor.run(settings, &generation, sessions, &*world).await;
            (at, executor, run, handle)
        });
    }
    let mut outcomes = Vec::new();
    for (at, executor, run, handle) in futures_util::future::join_all(runs).await {
        if let Ok(run) = &run {
            for (name, times) in [("marked", run.marked), ("unmarked", run.unmarked), ("deleted", run.deleted)] {
                *tally.entry(name).or_default() += times;
            }
        }
        let outcome = run.map_or_else(|outcome| outcome, |run| run.outcome);
        *tally.entry(outcome.as_str()).or_default() += 1;
        *tally.entry("crashed").or_default() += u64::from(handle.is_crashed());
        executors[at] = (!handle.is_crashed()).then_some(executor);
        outcomes.push(outcome);
    }
    outcomes
}

/// Times of the model are whole hours.
pub(crate) fn hours(count: u64) -> i64 {
    i64::try_from(count).unwrap() * HOUR
}

/// Returns a time that is a day older.
pub(crate) fn day_before(time: i64) -> i64 {
    time - DAY
}
