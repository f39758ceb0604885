//! The root chain: from a pinned key to the newest root.

use std::collections::{BTreeMap, BTreeSet};

use super::role::{check_expiry, count};
use super::{Fault, Terms, VerifyError};
use crate::key::{Certificate, Fingerprint};
use crate::metadata::{Envelope, Root};
use crate::name::{Gun, KeyId, Role, Sha256, Version};
use crate::pin::Check;
use crate::repository::Validity;

/// Consecutive roots, each signed by the one before, at least one of them by a pinned key.
#[derive(Clone, Debug)]
pub struct RootChain {
    gun: Gun,
    roots: Vec<Vec<u8>>,
    newest: Root,
    sha256: Sha256,
    anchors: BTreeSet<Fingerprint>,
    keys: BTreeSet<KeyId>,
    names_gun: bool,
    validity: Validity,
}

impl RootChain {
    /// Verifies `roots`, consecutive versions from the oldest to the newest (TUF 5.3).
    ///
    /// The chain holds if every root is signed by certificates made out to `gun` and by its
    /// predecessor's, at least one pin anchors one of the roots, and the chain contains the newest
    /// root accepted before. Only the newest root and its certificates have to be valid now:
    /// expired steps in between still show how the keys went from one to the next.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] about the root role.
    pub fn verify(gun: &Gun, roots: &[Vec<u8>], terms: Terms<'_>) -> Result<Self, VerifyError> {
        Self::check(gun, roots, terms).map_err(|fault| VerifyError::new(gun, &Role::Root, fault))
    }

    fn check(gun: &Gun, roots: &[Vec<u8>], terms: Terms<'_>) -> Result<Self, Fault> {
        let mut links = roots.iter().map(|bytes| Link::read(bytes, terms));
        let mut link = links.next().ok_or(Fault::FileMissing)??;
        let mut anchors = BTreeSet::new();
        let mut keys = BTreeSet::new();
        let mut pin_listed = false;
        let mut names_gun = true;
        let (newest, signed) = loop {
            let is_newest = links.len() == 0;
            let signed = link.check_self(gun, terms, is_newest)?;
            let pins = terms.pins.roots.iter().map(|root| root.key().fingerprint());
            let pins: BTreeSet<_> = pins.filter(|pin| signed.signers.contains(pin)).collect();
            if !pins.is_empty() {
                // Trust begins here as well, whoever signed what led here.
                keys.clear();
            }
            anchors.extend(pins);
            keys.extend(
                link.root
                    .role_keys(&Role::Root)
                    .map(|keys| keys.ids())
                    .unwrap_or_default(),
            );
            pin_listed |= link.lists_pin(terms);
            names_gun &= signed.names_gun;
            let Some(next) = links.next() else {
                break (link, signed);
            };
            let next = next?;
            names_gun &= link.check_successor(&next, gun, terms)?;
            link = next;
        };
        if anchors.is_empty() {
            return Err(Fault::NotPinned { listed: pin_listed });
        }
        check_continuity(roots, newest.root.common.version, terms)?;
        check_expiry(&Role::Root, newest.root.common, terms)?;
        Ok(Self {
            gun: gun.clone(),
            roots: roots.to_vec(),
            sha256: Sha256::of(roots.last().map_or(&[], Vec::as_slice)),
            newest: newest.root,
            anchors,
            keys,
            names_gun,
            validity: signed.validity,
        })
    }

    /// The repository.
    pub const fn gun(&self) -> &Gun {
        &self.gun
    }

    /// The newest root.
    pub const fn newest(&self) -> &Root {
        &self.newest
    }

    /// The SHA-256 of the newest root's file.
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// The bytes of the newest root's file.
    pub fn newest_bytes(&self) -> &[u8] {
        self.roots.last().map_or(&[], Vec::as_slice)
    }

    /// The pinned keys that anchor the chain.
    pub const fn anchors(&self) -> &BTreeSet<Fingerprint> {
        &self.anchors
    }

