//! What the webhook counts and measures, for Prometheus.
//!
//! Every label has few values that the program knows beforehand: nothing that a request carries
//! becomes a label. Recording takes no allocation.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::admission::Webhook;

mod connaisseur;
mod labels;
mod outcome;
mod source;

pub(crate) use connaisseur::{Connaisseur, Validation, Validity};
use labels::{AdmissionLabels, CauseLabels, ImageLabels, ResultLabels, SyncLabels, WebhookLabels};

pub use outcome::{Load, Outcome};
pub use source::{MetricSource, Sample};

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    admissions: Family<AdmissionLabels, Counter>,
    duration: Family<WebhookLabels, Histogram, fn() -> Histogram>,
    images: Family<ImageLabels, Counter>,
    store_errors: Family<CauseLabels, Counter>,
    config_loads: Family<ResultLabels, Counter>,
    certificate_loads: Family<ResultLabels, Counter>,
    certificate_expiry: Gauge,
    config_refused: Gauge,
    alerts_lost: Counter,
    alerts_late: Counter,
    syncs: Family<SyncLabels, Counter>,
    passes: Family<SyncLabels, Counter>,
    connaisseur: Option<Connaisseur>,
    common: Common,
}

/// What nearly every review records, found beforehand: looking up labels takes a lock and a hash.
struct Common {
    /// Durations of answers, by [`Webhook`].
    durations: PerWebhook<Histogram>,
    /// Reviews that were judged and allowed.
    judged: PerWebhook<Counter>,
    /// Images that were allowed since they are signed.
    signed: Counter,
}

struct PerWebhook<T> {
    mutate: T,
    validate: T,
}

impl<T> PerWebhook<T> {
    fn new(of: impl Fn(Webhook) -> T) -> Self {
        Self {
            mutate: of(Webhook::Mutate),
            validate: of(Webhook::Validate),
        }
    }

    const fn of(&self, webhook: Webhook) -> &T {
        match webhook {
            Webhook::Mutate => &self.mutate,
            Webhook::Validate => &self.validate,
        }
    }
}

impl Metrics {
    /// Metrics that all stand at zero, with values that others provide (a store's, a syncer's).
    pub fn new(sources: Vec<MetricSource>) -> Arc<Self> {
        Arc::new(Self::build(sources))
    }

    /// The same, with Connaisseur's counters beside them.
    pub fn with_connaisseur(sources: Vec<MetricSource>) -> Arc<Self> {
        let mut metrics = Self::build(sources);
        metrics.connaisseur = Some(Connaisseur::register(&mut metrics.registry));
        Arc::new(metrics)
    }

