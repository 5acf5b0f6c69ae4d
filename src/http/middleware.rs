//! Work around every answer, whichever handler makes it: limits, spans, metrics, compression, cookies and validators.

pub(super) mod connection;
pub(super) mod cookies;
pub(super) mod encoding;
pub(super) mod limit;
pub(super) mod observe;
pub(super) mod origin;
mod trace;
pub(super) mod validators;
