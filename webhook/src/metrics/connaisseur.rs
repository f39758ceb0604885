//! The counters that Connaisseur has, for dashboards that were made for it.
//!
//! Each object counts once, by its final answer, as Connaisseur answers each object once.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Connaisseur's counters.
#[derive(Debug, Default)]
pub(crate) struct Connaisseur {
    requests: Counter,
    admitted: Counter,
    denied: Family<Denied, Counter>,
    validations: Family<Validated, Counter>,
    successful: Family<Validator, Counter>,
    failed: Family<Validator, Counter>,
    timeouted: Family<Validator, Counter>,
    skipped: Family<Skipped, Counter>,
}

/// One validation of one image, as Connaisseur counts it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Validation<'v> {
    /// The validator's type: `notaryv1`, `static`, or `unknown` where no rule decided.
    pub(crate) kind: &'static str,
    /// The validator's name, which the configuration bounds; empty where no rule decided.
    pub(crate) validator: &'v str,
    /// What came of it.
    pub(crate) result: Validity,
}

/// What came of a validation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Validity {
    Failed,
    /// There was no need for it, for this reason in Connaisseur's words.
    Skipped(&'static str),
    Successful,
    TimedOut,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Denied {
    timeout: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Validator {
    r#type: &'static str,
    validator_name: Arc<str>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Validated {
    r#type: &'static str,
    validator_name: Arc<str>,
    result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Skipped {
    r#type: &'static str,
    validator_name: Arc<str>,
    reason: &'static str,
}

impl Connaisseur {
    /// The counters, which `registry` shows from now on.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let counters = Self::default();
        let registry = registry.sub_registry_with_prefix("connaisseur");
        registry.register("requests", "Requests answered", counters.requests.clone());
        registry.register(
            "requests_admitted",
            "Requests admitted",
            counters.admitted.clone(),
        );
        registry.register(
            "requests_denied",
            "Requests denied",
            counters.denied.clone(),
        );
        let validations = counters.validations.clone();
        registry.register("validations", "Images validated", validations);
        for (name, help, family) in [
            (
                "validations_successful",
                "Images admitted",
                &counters.successful,
            ),
            ("validations_failed", "Images denied", &counters.failed),
            (
                "validations_timeouted",
                "Images that there was no time for",
                &counters.timeouted,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "validations_skipped",
            "Images admitted without a proof of their own",
            counters.skipped.clone(),
        );
        counters
    }

    /// Counts an answer.
    pub(crate) fn request(&self, admitted: bool, timed_out: bool) {
        self.requests.inc();
        if admitted {
            self.admitted.inc();
        } else {
            let timeout = if timed_out { "true" } else { "false" };
            self.denied.get_or_create(&Denied { timeout }).inc();
        }
    }

    /// Counts an image.
    pub(crate) fn validation(&self, validation: &Validation<'_>) {
        let r#type = validation.kind;
        let validator_name: Arc<str> = validation.validator.into();
        let validator = Validator {
            r#type,
            validator_name: Arc::clone(&validator_name),
        };
        let (result, family) = match validation.result {
            Validity::Successful => ("success", &self.successful),
            Validity::Failed => ("error", &self.failed),
            Validity::TimedOut => ("error", &self.timeouted),
            Validity::Skipped(reason) => {
                let skipped = Skipped {
                    r#type,
                    validator_name: Arc::clone(&validator_name),
                    reason,
                };
                self.skipped.get_or_create(&skipped).inc();
                ("success", &self.successful)
            }
        };
        family.get_or_create(&validator).inc();
        let validated = Validated {
            r#type,
            validator_name,
            result,
        };
        self.validations.get_or_create(&validated).inc();
    }
}
