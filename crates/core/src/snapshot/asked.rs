//! CPUs and GPUs in the resources that tasks and actors ask for.

use crate::base::stored_json;
use serde_json::{Map, Value};

/// Most CPUs or GPUs that are believed: sums stay finite.
const MOST: f64 = 1e9;

/// CPUs and GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) cpu: f64,
    pub(super) gpu: f64,
}

impl Asked {
    /// Reads a JSON object of resources. In a placement group, Ray asks for each resource of the group and once more for
    /// that of the bundle (`CPU_group_{group}`, `CPU_group_0_{group}`): these are the same CPUs.
    pub(super) fn of(resources: &str) -> Self {
        let resources: Map<String, Value> = stored_json::read(resources).unwrap_or_default();
        let most = |name: &str| {
            let amounts = resources.iter().filter(|(known, _)| {
                known.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("_group_"))
            });
            amounts.filter_map(|(_, amount)| amount.as_f64()).fold(0.0, f64::max).min(MOST)
        };
        Self { cpu: most("CPU"), gpu: most("GPU") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_of_a_placement_group_count_once() {
        let asked = |cpu, gpu| Asked { cpu, gpu };
        for (resources, expected) in [
            (r#"{"CPU": 1.5, "GPU": 2}"#, asked(1.5, 2.0)),
            (r#"{"CPU_group_0_ab": 4.0, "CPU_group_ab": 4.0, "bundle_group_ab": 0.001, "GPUS": 3}"#, asked(4.0, 0.0)),
            (r#"{"CPU": -1, "GPU": null, "x": 1}"#, asked(0.0, 0.0)),
            (r#"{"CPU": 1e300}"#, asked(MOST, 0.0)),
            ("", asked(0.0, 0.0)),
            ("[1]", asked(0.0, 0.0)),
        ] {
            assert_eq!(Asked::of(resources), expected, "{resources}");
        }
    }
}
