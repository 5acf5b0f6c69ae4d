//! Profile events from a stored task list.

use super::{Catalogue, Nanos, Tasks};
use crate::snapshot::build::polled::PolledAttempt;
use crate::snapshot::intern::Str;
use crate::snapshot::task::{ProfileRow, ProfileSource};
use foldhash::fast::RandomState;
use hashbrown::HashSet;

/// An event of a draft, by its name and the microsecond of its start.
type Known = HashSet<(u32, Str, Nanos), RandomState>;

impl Tasks {
    /// Adds the profile events of known attempts that are not there yet.
    pub(in super::super) fn add_polled(&mut self, values: &mut Catalogue, attempts: &[PolledAttempt<'_>]) {
        let numbered: Vec<(u32, &PolledAttempt<'_>)> =
            attempts.iter().filter_map(|polled| Some((self.known(&polled.id?, polled.attempt)?, polled))).collect();
        let listed: HashSet<u32, RandomState> = numbered.iter().map(|(number, _)| *number).collect();
        let known = self.profile.iter().filter(|(number, _)| listed.contains(number));
        let mut known: Known = known.map(|(number, row)| (*number, row.name, row.start / 1_000)).collect();
        for (number, polled) in numbered {
            let Some(id) = polled.id else { continue };
            let source = ProfileSource {
                component_type: values.str(&polled.component_type),
                component_id: values.id(polled.component_id),
                node_ip: values.str(&polled.node_ip),
            };
            self.join_source(number, source, values);
            for span in &polled.spans {
                let (name, us) = (values.str(&span.name), span.start / 1_000);
                if (us - 1..=us + 1).any(|us| known.contains(&(number, name, us))) {
                    continue;
                }
                known.insert((number, name, us));
                let extra = self.extra(values, &id, span.extra);
                self.profile.push((number, ProfileRow { start: span.start, end: span.end, name, extra }));
            }
        }
    }
}