    /// The IDs of the keys of the root role that the newest root depends on: its own, and those of the roots
    /// that lead to it from the newest one that a pin anchors.
    pub const fn keys(&self) -> &BTreeSet<KeyId> {
        &self.keys
    }

    /// Whether certificates made out to the GUN alone meet every threshold.
    pub const fn names_gun(&self) -> bool {
        self.names_gun
    }

    /// The time in which enough of the newest root's certificates are valid.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The files, oldest first.
    pub fn into_roots(self) -> Vec<Vec<u8>> {
        self.roots
    }
}

/// One root on its way into the chain.
struct Link {
    root: Root,
    envelope: Envelope,
}

/// Who signed a root, once its threshold is met.
struct SelfSigned {
    signers: BTreeSet<Fingerprint>,
    names_gun: bool,
    validity: Validity,
}

impl Link {
    fn read(bytes: &[u8], terms: Terms<'_>) -> Result<Self, Fault> {
        let length = count(bytes.len());
        if length > terms.limits.root {
            return Err(Fault::TooLarge {
                length,
                limit: terms.limits.root,
            });
        }
        let envelope = Envelope::parse(bytes)?;
        let root = Root::read(envelope.signed())?;
        if envelope.signatures().is_empty() {
            return Err(Fault::NoSignatures);
        }
        Ok(Self { root, envelope })
    }

    /// Checks the root against its own root role: certificates that speak for the GUN must meet
    /// its threshold (notary trustpinning/certs.go, `ValidateRoot`).
    fn check_self(&self, gun: &Gun, terms: Terms<'_>, newest: bool) -> Result<SelfSigned, Fault> {
        let certificates: BTreeMap<KeyId, &Certificate> = self.root.certificates().collect();
        let enforce_validity = newest && terms.pins.certificate_validity == Check::Enforce;
        let strict = |certificate: &Certificate| {
            certificate.is_strong() && (!enforce_validity || certificate.is_valid_at(terms.now))
        };
        let named = self.signers(&certificates, |c| strict(c) && c.names(gun));
        let (signers, names_gun) = if self.meets_threshold(&named) {
            (named, true)
        } else if terms.pins.certificate_name == Check::Record {
            (self.signers(&certificates, strict), false)
        } else {
            (named, false)
        };
        if !self.meets_threshold(&signers) {
            return Err(self.self_fault(&certificates, gun, terms, count(signers.len())));
        }
        let validity = self.validity(&certificates, &signers);
        Ok(SelfSigned {
            signers,
            names_gun,
            validity,
        })
    }

    /// Why the threshold is not met: too few certificates speak for the GUN, or too few of those
    /// that do have signed.
    fn self_fault(
        &self,
        certificates: &BTreeMap<KeyId, &Certificate>,
        gun: &Gun,
        terms: Terms<'_>,
        valid: u64,
    ) -> Fault {
        if certificates.is_empty() {
            return Fault::NoCertificate;
        }
        let faults = certificates
            .values()
            .filter_map(|c| c.fault(gun, terms.now));
        let (mut faults, needed) = (faults.collect::<Vec<_>>(), self.threshold());
        let sound = count(certificates.len() - faults.len());
        if sound < needed && !faults.is_empty() {
            return Fault::Certificate(faults.swap_remove(0));
        }
        Fault::ThresholdNotMet { needed, valid }
    }

    /// Checks that `next` is the following version and that this root's keys signed it too
    /// (TUF 5.3.4, 5.3.5). The expiry of this root's certificates no longer matters. Returns whether
    /// certificates made out to `gun` alone meet the threshold.
    fn check_successor(&self, next: &Self, gun: &Gun, terms: Terms<'_>) -> Result<bool, Fault> {
        let found = next.root.common.version;
        let expected = self.root.common.version.next().unwrap_or(found);
        if found != expected {
            return Err(Fault::RootVersionGap { expected, found });
        }
        let signers = |allowed: &dyn Fn(&Certificate) -> bool| {
            let certificates = self.root.certificates().filter(|(_, c)| c.is_strong());
            let ids = certificates
                .filter(|(_, c)| allowed(c))
                .map(|(id, _)| id)
                .collect();
            let keys = self.root.root_keys_among(&ids);
            count(next.envelope.signatures().signers(&keys).len())
        };
        let needed = self.threshold();
        let named = signers(&|certificate| certificate.names(gun));
        if named >= needed {
            return Ok(true);
        }
        let valid = match terms.pins.certificate_name {
            Check::Record => signers(&|_| true),
            Check::Enforce => named,
        };
        if valid < needed {
            return Err(Fault::RootNotChained {
                version: found,
                needed,
                valid,
            });
        }
        Ok(false)
    }

