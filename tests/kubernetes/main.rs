//! The controller against a real kube-apiserver and etcd, as the real program with its own ServiceAccount and exactly
//! the rights of `config/rbac`.
//!
//! Scenarios run side by side and mostly wait; each has namespaces of its own on a control plane that is shared. Only
//! those that stop an API server, begin without definitions or need two clusters have one for themselves (`stage`).
//! What is promised in seconds is tried before the others crowd the machine.
//! A harness of our own runs them, because the control planes must end with it, and because as many threads as cores
//! would be far too few.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop")]
#![allow(clippy::float_cmp, reason = "metrics that count are whole numbers")]

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
mod outages;
mod prewarm;
mod quiet;
mod rbac;
mod replicas;
mod settings;
mod stage;
mod two_clusters;
mod world;

use libtest_mimic::{Arguments, Trial};
use stage::{Planes, Stage};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle};

/// So many scenarios at a time, when nobody says another number (`--test-threads`).
const AT_ONCE: usize = 24;

/// Scenarios by the names of their functions.
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
        liveness: a_deletion_marks_the_session_dead_within_two_seconds_and_its_dashboard_opens;
    ];
    // The longest come first: five idle minutes take five minutes.
    let mut trials = scenarios![stage, handle;
        quiet: in_five_idle_minutes_it_asks_for_nothing_but_its_watches_and_its_lease;
        prewarm:
            a_session_that_died_is_loaded_by_one_replica_when_its_uploads_have_gone_quiet,
            nothing_is_loaded_before_anybody_asks_when_prewarm_is_off;
        outages:
            a_deletion_during_an_api_server_outage_is_found_after_it,
            definitions_that_are_missing_at_the_start_are_waited_for,
            watch_expiry_loses_nothing,
            the_api_server_goes_away_for_a_minute_and_stored_sessions_are_still_served,
            a_cluster_recreated_during_an_outage_is_another_one,
            a_watch_that_goes_on_silently_is_said_to_be_well_again,
            an_api_server_that_is_unreachable_at_the_start_is_waited_for,
            a_permission_that_is_missing_at_the_start_is_waited_for,
            where_clusters_may_not_be_watched_they_are_listed;
        two_clusters:
            two_kubernetes_clusters_on_one_shared_bucket_never_call_each_others_sessions_dead,
            under_one_name_in_two_kubernetes_clusters_a_wrong_label_loses_no_late_file;
        many:
            five_thousand_clusters_are_listed_in_pages_cost_little_memory_and_five_hundred_may_go_at_once;
        replicas:
            a_replica_writes_at_most_once_in_ten_seconds_and_nothing_when_nothing_changed,
            of_two_replicas_one_is_killed_and_the_status_is_right_within_a_minute,
            a_replica_that_is_stopped_takes_its_entry_and_its_lease_with_it;
        settings:
            a_bad_rayhistory_keeps_the_last_good_settings_and_says_why,
            cache_and_loading_change_while_it_runs_and_what_still_fits_stays,
            storage_changes_while_it_runs_and_the_new_store_is_opened_first,
            a_rotated_secret_is_picked_up_without_a_restart_and_what_is_open_stays,
            a_missing_secret_is_told_and_the_last_good_settings_stay;
        liveness:
            a_recreated_clusters_old_session_is_dead_and_open_while_the_new_one_is_live,
            a_suspended_clusters_session_is_dead_and_live_again_when_it_resumes,
            a_head_restart_makes_the_older_session_dead,
            session_names_in_a_zone_eight_hours_off_change_nothing,
            the_end_of_a_rayjobs_cluster_is_told_on_the_rayjob_and_of_a_rayservices_on_the_rayservice,
            a_rayservice_leads_to_its_active_cluster_while_the_newest_is_a_pending_one,
            two_tenants_in_two_namespaces_do_not_see_each_others_sessions_or_clusters,
            one_malformed_object_never_stops_a_watch;
        crd:
            every_rule_has_a_violation_that_the_api_server_and_check_refuse,
            what_is_right_at_its_bounds_is_taken_by_the_api_server_and_by_check,
            the_definition_has_its_short_name_its_category_and_its_columns,
            a_field_that_does_not_exist_is_refused_where_kubectl_asks_for_that_and_by_check;
        rbac:
            cluster_wide_it_uses_all_of_its_rights_and_needs_no_more,
            in_one_namespace_it_uses_all_of_its_rights_and_needs_no_more;
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