    fn build(sources: Vec<MetricSource>) -> Self {
        let admissions = Family::<AdmissionLabels, Counter>::default();
        let duration: Family<WebhookLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(histogram);
        let images = Family::<ImageLabels, Counter>::default();
        let common = Common {
            durations: PerWebhook::new(|webhook| {
                duration.get_or_create_owned(&WebhookLabels::of(webhook))
            }),
            judged: PerWebhook::new(|webhook| {
                admissions.get_or_create_owned(&AdmissionLabels::of(webhook, Outcome::JUDGED))
            }),
            signed: images.get_or_create_owned(&ImageLabels::of(Outcome::SIGNED)),
        };
        let mut metrics = Self {
            registry: Registry::default(),
            admissions,
            duration,
            images,
            store_errors: Family::default(),
            config_loads: Family::default(),
            certificate_loads: Family::default(),
            certificate_expiry: Gauge::default(),
            config_refused: Gauge::default(),
            alerts_lost: Counter::default(),
            alerts_late: Counter::default(),
            syncs: Family::default(),
            passes: Family::default(),
            connaisseur: None,
            common,
        };
        metrics.register();
        for source in sources {
            metrics.registry.register_collector(Box::new(source));
        }
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "vouchsafe_admission_requests",
            "Admission reviews answered",
            self.admissions.clone(),
        );
        registry.register(
            "vouchsafe_admission_duration_seconds",
            "Time from an admission review's last byte to its answer",
            self.duration.clone(),
        );
        registry.register(
            "vouchsafe_image_decisions",
            "Distinct images decided upon, per admission review",
            self.images.clone(),
        );
        registry.register(
            "vouchsafe_store_errors",
            "Times that the store could not tell what it holds about an image",
            self.store_errors.clone(),
        );
        registry.register(
            "vouchsafe_config_loads",
            "Versions of the configuration that were loaded or refused",
            self.config_loads.clone(),
        );
        registry.register(
            "vouchsafe_tls_certificate_loads",
            "Versions of the serving certificate that were loaded or refused",
            self.certificate_loads.clone(),
        );
        registry.register(
            "vouchsafe_tls_not_after_seconds",
            "When the serving certificate expires, in seconds since 1970",
            self.certificate_expiry.clone(),
        );
        registry.register(
            "vouchsafe_config_refused",
            "Whether the newest version of the configuration is refused, and the one before in use",
            self.config_refused.clone(),
        );
        registry.register(
            "vouchsafe_alerts_not_queued",
            "Alerts that were lost because there was no room for them, or the store failed",
            self.alerts_lost.clone(),
        );
        registry.register(
            "vouchsafe_alerts_unsynced",
            "Answers that did not wait for their alert to be on the disk, which took too long",
            self.alerts_late.clone(),
        );
        registry.register(
            "vouchsafe_sync_repositories",
            "Repositories that sync passes looked at, by server and what came of it",
            self.syncs.clone(),
        );
        registry.register(
            "vouchsafe_sync_passes",
            "Sync passes over a server, and whether it was reached",
            self.passes.clone(),
        );
    }

    /// Counts an admission review that was answered.
    pub fn admission(&self, webhook: Webhook, outcome: Outcome) {
        if outcome == Outcome::JUDGED {
            self.common.judged.of(webhook).inc();
            return;
        }
        let labels = AdmissionLabels::of(webhook, outcome);
        self.admissions.get_or_create(&labels).inc();
    }

    /// Records how long an answer took.
    pub fn duration(&self, webhook: Webhook, took: Duration) {
        let histogram = self.common.durations.of(webhook);
        histogram.observe(took.as_secs_f64());
    }

    /// Counts a decision on one image.
    pub fn image(&self, outcome: Outcome) {
        if outcome == Outcome::SIGNED {
            self.common.signed.inc();
            return;
        }
        self.images.get_or_create(&ImageLabels::of(outcome)).inc();
    }

    /// Counts a read of the store that failed.
    pub fn store_error(&self, cause: &'static str) {
        self.store_errors
            .get_or_create(&CauseLabels { cause })
            .inc();
    }

    /// Counts a version of the configuration.
    pub fn config_load(&self, result: Load) {
        self.config_loads
            .get_or_create(&ResultLabels {
                result: result.name(),
            })
            .inc();
    }

    /// Notes whether the newest version of the configuration is refused.
    pub fn config_refused(&self, refused: bool) {
        self.config_refused.set(i64::from(refused));
    }

    /// Counts alerts that were lost.
    pub fn alerts_lost(&self, count: usize) {
        self.alerts_lost
            .inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Counts an alert that was not known to be on the disk when its answer was given.
    pub fn alert_late(&self) {
        self.alerts_late.inc();
    }

    /// Counts what sync passes did with repositories of a server, which the configuration names.
    pub fn synced(&self, server: &str, result: &'static str, count: u64) {
        if count > 0 {
            let server = server.to_owned();
            let labels = SyncLabels { server, result };
            self.syncs.get_or_create(&labels).inc_by(count);
        }
    }

    /// Counts a sync pass over a server, which the configuration names.
    pub fn passed(&self, server: &str, result: &'static str) {
        let server = server.to_owned();
        let labels = SyncLabels { server, result };
        self.passes.get_or_create(&labels).inc();
    }

    /// Connaisseur's counters, where they are wanted.
    pub(crate) const fn connaisseur(&self) -> Option<&Connaisseur> {
        self.connaisseur.as_ref()
    }

    /// Counts a version of the serving certificate.
    pub fn certificate_load(&self, result: Load) {
        self.certificate_loads
            .get_or_create(&ResultLabels {
                result: result.name(),
            })
            .inc();
    }

    /// Notes when the serving certificate expires.
    pub fn certificate_expiry(&self, not_after: Timestamp) {
        self.certificate_expiry.set(not_after.as_second());
    }

    /// The media type of what [`encode`](Self::encode) gives.
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All metrics, in the `OpenMetrics` text format.
    ///
    /// # Errors
    ///
    /// [`fmt::Error`] where a gauge of others fails to be written.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// Upper bounds in seconds. An answer takes some ten microseconds; what lies beyond a second is past
/// the deadline.
const BUCKETS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 2.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_units_and_labels_are_as_documented() {
        let gauge = MetricSource::gauge(
            "vouchsafe_repositories",
            "Repositories stored",
            &["state"],
            || vec![(vec!["fresh".to_owned()], 3.0)],
        );
        let metrics = Metrics::new(vec![gauge]);
        metrics.admission(Webhook::Mutate, Outcome::deny("not_signed"));
        metrics.duration(Webhook::Validate, Duration::from_micros(70));
        metrics.image(Outcome::allow("signed"));
        metrics.config_load(Load::Refused);
        metrics.certificate_expiry("2027-01-01T00:00:00Z".parse().unwrap());
        let text = metrics.encode().unwrap();
        for line in [
            r#"vouchsafe_admission_requests_total{webhook="mutate",decision="deny",reason="not_signed"} 1"#,
            r#"vouchsafe_admission_duration_seconds_bucket{le="0.00005",webhook="validate"} 0"#,
            r#"vouchsafe_admission_duration_seconds_bucket{le="0.0001",webhook="validate"} 1"#,
            r#"vouchsafe_image_decisions_total{decision="allow",reason="signed"} 1"#,
            r#"vouchsafe_config_loads_total{result="refused"} 1"#,
            "vouchsafe_tls_not_after_seconds 1798761600",
            r#"vouchsafe_repositories{state="fresh"} 3.0"#,
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
