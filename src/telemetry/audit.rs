//! Audit lines in the log: one JSON object each, whatever the format of other lines is.
//!
//! Whoever asks for fewer lines asks for less noise, not for an audit log with holes, so `RUST_LOG` counts only where it
//! names the target itself.

use super::line::JsonLines;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// The target of audit lines.
pub(super) const TARGET: &str = "ray_history::audit";

/// Returns the layer that writes audit lines, for a value of `RUST_LOG`. Their fields lie in the object itself.
pub(super) fn lines<S>(rust_log: Option<&str>) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true);
    let json = json.with_current_span(false).with_span_list(false).with_writer(|| JsonLines);
    json.with_filter(Targets::new().with_target(TARGET, level(rust_log)))
}

/// Returns the level of the last directive for exactly this target; `info` without one.
fn level(rust_log: Option<&str>) -> LevelFilter {
    let directives = rust_log.unwrap_or_default().split(',').map(str::trim);
    let ours = directives.filter_map(|directive| directive.strip_prefix(TARGET)?.strip_prefix('='));
    ours.filter_map(|level| level.parse().ok()).next_back().unwrap_or(LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_directive_for_the_target_itself_counts() {
        for rust_log in ["", "warn", "off", "error,ray_history=off", "ray_history::audits=off", "a=b=c", "info"] {
            assert_eq!(level(Some(rust_log)), LevelFilter::INFO, "{rust_log}");
        }
        assert_eq!(level(None), LevelFilter::INFO);
        assert_eq!(level(Some("info, ray_history::audit=off")), LevelFilter::OFF);
        assert_eq!(level(Some("ray_history::audit=warn,debug")), LevelFilter::WARN);
    }
}
