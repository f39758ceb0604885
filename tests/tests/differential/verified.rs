//! Vouchsafe without a network: the update workflow, over files as the syncer would be served them.

use std::collections::BTreeMap;

use vouchsafe_tests::vector::{self, Files};
use vouchsafe_trust::update::{Expiry, Limits, RootChain, Terms, Update, Wanted};
use vouchsafe_trust::{
    Fault, Gun, Pins, RepositoryMetadata, Role, Sha256, Timestamp, VerifiedRepository, VerifyError,
    verify,
};

use crate::compared::{Answer, View};

/// What was accepted of a repository.
#[derive(Debug)]
pub(crate) struct Verified {
    gun: Gun,
    pins: Pins,
    accepted: Option<VerifiedRepository>,
}

impl Verified {
    pub(crate) const fn new(gun: Gun, pins: Pins) -> Self {
        Self {
            gun,
            pins,
            accepted: None,
        }
    }

    /// Puts the files that are served to the workflow, as the syncer does.
    pub(crate) fn update(&mut self, files: &Files, now: Timestamp) -> Answer {
        let before = self.accepted.as_ref();
        // The syncer asks no further where the timestamp is the stored one.
        let unchanged =
            before.filter(|it| files.get("timestamp.json") == Some(&it.metadata().timestamp));
        if let Some(same) = unchanged {
            return Answer::Accepted(Box::new(View::of(same)));
        }
        let collected = Collected {
            gun: &self.gun,
            files,
            before: before.map(VerifiedRepository::metadata),
            terms: Terms {
                pins: &self.pins,
                accepted: before.map(VerifiedRepository::accepted),
                now,
                expiry: Expiry::Enforce,
                limits: Limits::default(),
            },
        };
        match collected.update() {
            Ok(repository) => {
                let view = View::of(&repository);
                self.accepted = Some(repository);
                Answer::Accepted(Box::new(view))
            }
            Err(error) => Answer::Refused {
                role: error.role.to_string(),
                label: error.label(),
                words: error.to_string(),
            },
        }
    }
}

struct Collected<'a> {
    gun: &'a Gun,
    files: &'a Files,
    before: Option<&'a RepositoryMetadata>,
    terms: Terms<'a>,
}

impl Collected<'_> {
    /// Begins with the roots that are known, and once more with those that are served where that fails; where none is known,
    /// with the newest, and with as many before it as it takes.
    fn update(&self) -> Result<VerifiedRepository, VerifyError> {
        // It is asked for first, and without it for nothing else.
        self.newest(&Role::Timestamp)?;
        if let Some(before) = self.before {
            let known = self.follow(&before.roots);
            return known.or_else(|_| self.follow(&self.newer_roots(&before.roots)));
        }
        let Some(newest) = self.files.get("root.json") else {
            return Err(self.missing(&Role::Root));
        };
        let roots = self.served_up_to(newest, 0);
        let alone = self.follow(&roots[roots.len() - 1..]);
        let longer = (0..roots.len() - 1).rev();
        longer.fold(alone, |found, from| match found {
            Err(error) if matches!(*error.fault, Fault::NotPinned { .. }) => {
                self.follow(&roots[from..])
            }
            found => found,
        })
    }

    fn follow(&self, roots: &[Vec<u8>]) -> Result<VerifiedRepository, VerifyError> {
        let chain = RootChain::verify(self.gun, roots, self.terms)?;
        let update = Update::new(chain, self.terms).timestamp(self.newest(&Role::Timestamp)?)?;
        let snapshot = self.stated(&update.wanted()?)?;
        let update = update.snapshot(&snapshot)?;
        let targets = self.stated(&update.wanted()?)?;
        let mut update = update.targets(&targets)?;
        while let Some(wanted) = update.wanted()? {
            update = update.delegation(&self.stated(&wanted)?)?;
        }
        let repository = update.finish()?;
        // What was collected travels as one unit, and is verified again wherever it arrives.
        let again = verify(repository.metadata(), self.terms)?;
        assert_eq!(again.facts(), repository.facts());
        Ok(repository)
    }

    /// The roots that are known, and those up to the newest one that is served, be it by its hash alone.
    fn newer_roots(&self, known: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let served = self.served_roots();
        let highest = served.last_key_value().map(|(_, root)| *root);
        let (Some(newest), Some(last)) = (self.files.get("root.json").or(highest), known.last())
        else {
            return known.to_vec();
        };
        let Some(to) = version(newest).filter(|_| newest != last) else {
            return known.to_vec();
        };
        match version(last).filter(|from| *from < to) {
            Some(from) => [known, &self.served_up_to(newest, from)].concat(),
            // One that is not newer is looked at with those before it.
            None => self.served_up_to(newest, 0),
        }
    }

    /// The served roots from the version after `from`, or as far back as there are any, to `newest`.
    fn served_up_to(&self, newest: &[u8], from: u64) -> Vec<Vec<u8>> {
        let served = self.served_roots();
        let before = (from + 1..version(newest).unwrap_or(0)).rev();
        let before = before.map_while(|version| served.get(&version).copied().cloned());
        let mut roots: Vec<_> = before.collect();
        roots.reverse();
        roots.push(newest.to_vec());
        roots
    }

    fn served_roots(&self) -> BTreeMap<u64, &Vec<u8>> {
        let files = self.files.iter();
        let roots = files.filter_map(|(name, root)| {
            let version = name.strip_suffix(".root.json")?.parse().ok()?;
            Some((version, root))
        });
        roots.collect()
    }

    fn newest(&self, role: &Role) -> Result<&[u8], VerifyError> {
        let file = self.files.get(&format!("{role}.json"));
        file.map(Vec::as_slice).ok_or_else(|| self.missing(role))
    }

    /// The known file of the hash that is stated, or else what a server answers to that.
    fn stated(&self, wanted: &Wanted) -> Result<Vec<u8>, VerifyError> {
        let Wanted { role, file } = wanted;
        let sha256 = file.sha256.ok_or_else(|| self.missing(role))?;
        let before = self.before.into_iter().flat_map(|before| {
            let base = [&before.snapshot, &before.targets];
            base.into_iter().chain(before.delegations.values())
        });
        if let Some(known) = before.into_iter().find(|known| Sha256::of(known) == sha256) {
            return Ok(known.clone());
        }
        let served = vector::serve(self.files, &format!("{role}.{sha256}.json"));
        served.cloned().ok_or_else(|| self.missing(role))
    }

    fn missing(&self, role: &Role) -> VerifyError {
        VerifyError::new(self.gun, role, Fault::FileMissing)
    }
}

/// The version that a root states.
pub(crate) fn version(root: &[u8]) -> Option<u64> {
    let file: serde_json::Value = serde_json::from_slice(root).ok()?;
    file.pointer("/signed/version")?.as_u64()
}
