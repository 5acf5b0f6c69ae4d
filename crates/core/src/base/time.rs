//! Times as Ray writes and displays them.
//!
//! Every time is an `i64` of nanoseconds since 1970 (`Nanos`); zero means "never". Ray's state API computes `float(ns)
//! // 1e6`, which differs from integer division by up to 1 ms; `float_ms` does the same.

/// Nanoseconds since 1970-01-01T00:00:00Z; zero means "never".
pub type Nanos = i64;

/// Returns whole milliseconds, rounded down, as the dashboard's fields have protobuf times.
pub fn millis(ns: Nanos) -> i64 {
    ns.div_euclid(1_000_000)
}

/// Returns milliseconds as Ray's Python computes them: `float(ns) // 1e6`.
#[expect(clippy::cast_precision_loss, reason = "the loss is Ray's own, and reproduced on purpose")]
#[inline]
pub fn float_ms(ns: Nanos) -> f64 {
    // Python subtracts the remainder before it divides; dividing first could round up to the next millisecond.
    let ns = ns as f64;
    ((ns - ns.rem_euclid(1e6)) / 1e6).round()
}

/// Parses an RFC 3339 time with up to nine fractional digits and `Z` or a numeric offset.
pub fn parse_rfc3339(text: &str) -> Option<Nanos> {
    let b = text.as_bytes();
    if b.len() < 20 || b[4] != b'-' || b[7] != b'-' || b[13] != b':' || b[16] != b':' {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        b[from..to].iter().try_fold(0i64, |n, c| c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0')))
    };
    let days = days_from_civil(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut fraction = 0;
    if b[at] == b'.' {
        at += 1;
        let mut scale = 100_000_000;
        while at < b.len() && b[at].is_ascii_digit() {
            fraction += i64::from(b[at] - b'0') * scale;
            scale /= 10;
            at += 1;
        }
    }
    let offset = match b.get(at)? {
        b'Z' | b'z' if at + 1 == b.len() => 0,
        sign @ (b'+' | b'-') if at + 6 == b.len() && b[at + 3] == b':' => {
            let minutes = number(at + 1, at + 3)? * 60 + number(at + 4, at + 6)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3_600 + (minute - offset) * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// Returns the days from 1970-01-01 to a proleptic Gregorian date (Howard Hinnant's `days_from_civil`).
pub fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_match_python_floor_division() {
        // `python -c "print(float(1795389337636999900) // 1e6)"` and so on.
        for (ns, ms) in [
            (1_795_389_337_636_999_900, 1_795_389_337_636.0),
            (1_795_389_142_673_000_000, 1_795_389_142_672.0),
            (1_795_389_144_821_500_000, 1_795_389_144_821.0),
            (0, 0.0),
        ] {
            assert_eq!(float_ms(ns).to_bits(), f64::to_bits(ms), "{ns}");
        }
    }

    #[test]
    fn parses_rfc3339_of_any_precision_and_offset() {
        for (text, ns) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-22T23:12:19.732036747Z", 1_795_389_139_732_036_747),
            ("2026-11-22T23:12:19.732Z", 1_795_389_139_732_000_000),
            ("2026-11-23T01:12:19.5+02:00", 1_795_389_139_500_000_000),
        ] {
            assert_eq!(parse_rfc3339(text), Some(ns), "{text}");
        }
        for bad in ["", "2026-11-22", "2026-13-22T23:12:19Z", "2026-11-22T23:12:19", "2026-11-22T23:12:1xZ"] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }
}
