//! Verifying again what is stored, after the pins changed, without a network.

use jiff::Timestamp;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{Gun, Pins, Server, VerifyError, verify};

use crate::commit::Offered;
use crate::key::RepoKey;
use crate::record::{Active, Front, Record};
use crate::{Store, StoreError, Unproven};

/// What came of verifying stored repositories again.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reverified {
    /// How many repositories hold under the present pins, and were verified with others before.
    pub proven: usize,
    /// The repositories that do not hold; no pinned key counts as their anchor any more.
    pub unproven: Vec<(Server, VerifyError)>,
}

impl Store {
    /// Verifies stored repositories again whose pins are not those that they were verified with.
    ///
    /// What was accepted before stays accepted, expired or not; only what the pins say is found out
    /// anew. A repository that they do not hold for keeps no anchor, so no policy rule is satisfied
    /// with it. Repositories without pins are left alone: no rule reaches them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read or written.
    pub fn reverify(
        &self,
        pins: &dyn Fn(&Server, &Gun) -> Option<Pins>,
        now: Timestamp,
    ) -> Result<Reverified, StoreError> {
        let mut reverified = Reverified::default();
        for key in self.repo_keys() {
            let (repo, server, gun) = key?;
            let Some(pins) = pins(&server, &gun) else {
                continue;
            };
            let fingerprint = pins.fingerprint();
            let active = self.active(&repo, &gun)?;
            if active.is_none_or(|active| active.facts.pins == fingerprint) {
                continue;
            }
            match self.reverify_one(&repo, &gun, &pins, now) {
                Ok(None) => {}
                Ok(Some(Ok(()))) => reverified.proven += 1,
                Ok(Some(Err(error))) => reverified.unproven.push((server, error)),
                Err(error) => return Err(self.note(error)),
            }
        }
        Ok(reverified)
    }

    /// `None` if the repository went away meanwhile.
    fn reverify_one(
        &self,
        repo: &RepoKey,
        gun: &Gun,
        pins: &Pins,
        now: Timestamp,
    ) -> Result<Option<Result<(), VerifyError>>, StoreError> {
        let _turn = self.0.turns.take(repo);
        let Some(before) = self.0.trees.stored(repo)? else {
            return Ok(None);
        };
        let (Front::Active(active), Some(files)) =
            (&before.record.front, &before.record.back.files)
        else {
            return Ok(None);
        };
        let metadata = self
            .role_files(repo, gun, files)?
            .ok_or_else(|| StoreError::damaged(format!("a role file of {gun} is missing")))?;
        let terms = Terms {
            pins,
            // The floors were raised by this very metadata, and say which delegations were published
            // once.
            accepted: Some(&before.record.back.accepted),
            now,
            expiry: Expiry::Record,
            // It was within the limits when it was taken in.
            limits: Limits {
                root: u64::MAX,
                role: u64::MAX,
                timestamp: u64::MAX,
                repository: u64::MAX,
            },
        };
        match verify(&metadata, terms) {
            Ok(repository) => {
                let accepted = before.record.back.accepted.clone();
                let word = (accepted, active.vouch.clone());
                let written = self.write(repo, Some(before), Offered::new(&repository), word)?;
                self.0.durable.sync()?;
                self.settle(repo, &written);
                Ok(Some(Ok(())))
            }
            Err(error) => {
                let unproven = Unproven {
                    at: now,
                    label: error.label().to_owned(),
                    message: error.to_string(),
                };
                let record = disowned(&before.record, active, pins, unproven);
                self.publish(repo, Some(&before), &record, || Ok(()))?;
                Ok(Some(Err(error)))
            }
        }
    }
}

/// The record without its anchors.
fn disowned(record: &Record, active: &Active, pins: &Pins, unproven: Unproven) -> Record {
    let mut active = active.clone();
    active.facts.pins = pins.fingerprint();
    active.facts.anchors.clear();
    active.unproven = Some(unproven);
    Record {
        front: Front::Active(Box::new(active)),
        back: record.back.clone(),
    }
}