    fn signers(
        &self,
        certificates: &BTreeMap<KeyId, &Certificate>,
        allowed: impl Fn(&Certificate) -> bool,
    ) -> BTreeSet<Fingerprint> {
        let ids = certificates
            .iter()
            .filter(|(_, c)| allowed(c))
            .map(|(id, _)| *id)
            .collect();
        self.envelope
            .signatures()
            .signers(&self.root.root_keys_among(&ids))
    }

    const fn threshold(&self) -> u64 {
        self.root.root_threshold()
    }

    fn meets_threshold(&self, signers: &BTreeSet<Fingerprint>) -> bool {
        count(signers.len()) >= self.threshold()
    }

    fn lists_pin(&self, terms: Terms<'_>) -> bool {
        let listed = self
            .root
            .role_keys(&Role::Root)
            .map(|keys| keys.fingerprints());
        let listed = listed.unwrap_or_default();
        terms
            .pins
            .roots
            .iter()
            .any(|root| listed.contains(&root.key().fingerprint()))
    }

    /// The time in which as many signers' certificates as the threshold needs are valid: those that
    /// last longest.
    fn validity(
        &self,
        certificates: &BTreeMap<KeyId, &Certificate>,
        signers: &BTreeSet<Fingerprint>,
    ) -> Validity {
        let mut longest = BTreeMap::new();
        for certificate in certificates.values() {
            let key = certificate.key().fingerprint();
            let span = certificate.validity();
            let known = longest.entry(key).or_insert(span);
            if span.until > known.until {
                *known = span;
            }
        }
        let mut spans: Vec<Validity> = signers
            .iter()
            .filter_map(|key| longest.get(key).copied())
            .collect();
        spans.sort_by_key(|span| std::cmp::Reverse(span.until));
        let needed = usize::try_from(self.threshold()).unwrap_or(usize::MAX);
        spans
            .into_iter()
            .take(needed)
            .reduce(|a, b| Validity {
                from: a.from.max(b.from),
                until: a.until.min(b.until),
            })
            .unwrap_or(Validity {
                from: jiff::Timestamp::MAX,
                until: jiff::Timestamp::MIN,
            })
    }
}

/// Checks that the chain contains the newest root accepted before, byte for byte: roots go on from
/// there and nowhere else, even after the repository was deleted and made anew.
fn check_continuity(roots: &[Vec<u8>], newest: Version, terms: Terms<'_>) -> Result<(), Fault> {
    let Some(accepted) = terms.accepted else {
        return Ok(());
    };
    let known = accepted.root_version;
    if newest < known {
        return Err(Fault::Rollback {
            accepted: known,
            offered: newest,
        });
    }
    let back = usize::try_from(newest.get() - known.get()).unwrap_or(usize::MAX);
    let Some(same) = roots
        .len()
        .checked_sub(1)
        .and_then(|last| last.checked_sub(back))
    else {
        let oldest = newest.get() - count(roots.len()) + 1;
        let found = Version::new(oldest).unwrap_or(newest);
        return Err(Fault::RootVersionGap {
            expected: known.next().unwrap_or(known),
            found,
        });
    };
    if roots
        .get(same)
        .is_some_and(|bytes| Sha256::of(bytes) == accepted.root_sha256)
    {
        Ok(())
    } else {
        Err(Fault::Equivocation { version: known })
    }
}
