//! The clock of a run that is not a test.

use crate::load::now;
use ray_history_core::base::time::Nanos;
use ray_history_retention::Clock;

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Nanos {
        now()
    }
}
