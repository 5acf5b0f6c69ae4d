//! The controller against a real kube-apiserver and etcd, as the real program with its own ServiceAccount and exactly
//! the rights of `config/rbac`.
//!
//! Scenarios run in parallel and mostly wait; each has namespaces of its own on a control plane that is shared. Only
//! those that stop an API server, begin without definitions or need two clusters have one for themselves (`stage`).
//! Promises in seconds are tested first, on a machine that is not yet busy.
//! `libtest-mimic` runs them, because the control planes must end with the tests, and because as many threads as cores
//! would be far too few.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]
#![allow(clippy::float_cmp, reason = "metrics that count are whole numbers")]

mod access;
mod audit;
mod bucket;
#[path = "../common/mod.rs"]
mod common;
mod control_plane;
mod crd;
mod link;
mod liveness;
mod manifests;
mod many;
mod obituaries;
mod outages;
mod people;
mod persist;
mod prewarm;
mod quiet;
mod rbac;
mod replicas;
mod retention;
#[expect(clippy::wildcard_imports, reason = "rules are tables, in the words of the scenes")]
#[path = "../../crates/obituary/tests/scenes/mod.rs"]
mod scenes;
mod settings;
mod stage;
mod two_clusters;
mod world;

use libtest_mimic::{Arguments, Trial};
use stage::{Planes, Stage};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle};

/// The number of scenarios at a time, unless `--test-threads` sets another.
const AT_ONCE: usize = 24;

/// Makes trials of scenarios, named after their functions.
macro_rules! scenarios {
    ($stage:ident, $runtime:ident; $($module:ident: $($name:ident),* ;)*) => {
        vec![$($(
            trial(concat!(stringify!($module), "::", stringify!($name)), &$runtime, &$stage, $module::$name)
        ),*),*]
    };
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let (planes, handle) = (Arc::<Planes>::default(), runtime.handle().clone());
    let stage = Stage(Arc::clone(&planes));
    let calm = scenarios![stage, handle;
        liveness: a_deletion_marks_the_session_dead_within_two_seconds;
    ];
    // The longest come first: five idle minutes take five minutes.
    let mut trials = scenarios![stage, handle;
        access:
            what_is_revoked_ends_within_65_seconds,
            a_stopped_api_server_lets_nobody_new_in_and_is_honoured_for_a_while,
            every_right_of_sessions_is_what_its_role_says,
            every_right_of_rayclusters_is_what_its_role_says,
            everyone_who_is_known_sees_everything_but_values,
            a_missing_right_to_review_is_reported_and_recovers_without_requests,
            a_namespace_without_the_grant_is_seen_by_nobody_and_harms_no_other,
            missing_and_wrong_keys_never_weaken_access,
            people_whom_a_proxy_names_have_their_rights,
            only_tokens_for_the_audience_are_accepted,
            a_thousand_clients_are_one_review_and_garbage_harms_nobody;
        quiet: in_five_idle_minutes_only_watches_and_the_lease_are_asked_for;
        prewarm:
            a_dead_session_is_loaded_by_one_replica_once_it_is_quiet,
            without_prewarm_nothing_is_loaded_before_a_request;
        outages:
            a_deletion_during_an_api_server_outage_is_found_after_it,
            missing_definitions_are_waited_for_at_the_start,
            watch_expiry_loses_nothing,
            stored_sessions_are_served_while_the_api_server_is_away,
            a_cluster_recreated_during_an_outage_is_another_one,
            a_watch_that_continues_silently_is_reported_as_working,
            an_unreachable_api_server_is_waited_for_at_the_start,
            a_missing_permission_is_waited_for_at_the_start,
            clusters_that_may_not_be_watched_are_listed;
        obituaries:
            injected_causes_are_told_right_and_none_is_wrong_and_certain,
            a_head_without_memory_is_why_the_run_failed,
            a_run_that_ends_well_is_one_document,
            an_end_that_nobody_watched_makes_its_document_final,
            the_next_leader_writes_what_the_last_one_could_not,
            without_the_right_to_pods_documents_say_so,
            in_memory_nothing_is_written;
        retention:
            a_deletion_that_was_begun_is_finished_and_told,
            each_dead_session_has_a_proof_and_the_living_have_none;
        persist:
            dead_sessions_are_persisted_and_the_living_are_not,
            a_store_that_takes_no_sessions_is_told;
        two_clusters:
            on_a_shared_bucket_sessions_of_others_are_never_dead,
            a_wrong_label_of_a_shared_name_loses_no_late_file;
        many:
            five_thousand_clusters_cost_little_and_five_hundred_may_go;
        replicas:
            a_replica_writes_changes_only_and_once_in_ten_seconds,
            a_killed_replica_is_gone_from_the_status_within_a_minute,
            a_stopped_replica_removes_its_entry_and_its_lease;
        settings:
            a_bad_rayhistory_keeps_the_last_good_settings,
            a_smaller_cache_keeps_the_sessions_that_fit,
            another_store_is_opened_before_it_replaces_the_old_one,
            a_rotated_secret_is_used_without_a_restart,
            a_missing_secret_is_reported_and_the_last_good_settings_stay;
        liveness:
            a_recreated_clusters_old_session_is_dead_and_opens,
            a_suspended_clusters_session_is_dead_until_it_resumes,
            a_head_restart_makes_the_older_session_dead,
            a_session_stored_after_its_head_was_ready_is_listed,
            session_names_in_a_zone_eight_hours_off_change_nothing,
            the_end_of_a_cluster_is_an_event_on_its_owner,
            a_rayservice_leads_to_its_active_cluster_not_the_pending_one,
            tenants_of_two_namespaces_do_not_see_each_other,
            one_malformed_object_never_stops_a_watch;
        crd:
            every_rule_is_enforced_by_the_api_server_and_check,
            values_at_their_bounds_pass_the_api_server_and_check,
            the_definition_has_a_short_name_a_category_and_columns,
            an_unknown_field_is_refused_by_strict_apply_and_by_check;
        rbac:
            cluster_wide_rights_are_all_used_and_enough,
            rights_in_one_namespace_are_all_used_and_enough;
    ];
    trials.extend(rbac::all().into_iter().map(|(verb, resource)| {
        let name = format!("rbac::without_{verb}_on_{}_a_named_thing_fails", resource.replace(['/', '.'], "_"));
        trial(&name, &handle, &stage, move |stage| rbac::without(stage, verb, resource))
    }));
    let calm = libtest_mimic::run(&arguments, calm);
    let crowd = libtest_mimic::run(&arguments, trials);
    // The control planes end before we do.
    drop(planes);
    drop(stage);
    runtime.shutdown_background();
    if calm.has_failed() { calm.exit_code() } else { crowd.exit_code() }
}

fn trial<F: Future<Output = ()>>(
    name: &str,
    runtime: &Handle,
    stage: &Stage,
    scenario: impl FnOnce(Stage) -> F + Send + 'static,
) -> Trial {
    let (runtime, stage) = (runtime.clone(), stage.clone());
    Trial::test(name, move || {
        runtime.block_on(scenario(stage));
        Ok(())
    })
}
