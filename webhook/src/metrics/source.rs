//! Gauges whose values others know.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// A gauge that is read when somebody asks for the metrics.
pub struct GaugeSource {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    read: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

/// The values of a gauge's labels, in their order, and the gauge's value.
pub type Sample = (Vec<String>, f64);

impl GaugeSource {
    /// A gauge with these labels, whose samples `read` gives.
    pub fn new(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            help,
            labels,
            read: Box::new(read),
        }
    }
}

impl Collector for GaugeSource {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut family =
            encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        if self.labels.is_empty() {
            // Without labels there is one sample at most.
            let (_, value) = (self.read)().pop().unwrap_or((Vec::new(), f64::NAN));
            return ConstGauge::new(value).encode(family);
        }
        for (values, value) in (self.read)() {
            let labels: Vec<(&str, String)> = self.labels.iter().copied().zip(values).collect();
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for GaugeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GaugeSource")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
