//! The registry of prometheus-client, and a list of the registered families.
//!
//! prometheus-client shows a family only once it has a sample; the list contains all of them, so that the reference
//! page and the rules for names cover every family.

use prometheus_client::encoding::{EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry as Inner, Unit};

/// The description of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Name in the exposition, with unit and `_total`.
    pub name: String,
    /// Type: counter, gauge, histogram or info.
    pub kind: String,
    /// One sentence, without its full stop.
    pub help: String,
    /// Unit: seconds, bytes …
    pub unit: Option<String>,
}

/// All families, with their metrics.
#[derive(Debug)]
pub struct Registry {
    prefix: &'static str,
    /// Families under the prefix.
    prefixed: Inner,
    /// Families whose names are the same in every program.
    common: Inner,
    families: Vec<Family>,
}

impl Registry {
    /// Returns an empty registry; names get the prefix and `_`.
    pub fn with_prefix(prefix: &'static str) -> Self {
        let (prefixed, common) = (Inner::with_prefix(prefix), Inner::default());
        Self { prefix, prefixed, common, families: Vec::new() }
    }

    /// Adds a family without a unit. A counter's name has no `_total`, the help text no full stop: both are added.
    pub fn register(&mut self, name: &str, help: &str, metric: impl Metric) {
        self.describe(Some(self.prefix), name, help, None, &metric);
        self.prefixed.register(name, help, metric);
    }

    /// Adds a family with a unit, which is appended to its name.
    pub fn register_with_unit(&mut self, name: &str, help: &str, unit: Unit, metric: impl Metric) {
        self.describe(Some(self.prefix), name, help, Some(&unit), &metric);
        self.prefixed.register_with_unit(name, help, unit, metric);
    }

    /// Adds a family whose name gets no prefix, because it means the same in every program.
    pub(super) fn register_common(&mut self, name: &str, help: &str, unit: Unit, metric: impl Metric) {
        self.describe(None, name, help, Some(&unit), &metric);
        self.common.register_with_unit(name, help, unit, metric);
    }

    /// Returns all families, including those without a sample.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// Returns the exposition as `OpenMetrics` text.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode_registry(&mut out, &self.prefixed)?;
        text::encode_registry(&mut out, &self.common)?;
        text::encode_eof(&mut out)?;
        Ok(out)
    }

    fn describe(
        &mut self,
        prefix: Option<&str>,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        metric: &impl EncodeMetric,
    ) {
        let kind = metric.metric_type();
        let suffix = match kind {
            MetricType::Counter => Some("total"),
            MetricType::Info => Some("info"),
            _ => None,
        };
        let parts = [prefix, Some(name), unit.map(Unit::as_str), suffix];
        self.families.push(Family {
            name: parts.into_iter().flatten().collect::<Vec<_>>().join("_"),
            kind: kind.as_str().to_owned(),
            help: help.to_owned(),
            unit: unit.map(|unit| unit.as_str().to_owned()),
        });
    }
}
