//! Tests that run as the superuser, who can read every file and folder.

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Runs `work` on a thread without the superuser's right to read every file and folder.
pub(in crate::tail) fn unprivileged<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let run = || {
        let mut rights = capabilities(None).unwrap();
        rights.effective.remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
        set_capabilities(None, rights).unwrap();
        work()
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}
