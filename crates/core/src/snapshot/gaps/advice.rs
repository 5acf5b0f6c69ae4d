//! Advice on how to export the missing events, for the version of Ray that recorded the session.

use crate::event::EventKind;
use crate::snapshot::version::RayVersion;

/// Ray's environment variable with the list of event types; every Ray container needs it.
const TYPES: &str = "RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES";

/// First version that supports `ALL`. An older one takes it as a type name and exports nothing.
const ALL_SINCE: RayVersion = RayVersion(2, 54);

/// Returns advice on how to export events of some types.
pub fn export(kinds: &[EventKind], version: Option<RayVersion>) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let names = names.join(",");
    match version {
        Some(version) if version < ALL_SINCE => {
            format!(
                "Add {names} to {TYPES} on every Ray container: Ray {version} takes ALL as a name and exports nothing."
            )
        }
        Some(_) => format!("Set {TYPES}=ALL on every Ray container, or add {names} to its list."),
        None => format!(
            "Set {TYPES}=ALL on every Ray container (a list of types before Ray 2.54), or add {names} to its list."
        ),
    }
}

/// Returns advice on how to export events at all.
pub fn export_anything(version: Option<RayVersion>) -> String {
    let switches = "Every Ray container needs RAY_enable_ray_event=1, \
                    RAY_enable_core_worker_ray_event_to_aggregator=1 and \
                    RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR with its collector's address";
    match version {
        Some(version) if version < ALL_SINCE => {
            format!(
                "{switches}; and {TYPES} must list the types, because Ray {version} takes ALL as a name and exports \
                 nothing."
            )
        }
        _ => format!("{switches}; {TYPES}=ALL exports every type."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_depends_on_version() {
        let version = RayVersion::parse;
        assert!(export(&[EventKind::TaskProfile], version("2.60.0")).contains("=ALL"));
        let old = export(&[EventKind::TaskProfile], version("2.52.1"));
        assert!(!old.contains("=ALL") && old.contains("Ray 2.52 takes ALL as a name"), "{old}");
        assert!(export_anything(version("2.53.0")).contains("Ray 2.53 takes ALL as a name"));
    }
}
