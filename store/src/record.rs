//! What is stored of one repository.
//!
//! The header is one small value, swapped as a whole: a format number, the generation, and the
//! body or, where that is long, the digest of where it lies. The body is what reads need, followed
//! by what only commits need.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sled::Tree;
use vouchsafe_trust::evidence::Vouch;
use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::{DelegationName, RepositoryFacts, Role, Sha256};

use crate::key::RepoKey;
use crate::status::Unproven;
use crate::{StoreError, blob};

/// A header as sled holds it.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    raw: sled::IVec,
    pub(crate) generation: u64,
}

impl Header {
    pub(crate) fn parse(raw: sled::IVec) -> Result<Self, StoreError> {
        let generation = match raw.split_first() {
            Some((&FORMAT, rest)) => rest.first_chunk().copied().map(u64::from_be_bytes),
            _ => None,
        };
        match generation {
            Some(generation) if raw.len() > BODY => Ok(Self { raw, generation }),
            _ => Err(StoreError::damaged("a header is of no known form")),
        }
    }

    pub(crate) const fn raw(&self) -> &sled::IVec {
        &self.raw
    }

    /// What reads need; `None` if the header was superseded and its body taken away.
    pub(crate) fn front(&self, files: &Tree, repo: &RepoKey) -> Result<Option<Front>, StoreError> {
        self.with_body(files, repo, |body| {
            postcard::take_from_bytes(body).map(|(front, _)| front)
        })
    }

    /// The whole record; `None` if the header was superseded and its body taken away.
    pub(crate) fn record(
        &self,
        files: &Tree,
        repo: &RepoKey,
    ) -> Result<Option<Record>, StoreError> {
        self.with_body(files, repo, |body| {
            let (front, rest) = postcard::take_from_bytes(body)?;
            let back = postcard::from_bytes(rest)?;
            Ok(Record { front, back })
        })
    }

    /// The digest under which the body lies, if it is not in the header itself.
    pub(crate) fn stored_body(&self) -> Option<Sha256> {
        match self.raw.get(BODY - 1..)?.split_first()? {
            (&STORED, digest) => digest.try_into().ok().map(Sha256::from_bytes),
            _ => None,
        }
    }

    fn with_body<T>(
        &self,
        files: &Tree,
        repo: &RepoKey,
        read: impl FnOnce(&[u8]) -> postcard::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let unreadable = |_error| StoreError::damaged("a header cannot be read");
        match self.stored_body() {
            None => {
                let body = self.raw.get(BODY..).unwrap_or_default();
                read(body).map(Some).map_err(unreadable)
            }
            Some(digest) => match blob::get(files, &repo.file(&digest))? {
                Some(body) => read(&body).map(Some).map_err(unreadable),
                None => Ok(None),
            },
        }
    }
}

/// Everything that a header stands for.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) front: Front,
    pub(crate) back: Back,
}

/// A record as it is about to be stored.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// The header's value.
    pub(crate) header: Vec<u8>,
    /// A body that is too long for the header.
    pub(crate) body: Option<(Sha256, Vec<u8>)>,
}

impl Record {
    pub(crate) fn encode(&self, generation: u64) -> Result<Encoded, StoreError> {
        let front = postcard::to_stdvec(&self.front).map_err(StoreError::Unencodable)?;
        let body = postcard::to_extend(&self.back, front).map_err(StoreError::Unencodable)?;
        let mut header = vec![FORMAT];
        header.extend_from_slice(&generation.to_be_bytes());
        if body.len() <= MAX_INLINE {
            header.push(INLINE);
            header.extend_from_slice(&body);
            Ok(Encoded { header, body: None })
        } else {
            // The generation makes the digest unique, so that an old body never is a new one's.
            let digest = Sha256::of(&[header.as_slice(), &body].concat());
            header.push(STORED);
            header.extend_from_slice(digest.as_bytes());
            Ok(Encoded {
                header,
                body: Some((digest, body)),
            })
        }
    }

    /// The digests of the role files that are kept.
    pub(crate) fn files(&self) -> BTreeSet<Sha256> {
        self.back.files.iter().flat_map(Files::digests).collect()
    }

    /// The digests of the role files whose targets are kept in pages.
    pub(crate) fn paged(&self) -> BTreeSet<Sha256> {
        match &self.front {
            Front::Active(active) => active.targets.values().map(|pages| pages.sha256).collect(),
            Front::Withdrawn { .. } => BTreeSet::new(),
        }
    }
}

/// What reads need of a repository.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Front {
    /// Verified, and the server still has it.
    Active(Box<Active>),
    /// The server said that it no longer has it.
    Withdrawn {
        /// When it said so.
        at: Timestamp,
    },
}

/// A repository that speaks for images.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Active {
    pub(crate) facts: RepositoryFacts,
    /// Why the pins of the present configuration do not hold for it, if they do not.
    pub(crate) unproven: Option<Unproven>,
    pub(crate) targets: BTreeMap<Role, Pages>,
    /// The bundle that brought it, if one did.
    pub(crate) vouch: Option<Vouch>,
}

/// Where the targets of a role are.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Pages {
    /// The digest of the role's file.
    pub(crate) sha256: Sha256,
    /// How many pages there are by name, and as many by digest.
    pub(crate) count: u32,
    /// How many targets there are.
    pub(crate) targets: u64,
}

/// What only commits need of a repository.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Back {
    /// The anti-rollback floors; they outlive a withdrawal.
    pub(crate) accepted: Accepted,
    /// The role files; none after a withdrawal.
    pub(crate) files: Option<Files>,
}

/// Which role files make up the repository, by digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Files {
    pub(crate) roots: Vec<Sha256>,
    pub(crate) timestamp: Sha256,
    pub(crate) snapshot: Sha256,
    pub(crate) targets: Sha256,
    pub(crate) delegations: BTreeMap<DelegationName, Sha256>,
}

impl Files {
    fn digests(&self) -> impl Iterator<Item = Sha256> {
        let base = [self.timestamp, self.snapshot, self.targets];
        let delegations = self.delegations.values();
        base.into_iter()
            .chain(self.roots.iter().chain(delegations).copied())
    }
}

/// The form of headers and bodies.
const FORMAT: u8 = 2;
const INLINE: u8 = 0;
const STORED: u8 = 1;
/// Where a header's body starts: after the format, the generation and the kind of body.
const BODY: usize = 10;
/// Longer bodies are stored in pieces (see [`blob`]).
const MAX_INLINE: usize = 4096;
