//! Tests of tables from columns.

use super::*;

fn id(own: u8, actor: u8, job: u8) -> TaskId {
    let mut id = [actor; 24];
    id[..8].fill(own);
    id[20..].copy_from_slice(&[job, 0, 0, 0]);
    crate::base::id::RayId(id)
}

/// Columns of attempts, stored by job: each has its row as the only time, and as many profile events as its row.
fn stored(attempts: &[(TaskId, u32)]) -> Columns {
    let rows = attempts.len();
    Columns {
        ids: attempts.iter().map(|&(id, _)| id).collect(),
        attempts: attempts.iter().map(|&(_, attempt)| attempt).collect(),
        flags: vec![flag::DEFINED; rows],
        names: vec![Str::default(); rows],
        shape: vec![0; rows],
        jobs: vec![JobId::NIL; rows],
        actors: vec![Id::default(); rows],
        parents: vec![Id::default(); rows],
        placement_groups: vec![Id::default(); rows],
        nodes: vec![Id::default(); rows],
        workers: vec![Id::default(); rows],
        pids: vec![0; rows],
        error_types: vec![Str::default(); rows],
        error_messages: vec![Text::default(); rows],
        states: vec![1 << TaskState::Running as u16; rows],
        times: (0..).take(rows).collect(),
        log: vec![NONE; rows],
        logs: Vec::new(),
        profile_source: vec![NONE; rows],
        profile_sources: Vec::new(),
        shapes: vec![Shape::default()],
    }
}

fn by_job() -> Vec<(TaskId, u32)> {
    vec![(id(2, 0xff, 1), 0), (id(9, 0xff, 1), 1), (id(9, 0xff, 1), 0), (id(1, 3, 2), 0), (id(5, 0xff, 2), 0)]
}

#[test]
fn stored_rows_come_back_in_rays_order() {
    let (mut table, order) = stored(&by_job()).into_table().unwrap();
    assert_eq!(order, [3, 0, 4, 1, 2]);
    let times: Vec<_> = table.iter().map(|attempt| attempt.time_of(TaskState::Running)).collect();
    assert_eq!(times, [3, 0, 4, 1, 2].map(Some));
    assert!(table.iter().all(|attempt| attempt.profile().is_empty()));
    let event = |at: i64| ProfileRow { start: at, end: at, name: Str::default(), extra: Str::default() };
    let events: Vec<ProfileRow> = [1, 2, 2, 3, 3, 3, 4, 4, 4, 4].map(event).to_vec();
    table.set_profile(&order, &[0, 1, 2, 3, 4], &events).unwrap();
    for (row, attempt) in table.iter().enumerate() {
        assert_eq!(attempt.profile(), vec![event(i64::from(order[row])); order[row] as usize]);
    }
    let place: Vec<u32> = table.by_place().into_iter().map(|row| order[row as usize]).collect();
    assert_eq!(place, [0, 1, 2, 3, 4]);
    assert!(table.set_profile(&order, &[0, 1, 2, 3, 5], &events).is_err());
    assert!(table.set_profile(&order, &[10, 0, 0, 0], &events).is_err());
}

#[test]
fn columns_that_do_not_fit_make_no_table() {
    type Damage = fn(&mut Columns);
    let broken: [(&str, Damage); 9] = [
        ("rows", |columns| columns.pids.clear()),
        ("shape", |columns| columns.shape[1] = 1),
        ("log", |columns| columns.log[1] = 0),
        ("source", |columns| columns.profile_source[1] = 7),
        ("flag", |columns| columns.flags[1] = 128),
        ("state", |columns| columns.states[1] = 1 << 14),
        ("times", |columns| columns.states[1] = 0),
        ("more times", |columns| columns.times.push(0)),
        ("twice", |columns| columns.ids[0] = columns.ids[2]),
    ];
    for (what, damage) in broken {
        let mut columns = stored(&by_job());
        damage(&mut columns);
        assert!(columns.into_table().is_err(), "{what}");
    }
}
