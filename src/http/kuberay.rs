//! The routes of KubeRay's history server: its list, selecting a session, entering it, and Ray's routes at the root for a
//! browser that has entered one.
//!
//! Ray's proxy (`ray start --head --proxy-server-url`) forwards every request, and falls back to the viewer's own
//! cluster on 404, so these routes answer 410 instead. It follows redirects itself and loses their cookies, so browsers
//! are redirected by HTML pages.

pub(super) mod clusters;
pub(super) mod cookies;
pub(super) mod enter;
pub(super) mod entered;
pub(super) mod select;
