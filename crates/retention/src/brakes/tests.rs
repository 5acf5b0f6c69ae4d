use super::*;
use ray_history_storage::memory::Memory;
use ray_history_storage_write::memory::MemoryWriter;
use std::sync::Arc;

const NOW: Nanos = 20_000 * DAY;

fn none(_: Nanos) -> u64 {
    0
}

#[test]
fn a_list_that_lost_more_than_a_fifth_halts() {
    for (before, now, deleted, halts) in [
        (100, 80, 0, false),
        (100, 79, 0, true),
        (100, 59, 20, true),
        (100, 60, 20, false),
        (100, 500, 0, false),
        (0, 0, 0, false),
        (4, 3, 0, true),
    ] {
        let mut state = State::default();
        assert_eq!(state.begin(NOW, "1", before, none), None);
        let halt = state.begin(NOW + DAY, "1", now, |_| deleted);
        assert_eq!(halt.is_some(), halts, "{before} {now} {deleted}");
    }
}

#[test]
fn a_halt_lasts_until_the_settings_change() {
    let mut state = State::default();
    state.begin(NOW, "1", 100, none);
    let message = state.begin(NOW + DAY, "1", 77, none).unwrap().message.clone();
    assert!(message.starts_with("the list has 23 % fewer sessions than yesterday"), "{message}");
    // Also when they come back.
    assert!(state.begin(NOW + 2 * DAY, "1", 100, none).is_some());
    assert_eq!(state.begin(NOW + 2 * DAY, "2", 77, none), None);
    assert_eq!(state.begin(NOW + 3 * DAY, "2", 77, none), None);
    assert!(state.begin(NOW + 3 * DAY, "2", 7, none).is_some());
}

#[test]
fn two_days_are_remembered() {
    let mut state = State::default();
    for (day, sessions) in [(0, 100), (0, 50), (1, 90), (2, 80), (3, 75)] {
        let halted = state.begin(NOW + day * DAY, "1", sessions, none).is_some();
        assert_eq!(halted, sessions == 50, "{day} {sessions}");
        if halted {
            state = State::default();
            state.begin(NOW, "1", 100, none);
        }
    }
    assert_eq!(state.days.iter().map(|day| day.sessions).collect::<Vec<_>>(), [80, 75]);
}

#[test]
fn marks_are_shown_again_after_a_break() {
    let mut state = State::default();
    for (at, since) in [(0, 0), (14, 0), (28, 0), (43, 43), (44, 43)] {
        state.begin(NOW + at * DAY, "1", 1, none);
        assert_eq!(state.rests_until(), Some(NOW + (since + 1) * DAY), "{at}");
    }
}

#[tokio::test]
async fn records_are_replaced_on_a_condition() {
    let store = Arc::new(Memory::default());
    let writer = MemoryWriter(Arc::clone(&store));
    let (mut state, none) = State::read(&*store, "log/").await.unwrap();
    assert_eq!((&state, &none), (&State::default(), &None));
    state.count(1, Removed { objects: 3, bytes: 100 }, NOW);
    assert_eq!(state.write(&writer, "log/", None).await.unwrap(), Put::Written);
    assert_eq!(state.write(&writer, "log/", None).await.unwrap(), Put::Refused);
    let (read, etag) = State::read(&*store, "log/").await.unwrap();
    assert_eq!((read.deleted, read.schema.as_str()), (state.deleted, SCHEMA));
    assert_eq!(read.write(&writer, "log/", etag.as_deref()).await.unwrap(), Put::Written);
    assert_eq!(read.write(&writer, "log/", etag.as_deref()).await.unwrap(), Put::Refused);
}

/// A damaged record would release all brakes, so nothing runs without it.
#[tokio::test]
async fn a_record_of_others_is_an_error() {
    for text in ["", "{}", "[]", r#"{"schema":"ray-history/retention/v2"}"#] {
        let store = Memory::default();
        store.put("ray-history/v1/retention.json", text);
        assert!(State::read(&store, "").await.is_err(), "{text}");
    }
}
