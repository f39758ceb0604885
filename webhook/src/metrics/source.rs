//! Metrics whose values others know.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// A metric that is read when somebody asks for the metrics.
pub struct MetricSource {
    kind: Kind,
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    read: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
}

/// The values of a metric's labels, in their order, and the metric's value.
pub type Sample = (Vec<String>, f64);

impl MetricSource {
    /// A gauge with these labels, whose samples `read` gives.
    pub fn gauge(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Kind::Gauge, name, help, labels, read)
    }

    /// A counter with these labels, whose samples `read` gives.
    pub fn counter(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Kind::Counter, name, help, labels, read)
    }

    fn new(
        kind: Kind,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            name,
            help,
            labels,
            read: Box::new(read),
        }
    }
}

impl MetricSource {
    fn encode_value(&self, value: f64, encoder: MetricEncoder<'_>) -> fmt::Result {
        match self.kind {
            Kind::Counter => ConstCounter::new(value).encode(encoder),
            Kind::Gauge => ConstGauge::new(value).encode(encoder),
        }
    }
}

impl Collector for MetricSource {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
        };
        let mut family = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        if self.labels.is_empty() {
            // Without labels there is one sample at most.
            let (_, value) = (self.read)().pop().unwrap_or((Vec::new(), f64::NAN));
            return self.encode_value(value, family);
        }
        for (values, value) in (self.read)() {
            let labels: Vec<(&str, String)> = self.labels.iter().copied().zip(values).collect();
            self.encode_value(value, family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for MetricSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricSource")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
