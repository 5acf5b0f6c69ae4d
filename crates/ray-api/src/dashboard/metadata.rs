//! `/api/v0/cluster_metadata`, `/api/version` and `/timezone`: the version of Ray and the time zone of the head.
//!
//! Versions come from the stored response, else from the head's logs. The time zone comes from the stored response,
//! else from logs with two clocks, else from the difference between the session's name, which the head writes in local
//! time, and the head's start. Unrecorded values are null or empty, as in Ray, except the version that Ray's clients
//! compare with their requirements.
//! Source: `dashboard/{timezone_utils,head}.py`, `dashboard/modules/{state,version}/*.py`.

use crate::{Answer, RayError, stored};
use ray_history_core::base::name::SessionName;
use ray_history_core::base::stored_json::parts;
use ray_history_core::base::time::millis;
use ray_history_core::logs::zone::Zone;
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
    let minutes = offset_minutes(snapshot);
    let zone = ZONES.iter().find(|(known, _)| Some(*known) == minutes);
    zone.map_or(json!({"offset": null, "value": null}), |(minutes, name)| {
        let sign = if *minutes < 0 { '-' } else { '+' };
        let offset = format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
        json!({"offset": offset, "value": name})
    })
}

/// Returns the minutes by which the head's clock is ahead of UTC.
pub fn offset_minutes(snapshot: &Snapshot) -> Option<i64> {
    let stored = snapshot.endpoint("timezone").and_then(|stored| parts::at(stored, &["offset"]));
    stored
        .and_then(|stored| parse_offset(&parts::string(stored)?))
        .or_else(|| offset_in(&snapshot.facts.zone, snapshot))
        .or_else(|| from_head_start(snapshot))
}

/// Parses an offset such as `+05:30` to minutes; returns `None` for any text but an offset of less than a day.
fn parse_offset(text: &str) -> Option<i64> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minutes = (hours < 24 && minutes < 60).then(|| i64::from(hours) * 60 + i64::from(minutes))?;
    Some(if text.starts_with('-') { -minutes } else { minutes })
}

/// Returns the offset from the head's start, which is close to the time in the session's name.
fn from_head_start(snapshot: &Snapshot) -> Option<i64> {
    let head = snapshot.nodes.iter().filter(|node| node.is_head && node.start > 0).map(|node| node.start).min()?;
    let mut zone = Zone::default();
    zone.learn_start(named_ms(snapshot)?, millis(head));
    offset_in(&zone, snapshot)
}

/// Returns the offset of a zone at the time in the session's name.
fn offset_in(zone: &Zone, snapshot: &Snapshot) -> Option<i64> {
    let local_ms = named_ms(snapshot)?;
    Some((local_ms - zone.utc_ms(local_ms)?) / 60_000)
}

/// Returns the time in the session's name, local to its head, in milliseconds as if it were UTC.
fn named_ms(snapshot: &Snapshot) -> Option<i64> {
    Some(SessionName::parse(&snapshot.session_name)?.local_micros()? / 1_000)
}

#[cfg(test)]
mod tests;
