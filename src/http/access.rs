//! Routes that exist while access is on: the login, in Ray's own dialog and on a page of ours, and who is logged in.

pub(super) mod body;
mod cookie;
pub(super) mod dialog;
pub(super) mod login;
pub(super) mod logout;
mod origin;
pub(super) mod whoami;
