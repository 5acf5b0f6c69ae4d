//! `/api/v0/cluster_metadata`, `/api/version` and `/timezone`: the version of Ray and the time zone of the head.
//!
//! Versions come from the stored response, else from the head's logs, the time zone from `Snapshot::zone_minutes`.
//! Unrecorded values are null or empty, as in Ray, except the version that Ray's clients compare with their requirements.
//! Source: `dashboard/{timezone_utils,head}.py`, `dashboard/modules/{state,version}/*.py`.

use crate::{Answer, RayError, stored};
use ray_history_core::snapshot::Snapshot;
use serde_json::{Value, json};
use std::sync::Arc;

/// Ray's zones: offset in minutes, and name (`timezones` in `dashboard/timezone_utils.py`).
const ZONES: [(i64, &str); 33] = [
    (-720, "Etc/+12"),
    (-660, "Pacific/Pago_Pago"),
    (-600, "Pacific/Honolulu"),
    (-540, "America/Anchorage"),
    (-480, "America/Los_Angeles"),
    (-420, "America/Phoenix"),
    (-360, "America/Guatemala"),
    (-300, "America/Bogota"),
    (-240, "America/Halifax"),
    (-210, "America/St_Johns"),
    (-180, "America/Sao_Paulo"),
    (-120, "America/Godthab"),
    (-60, "Atlantic/Azores"),
    (0, "Europe/London"),
    (60, "Europe/Amsterdam"),
    (120, "Asia/Amman"),
    (180, "Asia/Baghdad"),
    (210, "Asia/Tehran"),
    (240, "Asia/Dubai"),
    (270, "Asia/Kabul"),
    (300, "Asia/Karachi"),
    (330, "Asia/Kolkata"),
    (345, "Asia/Kathmandu"),
    (360, "Asia/Almaty"),
    (390, "Asia/Yangon"),
    (420, "Asia/Bangkok"),
    (480, "Asia/Shanghai"),
    (540, "Asia/Irkutsk"),
    (570, "Australia/Adelaide"),
    (600, "Australia/Brisbane"),
    (660, "Asia/Magadan"),
    (720, "Pacific/Auckland"),
    (780, "Pacific/Tongatapu"),
];

/// The version of Ray whose API is served, reported to clients if nothing stored has a version.
const SERVED_VERSION: &str = "2.60.0";

/// Answers `/api/v0/cluster_metadata`.
pub fn cluster_metadata(snapshot: &Arc<Snapshot>) -> Result<Answer, RayError> {
    let built = || {
        let version = snapshot.ray_version();
        stored::reply(&json!({"result": true, "msg": "", "data": {"rayVersion": version, "pythonVersion": null}}))
    };
    Ok(stored::answer(snapshot, "api/v0/cluster_metadata", false).unwrap_or_else(built))
}

/// Answers `/api/version`, which Ray's job command requests first.
pub fn version(snapshot: &Arc<Snapshot>) -> Result<Answer, RayError> {
    let version = snapshot.ray_version();
    Ok(stored::reply(&json!({
        "version": "4",
        "ray_version": version.as_deref().unwrap_or(SERVED_VERSION),
        "ray_commit": snapshot.facts.monitor.ray_commit(),
        "session_name": snapshot.session_name,
    })))
}

/// Answers `/timezone`; both members are null if the offset is unknown or not one of Ray's.
pub fn timezone(snapshot: &Arc<Snapshot>) -> Result<Answer, RayError> {
    let built = || stored::reply(&zone(snapshot));
    Ok(stored::answer(snapshot, "timezone", false).unwrap_or_else(built))
}

fn zone(snapshot: &Snapshot) -> Value {
    let minutes = snapshot.zone_minutes();
    let zone = ZONES.iter().find(|(known, _)| Some(*known) == minutes);
    zone.map_or(json!({"offset": null, "value": null}), |(minutes, name)| {
        let sign = if *minutes < 0 { '-' } else { '+' };
        let offset = format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
        json!({"offset": offset, "value": name})
    })
}

#[cfg(test)]
mod tests;
