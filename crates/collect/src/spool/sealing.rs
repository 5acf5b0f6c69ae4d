//! When a file of events is sealed.

use std::time::Duration;

/// When an object is sealed, so that the next event begins another. Also: when its session or node ends.
#[derive(Clone, Copy, Debug)]
pub struct Sealing {
    /// At this size, as it is stored.
    pub compressed: u64,
    /// At this size, if the object is `middle_age` old.
    pub middle: u64,
    /// See `middle`.
    pub middle_age: Duration,
    /// At this age.
    pub age: Duration,
    /// At this length before compression.
    pub plain: Option<u64>,
    /// At each flush, for buckets in which nothing should be overwritten.
    pub every_flush: bool,
}

impl Default for Sealing {
    fn default() -> Self {
        Self {
            compressed: 1 << 20,
            middle: 64 << 10,
            middle_age: Duration::from_secs(5 * 60),
            age: Duration::from_secs(60 * 60),
            plain: None,
            every_flush: false,
        }
    }
}

impl Sealing {
    /// Returns the sizes for files that are not compressed: as many events in an object cost as many requests.
    pub fn of_plain_files() -> Self {
        Self { compressed: 8 << 20, middle: 512 << 10, ..Self::default() }
    }

    /// Returns the age at which an object of a size is sealed.
    pub(crate) fn age_of(&self, size: u64) -> Duration {
        if size >= self.middle { self.middle_age.min(self.age) } else { self.age }
    }
}
