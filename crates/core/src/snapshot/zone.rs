//! The time zone of the head: from the stored answer of its dashboard, else from logs with two clocks, else from the
//! difference between the session's name, which the head writes in local time, and the head's start.

use super::Snapshot;
use crate::base::name::SessionName;
use crate::base::stored_json::parts;
use crate::base::time::millis;
use crate::logs::zone::Zone;

impl Snapshot {
    /// Returns the minutes by which the head's clock is ahead of UTC.
    pub fn zone_minutes(&self) -> Option<i64> {
        let stored = self.endpoint("timezone").and_then(|stored| parts::at(stored, &["offset"]));
        stored
            .and_then(|stored| parse_offset(&parts::string(stored)?))
            .or_else(|| offset_in(&self.facts.zone, self))
            .or_else(|| from_head_start(self))
    }
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
mod tests {
    use super::*;

    #[test]
    fn offsets_of_a_day_or_more_are_none() {
        assert_eq!(parse_offset("-03:30"), Some(-210));
        for odd in ["", "+", "+99:00", "-9223372036854775807:59", "+05:60", "é05:30"] {
            assert_eq!(parse_offset(odd), None, "{odd}");
        }
    }
}
