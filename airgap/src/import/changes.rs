//! What a repository's new trust data changes, for people.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vouchsafe_store::{Store, StoreError};
use vouchsafe_trust::evidence::Signers;
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::{Gun, KeyId, RepositoryFacts, Role, Server, Sha256, VerifiedRepository};

use super::Fate;

/// What changes. Its JSON form is stable.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// Tags that are signed now and were not.
    pub tags_added: BTreeSet<String>,
    /// Tags that were signed and are not any more.
    pub tags_removed: BTreeSet<String>,
    /// Tags that are signed for another digest.
    pub tags_repointed: BTreeMap<String, Repointed>,
    /// Roles that have other keys.
    pub keys_rotated: BTreeSet<Role>,
}

/// The digests of a tag that was re-pointed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repointed {
    /// The digest before.
    pub from: Option<Sha256>,
    /// The digest now.
    pub to: Option<Sha256>,
}

/// What is stored of a repository before a bundle changes it.
pub(super) struct Before(Option<State>);

struct State {
    tags: BTreeMap<String, Option<Sha256>>,
    keys: BTreeMap<Role, BTreeSet<KeyId>>,
}

impl Before {
    pub(super) fn read(store: &Store, server: &Server, gun: &Gun) -> Result<Self, StoreError> {
        let Some(facts) = store.facts(server, gun)? else {
            return Ok(Self(None));
        };
        let tags = store.tags(server, gun)?;
        Ok(Self(Some(State::new(&facts, &tags))))
    }

    /// What becomes of the repository once `after` is committed.
    pub(super) fn fate(self, after: &VerifiedRepository) -> Fate {
        let now = State::new(after.facts(), after.targets());
        match self.0 {
            None => Fate::New {
                tags: now.tags.len(),
            },
            Some(before) => Fate::Updated {
                changes: Box::new(before.changes(&now)),
            },
        }
    }
}

impl State {
    /// The tags as they count where a rule names no delegations.
    fn new(facts: &RepositoryFacts, targets: &BTreeMap<Role, Vec<Target>>) -> Self {
        let speakers = facts.speakers(&Signers::Default).into_iter();
        let stated = speakers.filter_map(|role| targets.get(&role)).flatten();
        Self {
            tags: stated
                .map(|target| (target.name.clone(), target.sha256))
                .collect(),
            keys: facts.keys.clone(),
        }
    }

    fn changes(&self, now: &Self) -> Changes {
        let names = |state: &Self| state.tags.keys().cloned().collect::<BTreeSet<_>>();
        let (before, after) = (names(self), names(now));
        let repointed = self.tags.iter().filter_map(|(tag, from)| {
            let to = now.tags.get(tag)?;
            let repointed = Repointed {
                from: *from,
                to: *to,
            };
            (from != to).then(|| (tag.clone(), repointed))
        });
        let rotated = now.keys.iter().filter(|(role, keys)| {
            let known = self.keys.get(role);
            known.is_some_and(|known| known != *keys)
        });
        Changes {
            tags_added: after.difference(&before).cloned().collect(),
            tags_removed: before.difference(&after).cloned().collect(),
            tags_repointed: repointed.collect(),
            keys_rotated: rotated.map(|(role, _)| role.clone()).collect(),
        }
    }
}
