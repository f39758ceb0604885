//! What Vouchsafe makes of a step, compared with what the client makes of it.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_store::Store;
use vouchsafe_tests::harness::reference::Outcome;
use vouchsafe_tests::history::TAGS;
use vouchsafe_trust::evidence::{Known, Signers, Statement, Wanted};
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::repository::DelegationState;
use vouchsafe_trust::{
    DelegationName, Evidence, Gun, Query, RepositoryFacts, Role, Server, Timestamp,
    VerifiedRepository,
};

use crate::rules::Fallback;

/// Vouchsafe's answer to a step.
#[derive(Debug)]
pub(crate) enum Answer {
    Accepted(Box<View>),
    Refused {
        role: String,
        label: &'static str,
        words: String,
    },
}

/// A repository as Vouchsafe has accepted it.
#[derive(Debug)]
pub(crate) struct View {
    facts: RepositoryFacts,
    targets: BTreeMap<Role, Vec<Target>>,
    /// Where it is asked for evidence, if it is in a store.
    stored: Option<(Store, Server)>,
}

/// What both agree on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    /// Tags with the same digest in the same role.
    pub(crate) digests: u64,
    /// Tags of which Vouchsafe admits none, where Docker would look further.
    pub(crate) fallbacks: Vec<Fallback>,
}

impl View {
    pub(crate) fn of(repository: &VerifiedRepository) -> Self {
        Self {
            facts: repository.facts().clone(),
            targets: repository.targets().clone(),
            stored: None,
        }
    }

    pub(crate) fn stored(store: &Store, server: &Server, gun: &Gun) -> Self {
        Self {
            facts: store.facts(server, gun).unwrap().unwrap(),
            targets: store.tags(server, gun).unwrap(),
            stored: Some((store.clone(), server.clone())),
        }
    }

    /// Whether too few of some delegation's keys signed it.
    pub(crate) fn has_under_signed(&self) -> bool {
        let states = self.facts.delegations.values();
        states
            .into_iter()
            .any(|state| matches!(state, DelegationState::UnderSigned { .. }))
    }

    /// Compares every role's version and every tag's digest.
    pub(crate) fn compare(&self, client: &Outcome, now: Timestamp) -> Result<Agreed, String> {
        let alive: BTreeSet<_> = self
            .facts
            .roles
            .keys()
            .filter(|role| self.is_alive(role, now))
            .collect();
        let versions = alive
            .iter()
            .map(|role| (role.to_string(), self.facts.roles[role].version.get()));
        let versions: BTreeMap<_, _> = versions.collect();
        if versions != client.versions {
            return Err(format!(
                "it has the versions {versions:?}, the client {:?}",
                client.versions
            ));
        }
        let listed = client.targets.iter().map(|target| {
            let digest = (!target.sha256.is_empty()).then(|| target.sha256.clone());
            ((target.role.clone(), target.name.clone()), digest)
        });
        let listed: BTreeMap<_, Option<String>> = listed.collect();
        let tags: BTreeSet<&str> = listed
            .keys()
            .map(|(_, tag)| tag.as_str())
            .chain(TAGS)
            .collect();
        let mut agreed = Agreed::default();
        for tag in tags {
            for role in alive
                .iter()
                .filter(|role| matches!(role, Role::Targets | Role::Delegation(_)))
            {
                let client = listed
                    .get(&(role.to_string(), tag.to_owned()))
                    .cloned()
                    .flatten();
                let own = self.digest_in(role, tag, now);
                if own != client {
                    return Err(format!(
                        "{tag} in {role} is {own:?}, for the client {client:?}"
                    ));
                }
                agreed.digests += u64::from(own.is_some());
            }
            agreed
                .fallbacks
                .extend(self.compare_default(tag, &listed, now)?);
        }
        Ok(agreed)
    }

    /// Compares what admits a tag where no signer is named: the role that speaks says it for the client, too.
    fn compare_default(
        &self,
        tag: &str,
        listed: &BTreeMap<(String, String), Option<String>>,
        now: Timestamp,
    ) -> Result<Option<Fallback>, String> {
        let in_role = |role: &str| {
            listed
                .get(&(role.to_owned(), tag.to_owned()))
                .cloned()
                .flatten()
        };
        let own = self.signed(Signers::Default, tag, now).ok();
        let state = self.facts.delegations.get(&DelegationName::releases());
        let speaker = match state {
            Some(DelegationState::Unpublished) | None => "targets",
            Some(_) => RELEASES,
        };
        let client = in_role(speaker);
        if own != client {
            return Err(format!(
                "{tag} is {own:?}, for the client {client:?} in {speaker}"
            ));
        }
        let falls_back = own.is_none() && in_role("targets").is_some();
        let rule = match state {
            Some(DelegationState::Vanished) => Fallback::Hidden,
            _ => Fallback::ReleasesSpeaks,
        };
        Ok(falls_back.then_some(rule))
    }

    fn is_alive(&self, role: &Role, now: Timestamp) -> bool {
        let Some(name) = role.delegation() else {
            return true;
        };
        let dead = [
            "delegation_expired",
            "delegation_not_published",
            "delegation_not_signed",
            "not_delegated",
        ];
        match self.signed(Signers::All(vec![name.clone()]), TAGS[0], now) {
            Ok(_) => true,
            Err(label) => !dead.contains(&label),
        }
    }

    fn digest_in(&self, role: &Role, tag: &str, now: Timestamp) -> Option<String> {
        if let Some(name) = role.delegation() {
            return self.signed(Signers::All(vec![name.clone()]), tag, now).ok();
        }
        let target = self
            .targets
            .get(role)?
            .iter()
            .find(|target| target.name == tag)?;
        target.sha256.map(|digest| digest.to_string())
    }

    fn signed(&self, signers: Signers, tag: &str, now: Timestamp) -> Result<String, &'static str> {
        let (server, wanted) = (self.server(), Wanted::Tag(tag.to_owned()));
        let query = Query {
            server,
            gun: self.facts.gun.clone(),
            signers,
            wanted,
            retained: None,
        };
        match self.known(&query, tag).signed(&query, now) {
            Ok(signed) => Ok(signed.digest.to_string()),
            Err(reason) => Err(reason.label()),
        }
    }

    fn server(&self) -> Server {
        match &self.stored {
            Some((_, server)) => server.clone(),
            None => "https://notary.example.com".parse().unwrap(),
        }
    }

    fn known(&self, query: &Query, tag: &str) -> Known {
        if let Some((store, _)) = &self.stored {
            return match store.evidence(query).unwrap() {
                Evidence::Known(known) => *known,
                nothing @ (Evidence::Unknown | Evidence::Withdrawn { .. }) => panic!("{nothing:?}"),
            };
        }
        let statement = |role: Role| {
            let all = self.targets.get(&role).into_iter().flatten();
            let targets = all.filter(|target| target.name == tag).cloned().collect();
            Statement {
                role,
                targets,
                former: Vec::new(),
            }
        };
        Known {
            facts: self.facts.clone(),
            statements: self
                .facts
                .speakers(&query.signers)
                .into_iter()
                .map(statement)
                .collect(),
            vouch: None,
        }
    }
}

const RELEASES: &str = "targets/releases";
