//! The deny list: what nothing admits, whatever is signed and whatever a rule says.

use std::collections::BTreeMap;

use vouchsafe_trust::image::Digest;
use vouchsafe_trust::{Gun, Sha256};

use crate::pattern::Pattern;

/// Digests and repositories that are denied.
#[derive(Clone, Debug, Default)]
pub(crate) struct DenyList {
    pub(crate) digests: BTreeMap<Digest, Reason>,
    pub(crate) repositories: Vec<(Pattern, Reason)>,
}

/// Why something is on the list, in the operator's words.
pub(crate) type Reason = Option<String>;

/// What of an image is on the list, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Listed {
    pub(crate) what: String,
    pub(crate) reason: Reason,
}

impl DenyList {
    /// The entry about a repository.
    pub(crate) fn repository(&self, gun: &Gun) -> Option<Listed> {
        if self.repositories.is_empty() {
            return None;
        }
        let plain: Option<Gun> =
            without_usual_port(gun.as_str()).and_then(|name| name.parse().ok());
        let of_gun = |(pattern, _): &&(Pattern, Reason)| {
            pattern.matches_name(gun) || plain.as_ref().is_some_and(|gun| pattern.matches_name(gun))
        };
        let (pattern, reason) = self.repositories.iter().find(of_gun)?;
        Some(Listed {
            what: format!("the repository `{pattern}`"),
            reason: reason.clone(),
        })
    }

    /// Whether some digest is on the list.
    pub(crate) fn has_digests(&self) -> bool {
        !self.digests.is_empty()
    }

    /// The entry about a SHA-256 digest.
    pub(crate) fn sha256(&self, digest: Sha256) -> Option<Listed> {
        // Asked about whatever is admitted, and in most policies about nothing.
        if self.digests.is_empty() {
            return None;
        }
        self.digest(&digest.into())
    }

    /// The entry about a digest.
    pub(crate) fn digest(&self, digest: &Digest) -> Option<Listed> {
        let reason = self.digests.get(digest)?;
        Some(Listed {
            what: format!("the digest {digest}"),
            reason: reason.clone(),
        })
    }
}

/// The same repository, or pattern of repositories, without the port that its registry is asked at
/// anyway: to a runtime that is another name, and yet the same image.
pub(crate) fn without_usual_port(name: &str) -> Option<String> {
    let (host, path) = name.split_once('/')?;
    let host = host
        .strip_suffix(":443")
        .or_else(|| host.strip_suffix(":80"))?;
    Some(format!("{host}/{path}"))
}
