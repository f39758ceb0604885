//! Why a Notary server did not give what was asked of it.

use vouchsafe_outbound::Cause;
use vouchsafe_trust::{Role, Server};

use super::Resource;

/// A request that failed: which server, what was asked, why.
#[derive(Debug, thiserror::Error)]
#[error("{server}: {resource}: {cause}")]
pub struct RequestError {
    /// The server.
    pub server: Server,
    /// What was asked.
    pub resource: Resource,
    /// Why it failed.
    pub cause: Box<Cause>,
}

impl RequestError {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        self.cause.label()
    }

    /// The HTTP status, if the answer had another one than success.
    pub const fn status(&self) -> Option<u16> {
        if let Cause::Status { status, .. } = *self.cause {
            Some(status)
        } else {
            None
        }
    }

    /// The role whose file was asked for, if one was.
    pub const fn role(&self) -> Option<&Role> {
        self.resource.role()
    }

    /// Whether the server does not have it, as Notary itself says so and no proxy before it.
    pub fn is_not_found_by_notary(&self) -> bool {
        matches!(&*self.cause, Cause::Status { status: 404, code: Some(code), .. } if code == "METADATA_NOT_FOUND")
    }

    /// What an operator can do about it, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        self.cause.is_unknown_authority().then_some(
            "name the authority that certifies the server: `cert` of the validator, `--ca` of \
             `vouchsafe root-key`",
        )
    }
}
