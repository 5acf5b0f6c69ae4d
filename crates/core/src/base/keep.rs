//! The labels by which people keep a session from being deleted.

use crate::base::time::Nanos;

/// The label that keeps the sessions of an object: `true`.
pub const KEEP: &str = "history.ray.io/keep";
/// The label that keeps them for a time after their end, such as `8760h`.
pub const KEEP_FOR: &str = "history.ray.io/keep-for";

const SECOND: Nanos = 1_000_000_000;

/// The time for which the sessions of an object are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For this time after the end, in nanoseconds.
    For(Nanos),
    /// For ever.
    ForEver,
}

impl Keep {
    /// Returns the time that the two labels ask for, empty where a label is absent; `None` if they ask for none.
    ///
    /// A value that cannot be understood keeps for ever: whoever set the label wanted the data.
    pub fn of_labels(keep: &str, keep_for: &str) -> Option<Self> {
        let refused = matches!(keep.to_ascii_lowercase().as_str(), "" | "false" | "no" | "off" | "0");
        if !refused {
            return Some(Self::ForEver);
        }
        (!keep_for.is_empty()).then(|| span(keep_for).map_or(Self::ForEver, Self::For))
    }

    /// Returns the labels as one text for a ledger; empty for `None`.
    pub fn text(keep: Option<Self>) -> String {
        match keep {
            None => String::new(),
            Some(Self::ForEver) => "true".to_owned(),
            Some(Self::For(nanos)) => format!("{}s", nanos / SECOND),
        }
    }

    /// Returns what a text of a ledger says.
    pub fn of_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| span(text).map_or(Self::ForEver, Self::For))
    }

    /// Returns the longer of two.
    pub fn longer(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(Self::For(one)), Some(Self::For(other))) => Some(Self::For(one.max(other))),
            (Some(Self::ForEver), _) | (_, Some(Self::ForEver)) => Some(Self::ForEver),
            (one, other) => one.or(other),
        }
    }

    /// Returns `true` if a session that ended then is still kept; one whose end is not known is.
    pub fn holds(self, ended: Option<Nanos>, now: Nanos) -> bool {
        match self {
            Self::ForEver => true,
            Self::For(span) => ended.is_none_or(|ended| now < ended.saturating_add(span)),
        }
    }
}

/// Returns a span such as `90d`, `8760h`, `30m` or `1h30m` in nanoseconds; `None` for any other text.
fn span(text: &str) -> Option<Nanos> {
    let (mut total, mut number, mut digits) = (0_i64, 0_i64, 0);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = number.checked_mul(10)?.checked_add(digit.into())?;
            digits += 1;
            continue;
        }
        let unit = match c {
            's' => SECOND,
            'm' => 60 * SECOND,
            'h' => 3_600 * SECOND,
            'd' => 86_400 * SECOND,
            _ => return None,
        };
        if digits == 0 {
            return None;
        }
        total = total.checked_add(number.checked_mul(unit)?)?;
        (number, digits) = (0, 0);
    }
    (digits == 0 && !text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_and_doubt_keeps_for_ever() {
        let hour = 3_600 * SECOND;
        for (keep, keep_for, expected) in [
            ("", "", None),
            ("false", "", None),
            ("true", "", Some(Keep::ForEver)),
            ("yes", "1h", Some(Keep::ForEver)),
            ("", "8760h", Some(Keep::For(8_760 * hour))),
            ("", "1h30m", Some(Keep::For(hour + hour / 2))),
            ("false", "30d", Some(Keep::For(720 * hour))),
            ("", "a year", Some(Keep::ForEver)),
            ("", "99999999999999999999h", Some(Keep::ForEver)),
            ("", "12", Some(Keep::ForEver)),
            ("", "h", Some(Keep::ForEver)),
        ] {
            let found = Keep::of_labels(keep, keep_for);
            assert_eq!(found, expected, "{keep:?} {keep_for:?}");
            assert_eq!(Keep::of_text(&Keep::text(found)), found, "{keep:?} {keep_for:?}");
        }
    }

    #[test]
    fn a_span_ends_and_for_ever_does_not() {
        let day = 86_400 * SECOND;
        assert!(Keep::For(day).holds(Some(0), day - 1) && !Keep::For(day).holds(Some(0), day));
        assert!(Keep::For(day).holds(None, Nanos::MAX) && Keep::ForEver.holds(Some(0), Nanos::MAX));
        assert_eq!(Keep::longer(Some(Keep::For(1)), Some(Keep::For(2))), Some(Keep::For(2)));
        assert_eq!(Keep::longer(Some(Keep::For(1)), Some(Keep::ForEver)), Some(Keep::ForEver));
        assert_eq!(Keep::longer(None, Some(Keep::For(2))), Some(Keep::For(2)));
    }
}
