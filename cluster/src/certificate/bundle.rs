//! A leaf, and the authorities that are announced.

use std::fmt;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use zeroize::Zeroizing;

use super::authority::{Authority, later};
use super::leaf::{Leaf, LeafFault};
use super::{Contents, LEAF_LIFE, MAX_AUTHORITIES, Names};

/// What is announced, what is signed by, and what is served with.
#[derive(Clone)]
pub struct Bundle {
    /// The oldest first; at least one.
    pub(super) authorities: Vec<Authority>,
    /// The key of the newest (PKCS#8, PEM), if it is there and the newest is valid.
    pub(super) signer: Option<Zeroizing<String>>,
    /// What can be served with.
    pub(super) leaf: Option<Leaf>,
    /// Why there is nothing.
    pub(super) leaf_fault: Option<String>,
}

/// Why contents are of no use at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no Secret.
    #[error("there is no such Secret")]
    Missing,
    /// `ca.crt` is not PEM.
    #[error("`ca.crt` is not PEM: {0}")]
    Authorities(#[source] pem::Error),
    /// `ca.crt` holds something else than authorities, or none, or too many.
    #[error("`ca.crt` does not hold 1 to {MAX_AUTHORITIES} authorities and nothing else")]
    NotAuthorities,
}

impl Bundle {
    /// A new authority and a leaf by it.
    ///
    /// # Errors
    ///
    /// [`rcgen::Error`] where the cryptography fails.
    pub fn make(names: &Names, now: Timestamp) -> Result<Self, rcgen::Error> {
        let (authority, key) = Authority::make(now)?;
        let bundle = Self {
            authorities: vec![authority],
            signer: Some(key),
            leaf: None,
            leaf_fault: None,
        };
        bundle.with_new_leaf(names, now)
    }

    /// Reads what stands in a Secret, as it is worth `now`.
    ///
    /// # Errors
    ///
    /// [`Fault`] where no authority is known. A leaf or a key that is of no use is no error.
    pub fn read(contents: &Contents, names: &Names, now: Timestamp) -> Result<Self, Fault> {
        let mut authorities = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(&contents.authorities) {
            let certificate = certificate.map_err(Fault::Authorities)?;
            let authority = Authority::read(&certificate).ok_or(Fault::NotAuthorities)?;
            if authorities.len() == MAX_AUTHORITIES {
                return Err(Fault::NotAuthorities);
            }
            authorities.push(authority);
        }
        let newest = authorities.last().ok_or(Fault::NotAuthorities)?;
        let signer = String::from_utf8(contents.authority_key.to_vec()).map(Zeroizing::new);
        let signer = signer.ok().filter(|key| newest.issuer(key).is_some());
        let signer = signer.filter(|_| newest.valid.holds(now));
        let pair = (contents.chain.as_slice(), contents.key.as_slice());
        let leaf: Result<Leaf, LeafFault> = Leaf::read(pair, &authorities, names, now);
        let (leaf, leaf_fault) = match leaf {
            Ok(leaf) => (Some(leaf), None),
            Err(fault) => (None, Some(fault.to_string())),
        };
        Ok(Self {
            authorities,
            signer,
            leaf,
            leaf_fault,
        })
    }

    /// The same with a new leaf by the newest authority.
    ///
    /// # Errors
    ///
    /// [`rcgen::Error`] where the cryptography fails, or the key of that authority is not there.
    pub fn with_new_leaf(&self, names: &Names, now: Timestamp) -> Result<Self, rcgen::Error> {
        let newest = self.authorities.len().checked_sub(1);
        let newest = newest.and_then(|at| Some((self.authorities.get(at)?, at)));
        let leaf = match (newest, &self.signer) {
            (Some(newest), Some(key)) => Leaf::make(newest, key, names, now)?,
            _ => None,
        };
        Ok(Self {
            leaf: Some(leaf.ok_or(rcgen::Error::CouldNotParseKeyPair)?),
            leaf_fault: None,
            ..self.clone()
        })
    }

    /// The same with a new authority, by which the next leaf will be. The key of the one before is gone.
    ///
    /// # Errors
    ///
    /// [`rcgen::Error`] where the cryptography fails.
    pub fn with_new_authority(&self, now: Timestamp) -> Result<Self, rcgen::Error> {
        let (authority, key) = Authority::make(now)?;
        let mut bundle = self.without_old_authorities(now);
        while bundle.authorities.len() >= MAX_AUTHORITIES {
            let issuer = bundle.leaf.as_ref().map(|leaf| leaf.issuer);
            bundle.remove(usize::from(issuer == Some(0)));
        }
        bundle.authorities.push(authority);
        bundle.signer = Some(key);
        Ok(bundle)
    }

    /// The same without the authorities by which no leaf can be served any more.
    #[must_use]
    pub fn without_old_authorities(&self, now: Timestamp) -> Self {
        let mut bundle = self.clone();
        while let Some(gone) = bundle.first_gone(now) {
            bundle.remove(gone);
        }
        bundle
    }

    /// What the API server is told to trust, PEM.
    pub fn announced(&self) -> String {
        let each = self.authorities.iter();
        each.map(|authority| authority.pem.as_str()).collect()
    }

    /// Whether it can be served with, and if not, why.
    ///
    /// # Errors
    ///
    /// What is wrong with the leaf, in words.
    pub fn serves(&self) -> Result<(), &str> {
        match &self.leaf_fault {
            None => Ok(()),
            Some(fault) => Err(fault),
        }
    }

    /// When the leaf expires, if there is one.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.leaf.as_ref().map(|leaf| leaf.valid.not_after)
    }

    /// What is to stand in the Secret.
    pub fn contents(&self) -> Contents {
        let bytes = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let leaf = self.leaf.as_ref();
        Contents {
            authorities: self.announced().into_bytes(),
            authority_key: self
                .signer
                .as_deref()
                .map_or_else(|| bytes(""), |it| bytes(it)),
            chain: leaf.map_or_else(Vec::new, |leaf| leaf.chain.clone().into_bytes()),
            key: leaf.map_or_else(|| bytes(""), |leaf| bytes(&leaf.key)),
        }
    }

    /// The first authority by which no leaf can be served any more. Its key was gone when the next one was made, so that the
    /// last leaf by it has expired a leaf's life after that.
    pub(super) fn first_gone(&self, now: Timestamp) -> Option<usize> {
        let pairs = self.authorities.iter().zip(self.authorities.iter().skip(1));
        let issuer = self.leaf.as_ref().map(|leaf| leaf.issuer);
        pairs.enumerate().find_map(|(at, (authority, next))| {
            let last_leaf = later(next.valid.made(), LEAF_LIFE);
            let end = authority.valid.not_after.min(last_leaf);
            (end < now && issuer != Some(at)).then_some(at)
        })
    }

    fn remove(&mut self, at: usize) {
        self.authorities.remove(at);
        if let Some(leaf) = &mut self.leaf
            && leaf.issuer > at
        {
            leaf.issuer -= 1;
        }
    }
}

/// Shows no key.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("authorities", &self.authorities.len())
            .field("leaf", &self.leaf)
            .field("leaf_fault", &self.leaf_fault)
            .finish_non_exhaustive()
    }
}
