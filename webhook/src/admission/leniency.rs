//! What the configuration admits that it would deny.

use vouchsafe_policy::{Features, ResourceValidationMode};

use crate::review::Request;

/// Why a whole request is admitted, whatever its images are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Leniency {
    /// Everything is.
    DetectionMode,
    /// The object is no Pod, and only Pods are denied and patched.
    PodsOnly,
}

impl Leniency {
    /// What `features` let pass of a request; what could not be read is about no kind of object.
    pub(super) fn of(features: Features, request: Option<&Request<'_>>) -> Option<Self> {
        let is_pod = |request: &Request<'_>| {
            request.kind.group.as_str().is_empty() && request.kind.kind.as_str() == "Pod"
        };
        let pods_only = features.resources == ResourceValidationMode::PodsOnly;
        if pods_only && request.is_some_and(|request| !is_pod(request)) {
            Some(Self::PodsOnly)
        } else if features.detection_mode {
            Some(Self::DetectionMode)
        } else {
            None
        }
    }

    /// Whether images are replaced by what is signed.
    pub(super) fn patches(leniency: Option<Self>) -> bool {
        leniency != Some(Self::PodsOnly)
    }

    /// What is said before what would have been denied.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::DetectionMode => "detection mode admits what would be denied",
            Self::PodsOnly => "only Pods are denied, and this is none",
        }
    }
}
