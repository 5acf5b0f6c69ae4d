//! Start time and approximate end time of a submission, from the most exact source stored.
//!
//! `JobInfo.start_time` is taken just after the agent logs `Starting job with submission_id`, in local time; the
//! driver log's first line follows within some ten milliseconds. `event_JOBS.log` has the same moment in whole
//! seconds of UTC. It therefore gives the time zone if no supervisor's log does, and distinguishes an accepted request
//! from one that was refused because the submission existed already.

use super::index::Index;
use super::partial::PartialJob;
use super::some_millis;
use crate::logs::Facts;
use crate::logs::zone::Zone;

/// Returns a part with the start time only.
pub(super) fn partial(index: &Index<'_>, id: &str) -> PartialJob {
    let facts = &index.snapshot.facts;
    let started = facts.job_events.get(id).and_then(|event| event.started_s);
    let started_ms = started.and_then(|seconds| seconds.checked_mul(1_000));
    let requested: Vec<i64> = facts.agents.requested_local_ms(id).collect();
    let utc = |local_ms: i64| utc_ms(facts, local_ms, started_ms);
    // The event is logged within about a second after the request; a later request was refused.
    let accepted = |utc_ms: &i64| started_ms.is_none_or(|started| *utc_ms < started.saturating_add(1_000));
    let exact = match started_ms {
        Some(_) => requested.iter().rev().filter_map(|&local| utc(local)).find(accepted),
        None => requested.first().and_then(|&local| utc(local)),
    };
    let by_driver_log = || facts.driver_logs.of(id).find_map(|(_, log)| log.accepted_local_ms).and_then(utc);
    let by_actor = || index.supervisor(id).and_then(|actor| some_millis(actor.first_seen));
    let by_driver = || index.drivers(id).iter().filter_map(|job| some_millis(job.created)).min();
    let start_ms = exact.or_else(by_driver_log).or(started_ms).or_else(by_actor).or_else(by_driver);
    PartialJob { start_ms, ..PartialJob::default() }
}

/// Returns the approximate end of a submission that ended, for use if no source has the exact one.
///
/// In recorded sessions its supervisor ends 9 to 21 ms later; the job manager notices within about two seconds; a
/// driver may end long before.
pub(super) fn rough_end_ms(index: &Index<'_>, id: &str) -> Option<i64> {
    let supervisor = index.supervisor(id).and_then(|actor| some_millis(actor.end));
    let noticed = || index.snapshot.facts.job_events.get(id)?.completed.as_ref()?.at_s.checked_mul(1_000);
    let drivers = || index.drivers(id).iter().filter_map(|job| some_millis(job.finished)).max();
    supervisor.or_else(noticed).or_else(drivers)
}

/// Converts a local time to UTC. `same_ms` is the approximate UTC time of the same moment, if known.
fn utc_ms(facts: &Facts, local_ms: i64, same_ms: Option<i64>) -> Option<i64> {
    facts.zone.utc_ms(local_ms).or_else(|| {
        let mut zone = Zone::default();
        zone.learn(local_ms, same_ms?);
        zone.utc_ms(local_ms)
    })
}
