//! Tests that any order, duplication or split of events gives an equal snapshot.

use super::*;

fn dump_of(builder: Builder) -> String {
    dump::snapshot(&builder.finish(&log_facts()))
}

proptest! {
    #[test]
    fn snapshot_does_not_depend_on_order(
        (events, shuffled) in events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
    ) {
        prop_assert_eq!(dump_of(fold(&events)), dump_of(fold(&shuffled)));
    }

    #[test]
    fn snapshot_ignores_duplicates_and_splits(
        (events, again) in events().prop_flat_map(|events| {
            let halves: Vec<Value> = events.iter().flat_map(split).chain(events.iter().cloned()).collect();
            (Just(events), Just(halves).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(dump_of(fold(&events)), dump_of(fold(&again)));
    }

    #[test]
    fn merged_builders_give_same_snapshot(
        events in events(), shares in proptest::collection::vec(0..3usize, 40), last_first in any::<bool>(),
    ) {
        let mut parts: [Vec<Value>; 3] = Default::default();
        for (event, share) in events.iter().zip(shares) {
            parts[share].push(event.clone());
        }
        let mut builders: Vec<Builder> = parts.iter().map(|part| fold(part)).collect();
        if last_first {
            builders.reverse();
        }
        let mut merged = builders.remove(0);
        for other in builders {
            merged.merge(other);
        }
        prop_assert_eq!(dump_of(fold(&events)), dump_of(merged));
    }
}
