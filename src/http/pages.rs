//! Our own pages for browsers, and the assets that they load.

pub(super) mod assets;
pub(super) mod diff;
pub(super) mod functions;
pub(super) mod list;
pub(super) mod why;
