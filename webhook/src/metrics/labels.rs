//! The labels of the metrics, whose values the program or its configuration knows beforehand.

use prometheus_client::encoding::EncodeLabelSet;

use super::Outcome;
use crate::admission::Webhook;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct AdmissionLabels {
    pub(super) webhook: &'static str,
    pub(super) decision: &'static str,
    pub(super) reason: &'static str,
}

impl AdmissionLabels {
    pub(super) const fn of(webhook: Webhook, Outcome { decision, reason }: Outcome) -> Self {
        let webhook = webhook.name();
        Self {
            webhook,
            decision,
            reason,
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct WebhookLabels {
    pub(super) webhook: &'static str,
}

impl WebhookLabels {
    pub(super) const fn of(webhook: Webhook) -> Self {
        let webhook = webhook.name();
        Self { webhook }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct ImageLabels {
    pub(super) decision: &'static str,
    pub(super) reason: &'static str,
}

impl ImageLabels {
    pub(super) const fn of(Outcome { decision, reason }: Outcome) -> Self {
        Self { decision, reason }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct CauseLabels {
    pub(super) cause: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct ResultLabels {
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(super) struct SyncLabels {
    pub(super) server: String,
    pub(super) result: &'static str,
}
