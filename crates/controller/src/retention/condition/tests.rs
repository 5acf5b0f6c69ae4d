use super::{SOON, State};
use ray_history_retention::brakes::{self, Halt};
use ray_history_retention::{Kept, Mode, Plan, Run, RunOutcome};

const NOW: i64 = 1_800_000_000_000_000_000;

fn run(outcome: RunOutcome) -> Run {
    Run { outcome, ..Run::new(Plan::default(), brakes::State::default()) }
}

#[test]
fn runs_that_find_the_same_change_the_status_once_an_hour() {
    let mut state = State::new(Mode::Delete);
    state.ran(&run(RunOutcome::Idle), true, NOW);
    let first = state.status();
    state.ran(&run(RunOutcome::Idle), true, NOW + SOON / 2);
    assert_eq!(state.status(), first);
    state.ran(&run(RunOutcome::Idle), true, NOW + SOON);
    assert_ne!(state.status().last_run, first.last_run);
    let mut found = run(RunOutcome::Idle);
    found.plan.kept.insert(Kept::Live, 1);
    state.ran(&found, true, NOW + SOON + 1_000_000_000);
    assert_eq!(state.status().kept.unwrap().live, 1);
    assert_ne!(state.status().last_run, first.last_run);
}

#[test]
fn a_halt_is_told_once() {
    let halt = |at| {
        let mut run = run(RunOutcome::Halted { message: "fewer".to_owned() });
        run.state.halted = Some(Halt { at, generation: String::new(), message: "fewer".to_owned() });
        run
    };
    let mut state = State::new(Mode::Delete);
    assert_eq!(state.ran(&halt(1), true, NOW), Some("fewer".to_owned()));
    assert_eq!(state.ran(&halt(1), true, NOW), None);
    // A run that fails in between ends no halt.
    state.failed(RunOutcome::StoreFails { message: "away".to_owned() });
    assert_eq!(state.ran(&halt(1), true, NOW), None);
    assert_eq!(state.ran(&halt(2), true, NOW), Some("fewer".to_owned()));
}

#[test]
fn a_failure_keeps_the_numbers_of_the_last_plan() {
    let mut state = State::new(Mode::Delete);
    let mut found = run(RunOutcome::Idle);
    found.plan.planned.sessions = 7;
    state.ran(&found, true, NOW);
    state.failed(RunOutcome::Forbidden { message: "403".to_owned() });
    assert_eq!(state.status().planned.unwrap().sessions, 7);
    let (status, reason, message) = state.condition();
    assert_eq!((status, reason), ("False", "Forbidden"));
    assert!(message.contains("docs/retention-stores.md"), "{message}");
}

#[test]
fn a_replica_that_only_plans_says_so() {
    let reason = |mode, acts| {
        let mut state = State::new(mode);
        state.ran(&run(RunOutcome::DryRun), acts, NOW);
        let (status, reason, _) = state.condition();
        (status, reason)
    };
    assert_eq!(reason(Mode::Delete, false), ("False", "NotLeading"));
    assert_eq!(reason(Mode::DryRun, false), ("True", "DryRun"));
}
