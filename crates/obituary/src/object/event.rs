//! An Event, of the old API or of the new one.

use super::lenient::{Label, Number, Text, When, lenient};
use super::metadata::Metadata;
use crate::time::Time;

lenient! {
    /// An Event. Fields of both APIs lie beside each other; the reader takes whichever is there.
    pub struct Event {
        /// The metadata.
        metadata: Metadata = "metadata",
        /// The object, in the new API.
        regarding: Reference = "regarding",
        /// The object, in the old API.
        involved: Reference = "involvedObject",
        /// `Normal` or `Warning`.
        kind: Label = "type",
        /// The reason.
        reason: Label = "reason",
        /// The text, in the new API.
        note: Text = "note",
        /// The text, in the old API.
        message: Text = "message",
        /// The time, of newer events.
        time: When = "eventTime",
        /// The series, of newer events.
        series: Series = "series",
        /// First time, in the old API.
        first: When = "firstTimestamp",
        /// Last time, in the old API.
        last: When = "lastTimestamp",
        /// First time of an old event, in the new API.
        deprecated_first: When = "deprecatedFirstTimestamp",
        /// Last time of an old event, in the new API.
        deprecated_last: When = "deprecatedLastTimestamp",
        /// The number of times, in the old API.
        count: Number = "count",
        /// The number of times of an old event, in the new API.
        deprecated_count: Number = "deprecatedCount",
        /// The program that reports.
        controller: Label = "reportingController",
        /// The same, in the old API.
        component: Label = "reportingComponent",
        /// The same, of old events.
        source: Source = "source",
        /// The same, of old events in the new API.
        deprecated_source: Source = "deprecatedSource",
    }
}

impl Event {
    /// Returns the object that it is about.
    pub fn about(&self) -> &Reference {
        if self.regarding.kind.0.is_empty() { &self.involved } else { &self.regarding }
    }

    /// Returns its text.
    pub fn text(&self) -> &str {
        if self.note.0.is_empty() { &self.message.0 } else { &self.note.0 }
    }

    /// Returns the time of its first occurrence.
    pub fn began(&self) -> Option<Time> {
        [&self.first, &self.deprecated_first, &self.time, &self.metadata.created].into_iter().find_map(|when| when.0)
    }

    /// Returns the time of its last occurrence.
    pub fn happened(&self) -> Option<Time> {
        let times = [&self.series.last, &self.last, &self.deprecated_last, &self.time, &self.metadata.created];
        times.into_iter().find_map(|when| when.0)
    }

    /// Returns the number of its occurrences.
    pub fn times(&self) -> i64 {
        [&self.series.count, &self.count, &self.deprecated_count].into_iter().find_map(|count| count.0).unwrap_or(1)
    }

    /// Returns the program that reports it.
    pub fn reporter(&self) -> &str {
        let names = [&self.controller, &self.component, &self.source.component, &self.deprecated_source.component];
        names.into_iter().find(|name| !name.0.is_empty()).map_or("", |name| &name.0)
    }
}

lenient! {
    /// The object that an Event is about.
    pub struct Reference {
        /// The kind.
        kind: Label = "kind",
        /// The namespace.
        namespace: Label = "namespace",
        /// The name.
        name: Label = "name",
        /// The uid.
        uid: Label = "uid",
    }
}

lenient! {
    /// A series of one Event.
    pub struct Series {
        /// The number of times.
        count: Number = "count",
        /// The last time.
        last: When = "lastObservedTime",
    }
}

lenient! {
    /// The program that reports an old Event.
    pub struct Source {
        /// Its name.
        component: Label = "component",
    }
}
