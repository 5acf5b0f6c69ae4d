//! Attempts of recorded sessions: written as tables and read again, they are as the events gave them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

mod common;

use common::fixture;
use ray_history_core::layout::Root;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::testing::dump;
use ray_history_session::Sessions;
use ray_history_storage::local::Local;
use ray_history_tables::{Environments, Stamp, Values, profile, tasks};
use std::sync::Arc;

/// Writes and reads the attempts of a snapshot, with the values of runtime environments.
fn through_tables(snapshot: &Snapshot) -> Snapshot {
    let (stamp, mut environments) = (Stamp::default(), Environments::default());
    let (mut of_tasks, mut of_profile) = (Vec::new(), Vec::new());
    let options = tasks::Options { messages: true };
    let tasks_promise = tasks::write(snapshot, &stamp, options, &mut environments, &mut of_tasks).unwrap();
    let profile_promise = profile::write(snapshot, &stamp, &mut of_profile).unwrap();
    let mut values = Values { environments: Some(environments), ..Values::default() };
    let mut read = tasks::read(of_tasks.into(), &stamp, &tasks_promise, &mut values).unwrap();
    profile::read(of_profile.into(), &stamp, &profile_promise, &mut values, &mut read).unwrap();
    let (strings, ids, texts) = (values.strings.freeze(), values.ids.freeze(), values.texts.freeze());
    Snapshot { strings, ids, texts, tasks: read.table, ..Snapshot::default() }
}

#[test]
fn recorded_attempts_come_back_from_tables() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for name in ["mixed", "service", "day-2.57", "hard-2.60", "hard-2.55", "kube-sessions"] {
        let folder = fixture::unpacked(name);
        let mut attempts = 0;
        runtime.block_on(async {
            let store = Arc::new(Local::open(folder.path().join("storage")).unwrap());
            let sessions = Arc::new(Sessions::new(store, vec![Root::new("")]));
            let keys: Vec<_> = sessions.refresh().await.unwrap().iter().map(|item| item.key.clone()).collect();
            for key in keys {
                let opened = sessions.open(&key).await.unwrap();
                let (before, after) = (dump::tasks(&opened.snapshot), dump::tasks(&through_tables(&opened.snapshot)));
                let differs = before.lines().zip(after.lines()).find(|(before, after)| before != after);
                assert!(before == after, "{name} {key}: {differs:#?}");
                attempts += opened.snapshot.tasks.len();
            }
        });
        assert!(attempts > 0, "{name}");
    }
}
