//! What is exchanged with the cluster's API server, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::yaml::At;

/// What `vouchsafe serve` exchanges with the API server of the cluster that it runs in, beside answering it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Kubernetes")]
pub(crate) struct RawKubernetes {
    /// The namespace of Vouchsafe's own objects; without it, that of the Pod.
    pub(crate) namespace: Option<At<String>>,
    /// Whether trust data comes from `TrustRepository` objects, which `vouchsafe sync --publish kubernetes`
    /// writes, instead of from Notary servers; off unless `true` is written.
    pub(crate) feed: Option<bool>,
    /// Whether the objects are watched that own others, which `features.automaticChildApproval` needs; off
    /// unless `true` is written.
    pub(crate) owners: Option<bool>,
    /// Whether what runs is judged again when trust data changes or ages, and reported; off unless `true` is
    /// written.
    pub(crate) reports: Option<bool>,
    /// The serving certificate, where Vouchsafe makes and renews it itself.
    pub(crate) certificate: Option<RawKubernetesCertificate>,
}

/// A serving certificate that Vouchsafe makes and renews itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "KubernetesCertificate")]
pub(crate) struct RawKubernetesCertificate {
    /// The Secret that holds it, with its authority.
    pub(crate) secret: At<String>,
    /// The Service by which the API server calls.
    pub(crate) service: At<String>,
    /// The `MutatingWebhookConfiguration` and the `ValidatingWebhookConfiguration` of this name are told of
    /// the authority.
    pub(crate) webhook: At<String>,
}
