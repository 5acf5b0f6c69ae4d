//! Tests that a builder's weight counts everything its drafts hold once, for any order of events.

use super::*;

fn weights(builder: &Builder) -> [usize; 3] {
    [builder.actors.weight(), builder.jobs.weight(), builder.placement_groups.weight()]
}

proptest! {
    #[test]
    fn counts_each_event_once(small in prop::collection::vec((any::<u8>(), any::<[u8; 6]>()), 1..30)) {
        let events: Vec<Value> = small.iter().map(|(kind, n)| event(*kind, *n)).collect();
        let twice: Vec<Value> = events.iter().rev().chain(&events).cloned().collect();
        let mut folded = fold(&twice);
        prop_assert_eq!(weights(&folded), weights(&fold(&events)));
        folded.merge(fold(&events));
        prop_assert_eq!(weights(&folded), weights(&fold(&events)));
    }
}

#[test]
fn counts_all_texts_of_one_row() {
    const TEXT: usize = 1_000;
    let text = "x".repeat(TEXT);
    let states = |more: Value| -> Vec<Value> {
        let one = |n: u8| {
            let mut state = json!({"state": "ALIVE", "timestamp": time(n)});
            state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            state
        };
        (0..50).map(one).collect()
    };
    let bundles: Vec<Value> =
        (0..50).map(|n| json!({"bundleIndex": n, "unitResources": {(text.as_str()): 1.0}})).collect();
    let folded = fold(&[
        json!({"eventType": "ACTOR_LIFECYCLE_EVENT", "timestamp": time(1), "actorLifecycleEvent": {
            "actorId": id(16, 1), "stateTransitions": states(json!({}))}}),
        json!({"eventType": "SUBMISSION_JOB_LIFECYCLE_EVENT", "timestamp": time(1), "submissionJobLifecycleEvent": {
            "submissionId": "a", "stateTransitions": states(json!({"message": text}))}}),
        json!({"eventType": "PLACEMENT_GROUP_DEFINITION_EVENT", "timestamp": time(1), "placementGroupDefinitionEvent": {
            "placementGroupId": id(18, 1), "bundles": bundles}}),
    ]);
    assert_eq!(folded.completeness.damaged_records.count, 0);
    let [actors, jobs, groups] = weights(&folded);
    assert!(actors > 50 * 32, "{actors}");
    assert!(jobs > 50 * TEXT, "{jobs}");
    assert!(groups > 50 * TEXT, "{groups}");
}
