//! What became of things, in few words that the program knows beforehand.

/// What became of a review or an image, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome {
    pub(super) decision: &'static str,
    pub(super) reason: &'static str,
}

impl Outcome {
    /// A review all of whose images are allowed.
    pub const JUDGED: Self = Self::allow("judged");

    /// An image that is signed, and whose proof is fresh.
    pub const SIGNED: Self = Self::allow("signed");

    /// Let in, with a stable, short name of the cause.
    pub const fn allow(reason: &'static str) -> Self {
        Self {
            decision: "allow",
            reason,
        }
    }

    /// Let in though it would be denied, with a stable, short name of the cause.
    pub const fn warn(reason: &'static str) -> Self {
        Self {
            decision: "warn",
            reason,
        }
    }

    /// Denied, with a stable, short name of the cause.
    pub const fn deny(reason: &'static str) -> Self {
        Self {
            decision: "deny",
            reason,
        }
    }

    /// `allow`, `warn` or `deny`.
    pub const fn decision(self) -> &'static str {
        self.decision
    }

    /// A stable, short name of the cause.
    pub const fn reason(self) -> &'static str {
        self.reason
    }

    /// Whether it is denied.
    pub const fn is_denied(self) -> bool {
        matches!(self.decision.as_bytes(), b"deny")
    }

    /// Whether it is let in though it would be denied.
    pub const fn is_warned(self) -> bool {
        matches!(self.decision.as_bytes(), b"warn")
    }
}

/// What became of a new version of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Load {
    /// It is in use.
    Loaded,
    /// It is not valid; what was there before stays in use.
    Refused,
}

impl Load {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Refused => "refused",
        }
    }
}
