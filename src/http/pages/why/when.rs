//! Times on the page: in the zone of the head, as the list of sessions shows them.

use crate::http::sessions::summary::local;
use maud::{Markup, html};
use ray_history_obituary::time::Time;

/// Returns a time; nothing for none.
pub(super) fn when(at: Option<Time>, zone: Option<i64>) -> Markup {
    let at = at.and_then(|Time(at)| jiff::Timestamp::from_nanosecond(at.into()).ok());
    html! { @if let Some(at) = at { time datetime=(at) { (local(at, zone)) } } }
}

/// Returns a time from and to; one if they are the same.
pub(super) fn span(from: Option<Time>, to: Option<Time>, zone: Option<i64>) -> Markup {
    html! {
        (when(from.or(to), zone))
        @if from.is_some() && to.is_some() && from != to { " to " (when(to, zone)) }
    }
}
