//! The delegations that the snapshot states, parents first.

use super::{Update, Wanted, WantsDelegations};
use crate::metadata::{Delegation, Targets};
use crate::name::Role;
use crate::repository::DelegationState;
use crate::update::role::{check_file, check_signatures};
use crate::update::{Fault, MAX_DELEGATIONS, MAX_DEPTH, VerifyError, depth};

impl Update<'_, WantsDelegations> {
    /// The next delegation's file; `None` when all are there.
    ///
    /// # Errors
    ///
    /// [`Fault::TooLarge`] if it is stated to be larger than allowed.
    pub fn wanted(&self) -> Result<Option<Wanted>, VerifyError> {
        let Some(next) = self.state.queue.front() else {
            return Ok(None);
        };
        let role = Role::Delegation(next.name.clone());
        match self.state.snapshot.file(&role) {
            Some(file) => self.want(role, file).map(Some),
            None => Ok(None),
        }
    }

    /// Checks `bytes` as the file of the delegation that is wanted next.
    ///
    /// One that too few of its keys signed is left out with its subtree, as Notary's client does.
    /// One that has expired is kept: its expiry is a fact on which every decision looks.
    ///
    /// # Errors
    ///
    /// Any other fault fails the update.
    pub fn delegation(mut self, bytes: &[u8]) -> Result<Self, VerifyError> {
        let Some(delegation) = self.state.queue.pop_front() else {
            return Ok(self);
        };
        let role = Role::Delegation(delegation.name.clone());
        let targets = match self.check_delegation(&role, &delegation, bytes) {
            Ok(targets) => targets,
            Err(Fault::ThresholdNotMet { needed, valid }) => {
                let state = DelegationState::UnderSigned { needed, valid };
                self.state.delegations.insert(delegation.name, state);
                self.files.insert(role, bytes.to_vec());
                return Ok(self);
            }
            Err(fault) => return Err(self.error(&role, fault)),
        };
        let paths = delegation.paths;
        let state = DelegationState::Accepted {
            paths: paths.clone(),
        };
        self.state.delegations.insert(delegation.name, state);
        self.enqueue(&role, targets, &paths)?;
        Ok(self)
    }

    fn check_delegation(
        &mut self,
        role: &Role,
        delegation: &Delegation,
        bytes: &[u8],
    ) -> Result<Targets, Fault> {
        let file = self.state.snapshot.file(role).ok_or(Fault::FileMissing)?;
        check_file(file, bytes)?;
        self.count(bytes, self.terms.limits.role)?;
        let envelope = check_signatures(bytes, &delegation.keys)?;
        let targets = Targets::read(role, envelope.signed())?;
        self.accept(role, targets.common, bytes, &delegation.keys)?;
        Ok(targets)
    }

    /// Takes in what `role` says, and lines up the published ones of the roles that it delegates
    /// to, before those that wait already (parents first, in list order).
    pub(super) fn enqueue(
        &mut self,
        role: &Role,
        targets: Targets,
        effective: &[String],
    ) -> Result<(), VerifyError> {
        self.state.targets.insert(role.clone(), targets.targets);
        let mut published = Vec::new();
        for mut delegation in targets.delegations {
            let known = self.state.delegations.len() + self.state.queue.len() + published.len();
            if known >= MAX_DELEGATIONS || depth(&delegation.name) > MAX_DEPTH {
                return Err(self.error(role, Fault::TooManyDelegations));
            }
            // A child's path counts only below one of its parent's (notary tuf/data/roles.go).
            delegation.paths.retain(|path| {
                effective
                    .iter()
                    .any(|parent| path.starts_with(parent.as_str()))
            });
            let role = Role::Delegation(delegation.name.clone());
            if self.state.snapshot.file(&role).is_some() {
                published.push(delegation);
            } else {
                let floor = self
                    .terms
                    .accepted
                    .and_then(|before| before.roles.get(&role));
                let keys = delegation.keys.fingerprints();
                let state = match floor.filter(|floor| floor.keys.is_subset(&keys)) {
                    Some(_) => DelegationState::Vanished,
                    None => DelegationState::Unpublished,
                };
                self.state.delegations.insert(delegation.name, state);
            }
        }
        for delegation in published.into_iter().rev() {
            self.state.queue.push_front(delegation);
        }
        Ok(())
    }
}
