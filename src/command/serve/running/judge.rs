//! What is to be said of an image that runs.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use vouchsafe_cluster::reports::{Judged, Outcome};
use vouchsafe_cluster::workloads::Running;
use vouchsafe_policy::{Allowed, Asked, Cause, Config, Decision, Denial, Enforcement, Purpose};
use vouchsafe_trust::evidence::Freshness;
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::{Evidence, Query};

use crate::printer::{MAX_MESSAGE, printable};

/// What an image that runs comes to, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Verdict {
    /// It would be admitted.
    Trusted,
    /// It would be admitted, on proof that is no longer fresh.
    Stale,
    /// Nobody can tell: nothing is stored of it, or that is too old, or what runs is not known.
    Unknown,
    /// It is not as the policy demands.
    Untrusted,
}

impl Verdict {
    pub(super) const ALL: [Self; 4] = [Self::Trusted, Self::Stale, Self::Unknown, Self::Untrusted];

    /// A stable, short name.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
            Self::Untrusted => "untrusted",
        }
    }
}

/// An image that runs, as it was judged.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    /// Whether an owner that has it gets it admitted again.
    pub(super) is_approvable: bool,
    pub(super) judged: Judged,
}

/// Judges what runs in a namespace as admission would now, but for approvals: those let an image in that was admitted
/// before, and this asks whether it would be today.
pub(super) fn judge<E: fmt::Display>(
    config: &Config,
    evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
    namespace: &str,
    running: &Running,
    now: Timestamp,
) -> Finding {
    let image = what_runs(running);
    let asked = Asked {
        image: &image,
        namespace: Some(namespace),
        // It is there already, tag or digest.
        purpose: Purpose::Keep,
        now,
    };
    let written = printable(&running.image, MAX_MESSAGE);
    let mut properties = BTreeMap::from([("image", written)]);
    if let Some(digest) = &running.digest {
        properties.insert("running", format!("sha256:{digest}"));
    }
    match config.decide(&asked, evidence, || None) {
        Decision::Allow(allowed) => admitted(*allowed, &image, properties),
        Decision::Deny(denial) => denied(&denial, properties),
    }
}

/// The image with the digest of what runs, where it gives none itself: a runtime checks that what it pulls has the
/// digest that is written.
fn what_runs(running: &Running) -> String {
    let written = &running.image;
    let reference = written.parse::<Reference>().ok();
    let tag_only = reference.filter(|reference| reference.digest().is_none());
    tag_only.zip(running.digest.as_ref()).map_or_else(
        || written.to_string(),
        |(reference, digest)| reference.pinned(digest),
    )
}

fn admitted(
    allowed: Allowed,
    image: &str,
    mut properties: BTreeMap<&'static str, String>,
) -> Finding {
    let is_pinned = image.contains('@');
    let proof = allowed.proof();
    let verdict = match proof {
        Some(_) if !is_pinned => Verdict::Unknown,
        Some(proof) if proof.glass.is_some() => Verdict::Stale,
        Some(proof) => match proof.freshness {
            Freshness::Fresh { .. } => Verdict::Trusted,
            Freshness::Stale { .. } | Freshness::Expired { .. } => Verdict::Stale,
        },
        None => Verdict::Trusted,
    };
    if let Some(proof) = proof {
        properties.insert("signed", format!("sha256:{}", proof.digest));
    }
    let reason = if verdict == Verdict::Unknown {
        "digest_not_reported"
    } else {
        allowed.label()
    };
    let message = match (verdict, allowed.warnings.is_empty()) {
        (Verdict::Unknown, _) => {
            "its tag is signed, but the container runtime does not report the digest of what runs"
                .to_owned()
        }
        (_, true) if proof.is_some() => "it is signed".to_owned(),
        (_, true) => "the policy admits it".to_owned(),
        (_, false) => allowed.warnings.join("; "),
    };
    properties.insert("gun", allowed.gun.to_string());
    finding(
        verdict,
        outcome(verdict),
        (allowed.pattern, reason, message),
        properties,
    )
}

fn denied(denial: &Denial, mut properties: BTreeMap<&'static str, String>) -> Finding {
    let verdict = match denial.cause {
        Cause::Expired { .. }
        | Cause::NotSynced { .. }
        | Cause::StoreFailed { .. }
        | Cause::TooStale { .. }
        | Cause::VouchLapsed { .. } => Verdict::Unknown,
        Cause::BadReference(_)
        | Cause::CertificateName
        | Cause::CertificateValidity(_)
        | Cause::DigestMismatch { .. }
        | Cause::Listed { .. }
        | Cause::NoRule { .. }
        | Cause::NotAnchored { .. }
        | Cause::NotPinned { .. }
        | Cause::NotSigned(_)
        | Cause::StaticDeny
        | Cause::UnsupportedDigest { .. }
        | Cause::Withdrawn { .. }
        | _ => Verdict::Untrusted,
    };
    let outcome = if denial.enforcement == Enforcement::Warn {
        Outcome::Warn
    } else {
        outcome(verdict)
    };
    if let Some(gun) = &denial.gun {
        properties.insert("gun", gun.to_string());
    }
    let rule = denial.pattern.clone().unwrap_or_default();
    let told = (rule, denial.label(), denial.cause.to_string());
    Finding {
        // These come before any approval.
        is_approvable: !matches!(
            denial.cause,
            Cause::BadReference(_)
                | Cause::Listed { .. }
                | Cause::NoRule { .. }
                | Cause::StaticDeny
        ),
        ..finding(verdict, outcome, told, properties)
    }
}

fn finding(
    verdict: Verdict,
    outcome: Outcome,
    (rule, reason, message): (String, &'static str, String),
    mut properties: BTreeMap<&'static str, String>,
) -> Finding {
    properties.insert("verdict", verdict.label().to_owned());
    properties.insert("reason", reason.to_owned());
    Finding {
        verdict,
        is_approvable: false,
        judged: Judged {
            outcome,
            rule,
            message: printable(&message, MAX_MESSAGE),
            properties,
        },
    }
}

const fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Trusted => Outcome::Pass,
        Verdict::Stale => Outcome::Warn,
        Verdict::Unknown => Outcome::Error,
        Verdict::Untrusted => Outcome::Fail,
    }
}
