//! What leads from a denial to the fix.

use vouchsafe_trust::evidence::NotSigned;
use vouchsafe_trust::{Gun, Role};

use super::{Cause, Denial, Source};

impl Denial {
    /// What leads to the fix, as one sentence without a full stop.
    pub fn next_step(&self) -> String {
        let gun = self.gun.as_ref().map_or("GUN", Gun::as_str);
        let pattern = self.pattern.as_deref().unwrap_or_default();
        let validator = self.validator.as_deref().unwrap_or_default();
        let refresh = self.source.refresh(gun);
        match &self.cause {
            Cause::BadReference(_) => "write the image as REGISTRY/REPOSITORY:TAG".to_owned(),
            Cause::CertificateName => format!(
                "make sure that {gun} was signed under exactly this name: `notary list {gun}` \
                 shows whether its publisher signed it"
            ),
            Cause::CertificateValidity(_) => {
                format!("ask the publisher to rotate the root key: `notary key rotate {gun} root`")
            }
            Cause::DigestMismatch { signed, .. } => format!(
                "deploy the signed digest sha256:{signed}, or drop the digest, or have the \
                 publisher sign the other one"
            ),
            Cause::Expired { role, .. } | Cause::TooStale { role, .. } => match role {
                Role::Timestamp | Role::Snapshot => format!(
                    "{refresh}; if that cannot be, `freshness.maxStaleness` \
                     says how long expired freshness is tolerated"
                ),
                Role::Root | Role::Targets | Role::Delegation(_) => {
                    format!(
                        "ask the publisher to sign {gun} again, then {refresh}"
                    )
                }
            },
            Cause::Listed { .. } => {
                "use another image, or have it taken off the deny list: `deny` in the configuration, or \
                 that of a bundle"
                    .to_owned()
            }
            Cause::NoRule { .. } => {
                "add a rule to the policy whose pattern matches the image".to_owned()
            }
            Cause::NotAnchored { server, .. } => format!(
                "compare `vouchsafe root-key {gun} --server {server}` with the publisher's key, and pin \
                 that under validator `{validator}`"
            ),
            Cause::NotPinned { pinned } => {
                format!("deploy {pinned}, or have the mutating webhook do it")
            }
            Cause::NotSigned(reason) => not_signed(reason, gun, &refresh),
            Cause::NotSynced { .. } => format!(
                "{refresh}, and `vouchsafe status {gun}` to see why it did not \
                 arrive; if the repository was never signed, its publisher has to"
            ),
            Cause::StaticDeny => {
                format!("use an image that the policy allows, or change the rule `{pattern}`")
            }
            Cause::StoreFailed { .. } => {
                "look at the log of `vouchsafe serve`; a damaged store is set aside at its next \
                 start and filled again"
                    .to_owned()
            }
            Cause::UnsupportedDigest { .. } => {
                "refer to the image by tag or by its sha256 digest".to_owned()
            }
            Cause::VouchLapsed { .. } => format!(
                "{refresh}; if that cannot be, `freshness.maxStaleness` says how long expired \
                 freshness is tolerated"
            ),
            Cause::Withdrawn { .. } => format!(
                "ask the publisher whether {gun} was meant to be deleted; if it was signed anew, \
                 {refresh}"
            ),
        }
    }
}

impl Source {
    /// How to get newer trust data of `gun`.
    fn refresh(self, gun: &str) -> String {
        match self {
            Self::Bundle => "take in a newer bundle (`vouchsafe bundle import`)".to_owned(),
            Self::Server => format!("run `vouchsafe sync {gun}`"),
        }
    }
}

fn not_signed(reason: &NotSigned, gun: &str, refresh: &str) -> String {
    match reason {
        NotSigned::Absent { .. } => format!(
            "`vouchsafe status {gun}` lists what is signed; have the publisher sign this one, then \
             {refresh}"
        ),
        NotSigned::DelegationExpired { role, .. } | NotSigned::UnderSigned { role, .. } => {
            format!("ask the signers of `{role}` to sign again, then {refresh}")
        }
        NotSigned::DigestsConflict { .. } => {
            "ask the signers to agree on one digest for this tag".to_owned()
        }
        NotSigned::NotDelegated { role } | NotSigned::OutsidePaths { role } => format!(
            "have the publisher delegate to `{role}`, or name another delegation in the rule"
        ),
        NotSigned::Unpublished { role } => {
            format!("have a signer of `{role}` sign and publish the image")
        }
        NotSigned::NoSha256 { .. } | _ => {
            "have the publisher sign the image again, with a SHA-256".to_owned()
        }
    }
}
