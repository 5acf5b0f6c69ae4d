//! Work around every answer, whichever handler makes it: limits, spans, metrics and compression.

pub(super) mod connection;
pub(super) mod encoding;
pub(super) mod limit;
pub(super) mod observe;
mod trace;
