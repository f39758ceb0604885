//! The deny list: what nothing admits, whatever is signed and whatever a rule says.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_trust::evidence::Signers;
use vouchsafe_trust::image::{Digest, Reference};
use vouchsafe_trust::{DeniedThing, Gun, KeyId, RepositoryFacts, Role};

use crate::pattern::Pattern;

/// Digests and repositories that are denied.
#[derive(Clone, Debug, Default)]
pub(crate) struct DenyList {
    pub(crate) digests: BTreeMap<Digest, Reason>,
    pub(crate) repositories: Vec<(Pattern, Reason)>,
    /// Repositories that are spelled out, which may be thousands.
    pub(crate) guns: BTreeMap<Gun, Reason>,
    pub(crate) keys: BTreeMap<KeyId, Reason>,
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
        if self.repositories.is_empty() && self.guns.is_empty() {
            return None;
        }
        let plain: Option<Gun> =
            without_usual_port(gun.as_str()).and_then(|name| name.parse().ok());
        let mut names = [Some(gun), plain.as_ref()].into_iter().flatten();
        if let Some((name, reason)) = names.find_map(|name| self.guns.get_key_value(name)) {
            return Some(Listed {
                what: format!("the repository `{name}`"),
                reason: reason.clone(),
            });
        }
        let of_gun = |(pattern, _): &&(Pattern, Reason)| {
            pattern.matches_name(gun) || plain.as_ref().is_some_and(|gun| pattern.matches_name(gun))
        };
        let (pattern, reason) = self.repositories.iter().find(of_gun)?;
        Some(Listed {
            what: format!("the repository `{pattern}`"),
            reason: reason.clone(),
        })
    }

    /// Adds what a bundle says. What is on the list already keeps its reason.
    pub(crate) fn add(&mut self, what: &DeniedThing, reason: String) {
        let reason = Some(reason).filter(|reason| !reason.trim().is_empty());
        match what {
            DeniedThing::Digest(digest) => {
                self.digests.entry((*digest).into()).or_insert(reason);
            }
            DeniedThing::Key(key) => {
                self.keys.entry(*key).or_insert(reason);
            }
            DeniedThing::Gun(gun) => {
                let plain = without_usual_port(gun.as_str());
                let names: BTreeSet<String> = [Some(gun.to_string()), plain]
                    .into_iter()
                    .flatten()
                    .flat_map(|name| [spelled_out(&name), Some(name)])
                    .flatten()
                    .collect();
                for name in names {
                    if let Ok(name) = name.parse() {
                        self.guns.entry(name).or_insert_with(|| reason.clone());
                    }
                }
            }
        }
    }

    /// Whether what is on the list can only be told with the evidence of an image.
    pub(crate) fn needs_evidence(&self) -> bool {
        self.has_digests() || self.has_keys()
    }

    /// Whether some digest is on the list.
    pub(crate) fn has_digests(&self) -> bool {
        !self.digests.is_empty()
    }

    /// Whether some key is on the list.
    pub(crate) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The entry about the key of a trust root.
    pub(crate) fn trust_root(&self, name: &str, id: &KeyId) -> Option<Listed> {
        let reason = self.keys.get(id)?;
        Some(Listed {
            what: format!("the key {id}, which is the trust root `{name}`,"),
            reason: reason.clone(),
        })
    }

    /// The entry about a key on which what `signers` have to say depends: one of theirs, of a role above them,
    /// or of a role that says what is current.
    pub(crate) fn key(&self, facts: &RepositoryFacts, signers: &Signers) -> Option<Listed> {
        if self.keys.is_empty() {
            return None;
        }
        let speakers = facts.speakers(signers);
        let counts = |role: &Role| match role {
            Role::Root | Role::Targets | Role::Snapshot | Role::Timestamp => true,
            Role::Delegation(name) => speakers.iter().any(|speaker| {
                let below = speaker.as_str().strip_prefix(name.as_str());
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
        };
        let depended = facts.keys.iter().filter(|(role, _)| counts(role));
        let mut depended =
            depended.flat_map(|(role, keys)| keys.iter().map(move |key| (role, key)));
        depended.find_map(|(role, key)| {
            let reason = self.keys.get(key)?;
            Some(Listed {
                what: format!("the key {key}, which `{role}` depends on,"),
                reason: reason.clone(),
            })
        })
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

/// The same repository as images name it: `docker.io/nginx` is `docker.io/library/nginx`.
fn spelled_out(name: &str) -> Option<String> {
    let reference: Reference = name.parse().ok()?;
    Some(reference.gun().to_string())
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
