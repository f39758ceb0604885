//! What is exchanged with the cluster's API server.

use super::error::Problem;
use super::raw::{RawKubernetes, RawKubernetesCertificate};
use super::yaml::At;

/// What is exchanged with the API server of the cluster, beside answering it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KubernetesSettings {
    /// The namespace of Vouchsafe's own objects; `None` for that of the Pod.
    pub namespace: Option<String>,
    /// Whether trust data comes from `TrustRepository` objects.
    pub feed: bool,
    /// Whether the objects are watched that own others.
    pub owners: bool,
    /// Whether what runs is judged again, and reported.
    pub reports: bool,
    /// The serving certificate, where it is made and renewed by this process.
    pub certificate: Option<CertificateSettings>,
}

/// A serving certificate that is made and renewed by whoever serves with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateSettings {
    /// The Secret that holds it.
    pub secret: String,
    /// The Service by which the API server calls.
    pub service: String,
    /// The name of the webhook configurations that are told of the authority.
    pub webhook: String,
}

impl KubernetesSettings {
    /// Whether an API server is spoken to at all.
    pub const fn is_used(&self) -> bool {
        self.feed || self.owners || self.reports || self.certificate.is_some()
    }
}

/// Reads `kubernetes`.
pub(super) fn kubernetes(raw: RawKubernetes) -> Result<KubernetesSettings, At<Problem>> {
    Ok(KubernetesSettings {
        namespace: raw.namespace.map(|it| name(it, "namespace")).transpose()?,
        feed: raw.feed.unwrap_or_default(),
        owners: raw.owners.unwrap_or_default(),
        reports: raw.reports.unwrap_or_default(),
        certificate: raw.certificate.map(certificate).transpose()?,
    })
}

fn certificate(raw: RawKubernetesCertificate) -> Result<CertificateSettings, At<Problem>> {
    Ok(CertificateSettings {
        secret: name(raw.secret, "secret")?,
        service: name(raw.service, "service")?,
        webhook: name(raw.webhook, "webhook")?,
    })
}

/// A name as RFC 1123 has labels, which suits an object of every kind (Kubernetes, "Object Names and IDs").
fn name(written: At<String>, key: &'static str) -> Result<String, At<Problem>> {
    let name = &written.value;
    if is_label(name) {
        return Ok(written.value);
    }
    Err(written.fault(Problem::Value {
        key,
        value: name.chars().take(MAX_LABEL).collect(),
        nearest: None,
        expected: "the name of an object: lower-case letters, digits and inner hyphens",
    }))
}

/// Whether this is a label as RFC 1123 has them.
pub(super) fn is_label(name: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_LABEL).contains(&name.len())
        && name.bytes().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// The longest label of RFC 1123.
pub(super) const MAX_LABEL: usize = 63;
