//! The program's own log and traces.
//!
//! Contains the format, filter and writer of log lines (`line`, `writer`), the audit lines (`audit`), and the export of
//! spans by OTLP, which is off unless `OTEL_EXPORTER_OTLP_ENDPOINT` (or its variant for traces) is set. `http` creates
//! the spans.

mod audit;
mod line;
mod writer;

pub use line::safe;
pub use writer::{dropped_lines, flush};

use crate::settings::server::LogFormat;
use line::{JsonLines, Lines};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, SpanExporter};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use opentelemetry_sdk::{Resource, runtime};
use ray_history_core::base::chain::chain;
use std::io::{self, IsTerminal};
use std::time::Duration;
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// kube's client logs every response that it cannot parse, with its whole text, such as a list of Secrets. The caller
/// logs the error instead. Only `RUST_LOG=off` or a directive for `kube_client::client` itself changes this.
const KUBE: &str = "kube_client::client=error";

/// A handle that must be stopped before the program ends, so that no span is lost.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

/// Starts the log on standard error, filtered by `RUST_LOG`, and the export of traces if it is enabled. Audit lines are
/// JSON whatever the format is.
///
/// Must be called inside the runtime, which sends the spans. A second start (tests in one process) keeps the first log.
///
/// # Errors
/// Fails if the export is enabled and its settings are invalid.
pub fn start(format: LogFormat) -> anyhow::Result<Telemetry> {
    let rust_log = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let filter = EnvFilter::new(directives(rust_log.as_deref())).and(filter_fn(|of| of.target() != audit::TARGET));
    writer::start()?;
    // https://no-color.org
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer();
    let lines = match format {
        LogFormat::Text => lines.with_ansi(colours).with_writer(move || Lines { colours }).boxed(),
        LogFormat::Json => lines.json().with_writer(|| JsonLines).boxed(),
    };
    let traces = provider()?;
    // Only the program's own spans: the exporter's client must not trace itself.
    let ours = Targets::new().with_target("ray_history", LevelFilter::INFO);
    let spans = traces
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("ray-history")).with_filter(ours));
    let audit = audit::lines(rust_log.as_deref());
    let _ = tracing_subscriber::registry().with(spans).with(lines.with_filter(filter)).with(audit).try_init();
    Ok(Telemetry { traces })
}

fn provider() -> anyhow::Result<Option<SdkTracerProvider>> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !set(OTEL_EXPORTER_OTLP_ENDPOINT) && !set(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().build()?;
    let batches = BatchSpanProcessor::builder(exporter, runtime::Tokio).build();
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
    let mut resource = Resource::builder();
    if !set("OTEL_SERVICE_NAME") {
        resource = resource.with_service_name("ray-history");
    }
    Ok(Some(SdkTracerProvider::builder().with_span_processor(batches).with_resource(resource.build()).build()))
}

impl Telemetry {
    /// Sends the remaining spans, for at most `bound`.
    pub async fn stop(self, bound: Duration) {
        let Some(traces) = self.traces else { return };
        // The provider blocks while the runtime sends its last batch.
        let flush = tokio::task::spawn_blocking(move || traces.shutdown());
        match tokio::time::timeout(bound, flush).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(error = %chain(&error), "the last traces could not be sent"),
            Ok(Err(_)) | Err(_) => tracing::warn!("the last traces could not be sent in time"),
        }
    }
}

/// Returns the directives of the log for a value of `RUST_LOG`; an invalid or empty one counts as `info`.
fn directives(rust_log: Option<&str>) -> String {
    let valid = |text: &&str| !text.is_empty() && EnvFilter::try_new(text).is_ok();
    match rust_log.map(str::trim).filter(valid).unwrap_or("info") {
        "off" => "off".to_owned(),
        asked => format!("{KUBE},{asked}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_log_is_followed_but_for_kubes_client() {
        for (given, expected) in [
            (None, "kube_client::client=error,info"),
            (Some(" "), "kube_client::client=error,info"),
            (Some("a=b=c"), "kube_client::client=error,info"),
            (Some("debug"), "kube_client::client=error,debug"),
            (Some("off"), "off"),
        ] {
            assert_eq!(directives(given), expected, "{given:?}");
        }
    }
}
