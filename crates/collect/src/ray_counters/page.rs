//! Reads the aggregator's counters from an agent's Prometheus page.
//!
//! Names and labels are those of Ray's `dashboard/modules/aggregator/`; a counter that never counted is not there.

use ray_history_manifest::AgentCounters;
use std::collections::BTreeMap;

const PREFIX: &str = "ray_aggregator_agent_";
/// The consumer of those who receive events over HTTP; the second is the name in Ray 2.52 and before.
const CONSUMERS: [&str; 2] = ["http_service", "http_publisher"];

/// Returns the counters on a page, one item for each agent process.
pub fn parse(page: &[u8]) -> Vec<AgentCounters> {
    let mut agents: BTreeMap<u64, AgentCounters> = BTreeMap::new();
    for line in page.split(|byte| *byte == b'\n') {
        if let Some(line) = line.strip_prefix(PREFIX.as_bytes())
            && let Ok(line) = str::from_utf8(line)
            && let Some(sample) = Sample::parse(line)
        {
            sample.count(&mut agents);
        }
    }
    agents.into_values().collect()
}

struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    value: u64,
}

impl<'a> Sample<'a> {
    /// Reads `name{label="value",…} 12.0`. Values with a `"` in them do not occur in the labels that are used.
    fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('{')?;
        let (labels, value) = rest.rsplit_once('}')?;
        let value = value.split_ascii_whitespace().next()?.parse::<f64>().ok()?;
        if !(0.0..9e15).contains(&value) {
            return None;
        }
        let labels = labels.split("\",").filter_map(|label| label.split_once("=\""));
        let labels = labels.map(|(name, value)| (name.trim(), value.trim_end_matches('"'))).collect();
        #[expect(clippy::cast_sign_loss, reason = "the range was checked")]
        Some(Self { name, labels, value: value as u64 })
    }

    fn label(&self, name: &str) -> Option<&'a str> {
        self.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value)
    }

    fn count(&self, agents: &mut BTreeMap<u64, AgentCounters>) {
        let is_ours = self.label("consumer").is_none_or(|consumer| CONSUMERS.contains(&consumer));
        let Some(pid) = self.label("pid").and_then(|pid| pid.parse().ok()).filter(|_| is_ours) else { return };
        let mut add = |field: fn(&mut AgentCounters) -> &mut u64| {
            let agent = agents.entry(pid).or_insert_with(|| AgentCounters { pid, ..AgentCounters::default() });
            let field = field(agent);
            *field = field.saturating_add(self.value);
        };
        match self.name {
            "events_received_total" => add(|agent| &mut agent.received),
            "published_events_total" => add(|agent| &mut agent.published),
            "filtered_events_total" => add(|agent| &mut agent.filtered),
            "events_buffer_add_failures_total" => add(|agent| &mut agent.add_failures),
            "publish_failures_total" => add(|agent| &mut agent.publish_failures),
            "queue_dropped_events_total" if self.value > 0 => {
                let kind = self.label("event_type").unwrap_or_default().to_owned();
                let agent = agents.entry(pid).or_insert_with(|| AgentCounters { pid, ..AgentCounters::default() });
                let dropped = agent.dropped.entry(kind).or_default();
                *dropped = dropped.saturating_add(self.value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The aggregator's part of the page of a head of Ray 2.60.0, after a job of 100 tasks.
    const RAY_2_60: &str = include_str!("agent_2.60.txt");

    #[test]
    fn a_page_of_ray_is_read() {
        let expected = AgentCounters { pid: 745, received: 336, published: 336, ..AgentCounters::default() };
        assert_eq!(parse(RAY_2_60.as_bytes()), [expected]);
    }

    #[test]
    fn drops_are_counted_by_type_and_other_consumers_are_not() {
        let page = "\
# HELP ray_aggregator_agent_events_received_total Total number of events received via AddEvents gRPC.
ray_aggregator_agent_events_received_total{Component=\"aggregator_agent\",ip=\"10.0.0.1\",pid=\"12\"} 1227.0
ray_aggregator_agent_published_events_total{Component=\"aggregator_agent\",consumer=\"http_publisher\",pid=\"12\"} 231.0
ray_aggregator_agent_published_events_total{consumer=\"ray_gcs\",pid=\"12\"} 1227.0
ray_aggregator_agent_filtered_events_total{consumer=\"http_publisher\",pid=\"12\"} 2.1e+01
ray_aggregator_agent_queue_dropped_events_total{consumer=\"http_publisher\",event_type=\"TASK_LIFECYCLE_EVENT\",pid=\"12\"} 900.0
ray_aggregator_agent_queue_dropped_events_total{consumer=\"http_publisher\",event_type=\"NODE_LIFECYCLE_EVENT\",pid=\"12\"} 75.0 1795998751
ray_aggregator_agent_queue_dropped_events_total{consumer=\"ray_gcs\",event_type=\"NODE_LIFECYCLE_EVENT\",pid=\"12\"} 1.0
ray_aggregator_agent_events_buffer_add_failures_total{pid=\"12\"} 3.0
ray_aggregator_agent_publish_failures_total{consumer=\"http_publisher\",pid=\"12\"} 4.0
ray_aggregator_agent_events_received_total{pid=\"13\"} 5.0
ray_aggregator_agent_events_received_total{pid=\"x\"} 5.0
ray_aggregator_agent_events_received_total{pid=\"14\"} NaN
ray_other_events_received_total{pid=\"15\"} 5.0
";
        let expected = AgentCounters {
            pid: 12,
            received: 1227,
            published: 231,
            filtered: 21,
            dropped: [("TASK_LIFECYCLE_EVENT".to_owned(), 900), ("NODE_LIFECYCLE_EVENT".to_owned(), 75)].into(),
            add_failures: 3,
            publish_failures: 4,
            ..AgentCounters::default()
        };
        let second = AgentCounters { pid: 13, received: 5, ..AgentCounters::default() };
        assert_eq!(parse(page.as_bytes()), [expected, second]);
    }

    #[test]
    fn a_page_without_counters_has_no_agent() {
        for page in [&b""[..], b"ray_node_cpu_count{ip=\"a\"} 2.0\n", b"ray_aggregator_agent_\xff{pid=\"1\"} 1\n{}\n"] {
            assert_eq!(parse(page), []);
        }
    }
}
